import { Actor } from './actor.js';
import { makeToken, type MadeToken } from './access-tokens.js';
import type { TestApp } from './app.js';
import { registerPasskey } from './passkeys.js';
import { SoftwareAuthenticator } from './software-authenticator.js';

/** Kinds of callers. The target belongs to the owner; the internal caller acts as the owner. */
export const ACTORS = ['nobody', 'owner', 'other', 'admin', 'suspended', 'internal'] as const;
export type ActorName = (typeof ACTORS)[number];

export const INTERNAL_KEY = 'a key of the house, of more than thirty-two bytes';

/** A caller: its authentication headers and its account's data. */
export interface CastMember {
  readonly headers: Readonly<Record<string, string>>;
  readonly userId: string;
  readonly email: string;
  readonly password: string;
  readonly refreshToken: string;
}

/** The owner's objects to call operations on, created anew each time they are requested. */
export class Target {
  readonly #actor: Actor;

  constructor(
    url: string,
    readonly owner: CastMember,
    private readonly database: TestApp['database'],
  ) {
    this.#actor = new Actor(url, owner);
    this.#actor.token = owner.headers['authorization']?.replace('Bearer ', '');
  }

  conversation(): Promise<string> {
    return this.#actor.createConversation();
  }

  /** A conversation of another caller. Does nothing for one who may not have any. */
  async conversationOf({ headers }: CastMember): Promise<void> {
    await fetch(`${this.#actor.url}/api/v1/conversations`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{}',
    });
  }

  async message(): Promise<string> {
    const { message } = await this.write(await this.conversation());
    return message.id;
  }

  /** A conversation and a message of it. */
  async read(): Promise<{ readonly conversationId: string; readonly upTo: string }> {
    const conversationId = await this.conversation();
    const { message } = await this.write(conversationId);
    return { conversationId, upTo: message.id };
  }

  async reply(): Promise<string> {
    const { reply } = await this.write(await this.conversation(), { invokeLlm: true, waitForReply: true });
    return reply?.id ?? '';
  }

  /** A reply that waits for the result of the call `call_1`. */
  async waitingReply(): Promise<string> {
    const id = await this.reply();
    const parts = [{ type: 'tool-call', id: 'call_1', name: 'add', arguments: '{}', server: null }];
    await this.database.query(
      `UPDATE messages SET status = 'STREAMING', waits_until = now() + interval '1 hour', content = '{"text":""}',
         delta_ends = '{}', parts = $2::jsonb, other_events = 1 WHERE id = $1`,
      [id, JSON.stringify(parts)],
    );
    return id;
  }

  async write(conversationId: string, more: object = {}) {
    const { createMessage } = await this.#actor.ask<{
      createMessage: { message: { id: string }; reply: { id: string } | null };
    }>('mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } reply { id } } }', {
      input: { conversationId, content: { text: 'hello' }, messageType: 'user', ...more },
    });
    return createMessage;
  }

  async session(): Promise<string> {
    const { sessions } = await this.#actor.ask<{ sessions: { id: string }[] }>('{ sessions { id } }');
    return sessions[0]?.id ?? '';
  }

  async passkey(): Promise<string> {
    return registerPasskey(this.#actor, new SoftwareAuthenticator());
  }

  /** The id of a personal access token. */
  async accessToken(): Promise<string> {
    const { id } = await this.makeToken(['chat']);
    return id;
  }

  makeToken(scopes: readonly string[]): Promise<MadeToken> {
    return makeToken(this.#actor, scopes);
  }

  async upload(): Promise<string> {
    const body = new FormData();
    body.set('file', new File(['text'], 'a.txt'));
    const url = `${this.#actor.url}/api/v1/uploads`;
    await fetch(url, { method: 'POST', headers: this.#actor.headers, body });
    const { uploads } = await this.#actor.ask<{ uploads: { nodes: { id: string }[] } }>(
      '{ uploads(first: 1) { nodes { id } } }',
    );
    return uploads.nodes[0]?.id ?? '';
  }
}

/** The callers of the matrix, created when first used. */
export class Cast {
  readonly #tokens = new Map<string, Promise<MadeToken>>();
  readonly #members = new Map<ActorName, Promise<CastMember>>();

  constructor(private readonly app: Pick<TestApp, 'url' | 'database'>) {}

  async target(): Promise<Target> {
    return new Target(this.app.url, await this.member('owner'), this.app.database);
  }

  /** A personal access token of the owner's, the same for the same scopes. */
  async accessToken(scopes: readonly string[]): Promise<string> {
    const key = scopes.join();
    const made = this.#tokens.get(key) ?? this.target().then((target) => target.makeToken(scopes));
    this.#tokens.set(key, made);
    return (await made).token;
  }

  member(name: ActorName): Promise<CastMember> {
    const known = this.#members.get(name);
    if (known !== undefined) return known;
    const made = this.make(name);
    this.#members.set(name, made);
    return made;
  }

  private async make(name: ActorName): Promise<CastMember> {
    // Even `nobody` holds the owner's password and refresh token: operations that take those are open to whoever has them.
    if (name === 'nobody') return { ...(await this.member('owner')), headers: {} };
    if (name === 'internal') {
      const owner = await this.member('owner');
      return { ...owner, headers: { 'x-user-id': owner.userId, 'x-internal-key': INTERNAL_KEY } };
    }
    const actor = new Actor(this.app.url);
    const userId = await actor.createUser();
    const { refreshToken } = await actor.login();
    if (name === 'admin') await this.set(userId, 'is_admin');
    if (name === 'suspended') await this.set(userId, 'is_suspended');
    return { ...actor.credentials, userId, refreshToken, headers: actor.headers };
  }

  private async set(userId: string, column: 'is_admin' | 'is_suspended'): Promise<void> {
    await this.app.database.query(`UPDATE users SET ${column} = true WHERE id = $1`, [userId]);
  }
}
