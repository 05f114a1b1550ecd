import { randomBytes } from 'node:crypto';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWebSocketClient } from 'graphql-ws';
import type { FormattedExecutionResult } from 'graphql';
import WebSocket from 'ws';
import { secretsInJson } from './secrets/secrets-in.js';
import { noteSecrets } from './secrets/suite-secrets.js';

export interface GraphQLAnswer<Data = Record<string, unknown>> {
  readonly data?: Data | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions: Readonly<Record<string, unknown>> & { readonly code: string };
  }[];
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly code: number; readonly message: string; readonly data: unknown };
}

export interface Subscription<Event> extends AsyncIterableIterator<Event> {
  /** Closes the subscription's connection. */
  close(): void;
}

type Variables = Readonly<Record<string, unknown>>;

/** A client of the service's doors: anonymous, or with `token` set, a user. */
export class Actor {
  token: string | undefined;

  constructor(
    readonly url: string,
    readonly credentials: { readonly email: string; readonly password: string } = newCredentials(),
  ) {}

  get headers(): Record<string, string> {
    return this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
  }

  async graphql<Data = Record<string, never>>(
    query: string,
    variables: Variables = {},
    operationName?: string,
  ): Promise<GraphQLAnswer<Data>> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...this.headers },
      body: bodyOf({ query, variables, operationName }),
    });
    return (await response.json()) as GraphQLAnswer<Data>;
  }

  /** @returns the data. @throws when there are errors */
  async ask<Data>(query: string, variables: Variables = {}): Promise<Data> {
    const { data, errors } = await this.graphql<Data>(query, variables);
    if (errors !== undefined || data == null) throw new Error(JSON.stringify(errors));
    return data;
  }

  async rest(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<RestAnswer> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...this.headers, ...headers },
      ...(body === undefined ? {} : { body: bodyOf(body) }),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as RestAnswer['body'] };
  }

  /** Subscribes over a WebSocket of its own. A refusal or an error that ends the stream is thrown or is the last result. */
  webSocket<Data>(query: string, variables: Variables = {}): Subscription<FormattedExecutionResult<Data>> {
    const client = createWebSocketClient({
      url: `${this.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      ...(this.token === undefined ? {} : { connectionParams: { authorization: `Bearer ${this.token}` } }),
    });
    const iterator = client.iterate<Data>({ query, variables });
    return withClose(iterator as AsyncIterableIterator<FormattedExecutionResult<Data>>, () => void client.dispose());
  }

  /** Subscribes over server-sent events. */
  eventStream<Data>(query: string, variables: Variables = {}): Subscription<FormattedExecutionResult<Data>> {
    const client = createSseClient({ url: `${this.url}/graphql`, headers: this.headers, retryAttempts: 0 });
    const iterator = client.iterate<Data>({ query, variables });
    return withClose(iterator as AsyncIterableIterator<FormattedExecutionResult<Data>>, () => {
      client.dispose();
    });
  }

  async createUser(): Promise<string> {
    const { createUser } = await this.ask<{ createUser: { id: string } }>(
      'mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }',
      { input: { provider: 'local', ...this.credentials } },
    );
    return createUser.id;
  }

  async login(): Promise<{ readonly accessToken: string; readonly refreshToken: string }> {
    const { login } = await this.ask<{ login: { accessToken: string; refreshToken: string } }>(
      'mutation ($input: LoginInput!) { login(input: $input) { accessToken refreshToken } }',
      { input: this.credentials },
    );
    this.token = login.accessToken;
    return login;
  }

  async createConversation(title?: string): Promise<string> {
    const { createConversation } = await this.ask<{ createConversation: { id: string } }>(
      'mutation ($input: CreateConversationInput!) { createConversation(input: $input) { id } }',
      { input: { title } },
    );
    return createConversation.id;
  }
}

/** A user who is logged in. */
export async function signUp({ url }: { readonly url: string }): Promise<Actor & { readonly userId: string }> {
  const actor = new Actor(url);
  const userId = await actor.createUser();
  await actor.login();
  return Object.assign(actor, { userId });
}

/** In JSON, and no log may hold what is secret in it. */
function bodyOf(content: unknown): string {
  const body = JSON.stringify(content);
  noteSecrets(secretsInJson(body));
  return body;
}

/** Reads a stream to its end. */
export async function collect<Value>(stream: AsyncIterable<Value>): Promise<Value[]> {
  const values: Value[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

function newCredentials() {
  return { email: `${randomBytes(8).toString('hex')}@example.com`, password: 'correct horse battery' };
}

function withClose<Event>(iterator: AsyncIterableIterator<Event>, close: () => void): Subscription<Event> {
  return Object.assign(iterator, { close });
}
