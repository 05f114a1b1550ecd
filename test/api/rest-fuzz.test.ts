import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OpenApiDocument } from '../../src/doors/rest/openapi.js';
import { readEmittedRest } from '../../src/doors/rest/sofa-operations.js';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { startForgedProvider, type ForgedProvider } from '../support/forged-provider.js';
import { operationsOf, RequestMaker, type DocumentedOperation } from '../support/openapi-fuzz.js';
import { providerSettings } from '../support/provider-login.js';
import { randomFrom } from '../support/random.js';
import { rawRequest, type RawAnswer } from '../support/raw-request.js';

/** Requests per operation; `RANDOM_REQUESTS=500` is a thorough run. */
const REQUESTS = Number(process.env['RANDOM_REQUESTS'] ?? 20);
/** Only one kind of store, since the doors under test are the same on each. */
const STORES = stores.slice(0, 1);
/** Maximum requests until one is successful: operations with many rules refuse most, so a short run goes on until then. */
const MOST_UNTIL_GOOD = 100;
const SEED = 20_260_131;
const PLAN = { price: 0, daily_messages: 9_000, daily_tokens: 9_000_000, max_conversations: 900, max_file_uploads: 99 };

/**
 * Operations that random input cannot complete: they need a secret, an id of the caller's own, two ids that belong together, a reply
 * that waits, mail that was given up, no more than was used, an announcement, the name of a model, or a provider's answer.
 */
const NEED_A_SECRET = new Set([
  '/admin/announcements/{announcement_id}',
  '/admin/announcements/{announcement_id}/end',
  '/admin/dead-mail/{mail_id}',
  '/admin/dead-mail/{mail_id}/retry',
  '/admin/invitations/{invitation_id}',
  '/admin/model-breakers/{model}/close',
  '/admin/users/{user_id}/sessions/{session_id}',
  '/admin/users/{user_id}/tokens/{token_id}',
  '/admin/users/{user_id}/usage/corrections',
  '/auth/change-email',
  '/auth/change-password',
  '/auth/confirm-email-change',
  '/auth/login',
  '/auth/refresh',
  '/auth/reset-password',
  '/auth/sessions/{session_id}',
  '/auth/undo-change',
  '/auth/verify-email',
  '/auth/passkeys',
  '/auth/passkeys/{passkey_id}',
  '/auth/passkeys/login',
  '/auth/passkeys/options',
  '/auth/second-factor',
  '/auth/second-factor/confirm',
  '/auth/second-factor/disable',
  '/auth/second-factor/enrol',
  '/auth/second-factor/recovery-codes',
  '/auth/oidc/{provider}/callback',
  '/auth/oidc/{provider}/link',
  '/auth/oidc/{provider}/link/finish',
  '/auth/oidc/token',
  '/conversations/{conversation_id}/read',
  '/messages/{message_id}/tool-results',
  '/user/tokens',
  '/user/tokens/{token_id}',
  '/users/me/identities/{identity_id}',
  '/uploads/{upload_id}',
]);

const operations = operationsOf(JSON.parse(await readEmittedRest().loadDocument()) as OpenApiDocument);

/** Describes how an answer differs from the operation's documentation; undefined when it does not. */
type Check = (operation: DocumentedOperation, answer: RawAnswer) => string | undefined;

function checkAgainst(document: OpenApiDocument): Check {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'document');
  return ({ method, path }, { status, headers, text, json }) => {
    const place = `/paths/${escaped(path)}/${method.toLowerCase()}/responses`;
    const responses = document.paths[path]?.[method.toLowerCase()]?.['responses'] as Record<string, object>;
    const name = String(status);
    if (!Object.hasOwn(responses, name)) return `has no response ${status}: ${text}`;
    const shared = (responses[name] as { readonly $ref?: string }).$ref?.slice(1);
    const mediaType = headers['content-type']?.split(';')[0] ?? '';
    if (status === 204) return undefined;
    // Streams and files are described by their media type only.
    if (mediaType !== 'application/json') {
      const { content = {} } = responses[name] as { readonly content?: object };
      return Object.hasOwn(content, mediaType) ? undefined : `has no ${mediaType} for ${status}`;
    }
    const reference = `document#${shared ?? `${place}/${name}`}/content/${escaped(mediaType)}/schema`;
    const validate = ajv.getSchema(reference);
    if (validate === undefined) return `has no ${mediaType} at ${reference}`;
    if (!validate(json)) return `${ajv.errorsText(validate.errors)} in ${text}`;
    const messages = messagesOf(document, responses[name] ?? {});
    const { message } = json as { readonly message: string };
    return messages.length === 0 || messages.includes(message) ? undefined : `has no ${status} "${message}"`;
  };
}

/** The messages of a response, each of which has an example. */
function messagesOf({ components }: OpenApiDocument, response: object): readonly string[] {
  const shared = '$ref' in response ? components.responses[String(response.$ref).replace(/^.*\//, '')] : response;
  const { content = {} } = (shared ?? {}) as {
    content?: Record<string, { examples?: Record<string, { value: Message }> }>;
  };
  return Object.values(content['application/json']?.examples ?? {}).map(({ value }) => value.message);
}

interface Message {
  readonly message: string;
}

/** Whether any request was successful; a redirect counts too. */
const isGood = (seen: ReadonlyMap<number, number>) => seen.has(200) || seen.has(302);

const escaped = (part: string) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

describe.each(STORES)(`${REQUESTS} random requests of each operation on %s`, (on) => {
  let provider: ForgedProvider;
  let app: TestApp;
  let check: Check;

  beforeAll(async () => {
    provider = await startForgedProvider('house');
    const settings = { ...providerSettings(provider), PLANS: JSON.stringify({ free: PLAN, pro: PLAN }) };
    app = await startTestApp({ stores: on, settings });
    const response = await fetch(`${app.url}/api/v1/openapi.json`);
    check = checkAgainst((await response.json()) as OpenApiDocument);
  });
  afterAll(async () => {
    await app.close();
    await provider.close();
  });

  const newCaller = async (isAdmin: boolean) => {
    const actor = await signUp(app);
    await app.database.query('UPDATE users SET is_admin = $2 WHERE id = $1', [actor.userId, isAdmin]);
    return actor;
  };

  const thingsOf = async (actor: Actor & { readonly userId: string }) => {
    const conversationId = await actor.createConversation('talk');
    const { createMessage } = await actor.ask<{ createMessage: { message: { id: string }; reply: { id: string } } }>(
      'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } reply { id } } }',
      { input: { conversationId, content: { text: 'hi' }, messageType: 'user', invokeLlm: true, waitForReply: true } },
    );
    return [actor.userId, conversationId, createMessage.message.id, createMessage.reply.id] as const;
  };

  it.each(operations)('$title', async (operation) => {
    const random = randomFrom(SEED);
    const callers = { user: await newCaller(false), admin: await newCaller(true) };
    const ids = [...(await thingsOf(callers.user)), ...(await thingsOf(callers.admin))] as const;
    const maker = new RequestMaker(random, ids);
    const loggedBefore = app.logged.length;
    const seen = new Map<number, number>();
    const goesOn = (count: number) =>
      count < REQUESTS || (!NEED_A_SECRET.has(operation.path) && !isGood(seen) && count < MOST_UNTIL_GOOD);
    for (let count = 0; goesOn(count); count++) {
      const kind = random.pick(['user', 'admin'] as const);
      const caller = callers[kind];
      const isNobody = random.chance(5);
      const made = await maker.request(operation);
      const headers = { ...made.headers, ...(isNobody ? {} : caller.headers) };
      const request = { ...made, headers };
      const answer = await rawRequest(Number(new URL(app.url).port), request);
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
      const fault = answer.status >= 500 ? answer.text : check(operation, answer);
      if (fault !== undefined) throw new Error(`${fault}\nto ${JSON.stringify({ ...made, body: String(made.body) })}`);
      const mayBeOver = !isNobody && (operation.method === 'DELETE' || [401, 403, 404].includes(answer.status));
      if (mayBeOver && (await caller.rest('GET', '/users/me')).status !== 200) {
        callers[kind] = await newCaller(kind === 'admin');
      }
    }
    if (!NEED_A_SECRET.has(operation.path)) expect(isGood(seen)).toBe(true);
    expect(app.logged.slice(loggedBefore).filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});
