import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import type { Client, Credentials, NewUser, Outcome } from '../support/clients/client.js';
import { graphqlClient } from '../support/clients/graphql-client.js';
import { restClient } from '../support/clients/rest-client.js';

const PASSWORD = 'correct horse battery';
const NOBODY = '01890a5d-ac96-774b-bcce-b302099a8057';
const PLANS = JSON.stringify({
  free: { price: 0, daily_messages: 5, daily_tokens: 100_000, max_conversations: 2, max_file_uploads: 0 },
  pro: { price: 10, daily_messages: 1000, daily_tokens: 1_000_000, max_conversations: 50, max_file_uploads: 5 },
});

type Transcript = readonly Outcome<unknown>[];

/** A scenario's supplies: clients without an account, and unused e-mail addresses. */
interface Cast {
  readonly newClient: () => Client;
  readonly newAddress: () => string;
}

interface Scenario {
  readonly title: string;
  readonly play: (cast: Cast) => Promise<Transcript>;
  /** Expected error codes by the index of the failing step, so that two clients cannot agree by both failing early. */
  readonly failures: Readonly<Record<number, string>>;
}

const newUser = ({ newAddress }: Cast): NewUser => ({ provider: 'local', email: newAddress(), password: PASSWORD });

const credentialsOf = ({ email, password }: NewUser): Credentials => ({ email, password });

async function signUp(cast: Cast): Promise<Client> {
  const client = cast.newClient();
  const input = newUser(cast);
  dataOf(await client.createUser(input));
  dataOf(await client.login(credentialsOf(input)));
  return client;
}

function dataOf<Data>(outcome: Outcome<Data>): Data {
  if ('data' in outcome) return outcome.data;
  throw new Error(JSON.stringify(outcome.failure));
}

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'an account is made, used, changed and deleted',
    async play(cast) {
      const client = cast.newClient();
      const input = newUser(cast);
      const stranger = await client.me();
      const made = await client.createUser(input);
      const twice = await client.createUser(input);
      const wrong = await client.login({ ...credentialsOf(input), password: 'something else' });
      const login = await client.login(credentialsOf(input));
      const changed = await client.updateMe({
        phoneNumber: '+44 20 7946 0018',
        profile: { name: 'Ada', tags: [1, null] },
      });
      const cleared = await client.updateMe({ phoneNumber: null });
      const promoted = await client.updateMe({ isAdmin: true });
      const own = await client.user(dataOf(made).id);
      const other = await client.user(NOBODY);
      const all = await client.users();
      const deleted = await client.deleteMe();
      const gone = await client.me();
      return [stranger, made, twice, wrong, login, changed, cleared, promoted, own, other, all, deleted, gone];
    },
    failures: {
      0: 'UNAUTHENTICATED',
      2: 'CONFLICT',
      3: 'UNAUTHENTICATED',
      7: 'FORBIDDEN',
      9: 'FORBIDDEN',
      10: 'FORBIDDEN',
      12: 'NOT_FOUND',
    },
  },
  {
    title: 'a session ends with a logout',
    async play(cast) {
      const client = await signUp(cast);
      return [await client.me(), await client.logout(), await client.me(), await client.logout()];
    },
    failures: { 2: 'UNAUTHENTICATED', 3: 'UNAUTHENTICATED' },
  },
  {
    title: 'conversations are made, found, changed and deleted',
    async play(cast) {
      const client = await signUp(cast);
      await client.changePlan('pro');
      const titles = ['Holiday plans', '100% wool', 'holiday photos', null];
      const made = [];
      for (const title of titles) made.push(await client.createConversation({ title, status: 'open' }));
      const [first, second, third] = made.map((outcome) => dataOf(outcome).id);
      const page = { first: 10, offset: 0 };
      return [
        ...made,
        await client.conversations(page),
        await client.conversations({ first: 2, offset: 1 }),
        await client.conversations({ ...page, query: 'HOLIDAY' }),
        await client.conversations({ ...page, query: '%' }),
        await client.updateConversation(first ?? '', { title: null }),
        await client.updateConversation(first ?? '', { status: 'archived' }),
        await client.conversation(first ?? ''),
        await client.deleteConversation(first ?? ''),
        await client.conversation(first ?? ''),
        await client.deleteConversations([second ?? '', third ?? '', first ?? '', NOBODY]),
        await client.conversations(page),
      ];
    },
    failures: { 12: 'NOT_FOUND' },
  },
  {
    title: 'messages are sent, answered, changed and deleted',
    async play(cast) {
      const client = await signUp(cast);
      const { id } = dataOf(await client.createConversation({}));
      const message = { content: { text: 'Where is it warm?', mood: ['curious', 1.5] }, messageType: 'user' };
      const sent = await client.createMessage(id, message);
      const asked = await client.createMessage(id, { ...message, invokeLlm: true });
      const page = { first: 10, offset: 0 };
      const listed = await client.messages(id, page);
      const messageId = dataOf(sent).id;
      return [
        sent,
        asked,
        listed,
        await client.messages(id, { first: 1, offset: 2 }),
        await client.updateMessage(messageId, { extra: { seen: true } }),
        await client.updateMessage(messageId, { content: { text: 'x' }, messageType: 'note', extra: null }),
        await client.message(messageId),
        await client.deleteMessage(messageId),
        await client.message(messageId),
        await client.messages(NOBODY, page),
      ];
    },
    failures: { 8: 'NOT_FOUND', 9: 'NOT_FOUND' },
  },
  {
    title: "nobody's own is anybody else's",
    async play(cast) {
      const owner = await signUp(cast);
      const stranger = await signUp(cast);
      const { id } = dataOf(await owner.createConversation({ title: 'private' }));
      const sent = dataOf(await owner.createMessage(id, { content: { text: 'secret' }, messageType: 'user' }));
      return [
        await stranger.conversation(id),
        await stranger.updateConversation(id, { title: 'mine' }),
        await stranger.deleteConversation(id),
        await stranger.deleteConversations([id]),
        await stranger.messages(id, { first: 5, offset: 0 }),
        await stranger.message(sent.id),
        await stranger.deleteMessage(sent.id),
        await stranger.chat('What did they say?', id),
        await owner.conversation(id),
      ];
    },
    failures: {
      0: 'NOT_FOUND',
      1: 'NOT_FOUND',
      2: 'NOT_FOUND',
      4: 'NOT_FOUND',
      5: 'NOT_FOUND',
      6: 'NOT_FOUND',
      7: 'NOT_FOUND',
    },
  },
  {
    title: 'chat answers, remembers, and is counted',
    async play(cast) {
      const client = await signUp(cast);
      const { id } = dataOf(await client.createConversation({}));
      return [
        await client.chat('Hello'),
        await client.chat('Hello again', id),
        await client.messages(id, { first: 10, offset: 0 }),
        await client.usage(),
      ];
    },
    failures: {},
  },
  {
    title: 'a plan has an end, and a larger one goes on',
    async play(cast) {
      const client = await signUp(cast);
      const plans = await client.plans();
      const begin = () => client.createConversation({});
      const conversations = [await begin(), await begin(), await begin()];
      const chats = [];
      for (let count = 0; count < 6; count++) chats.push(await client.chat('Hello'));
      const upgrades = [
        await client.changePlan('gold'),
        await client.changePlan('pro'),
        await client.changePlan('pro'),
      ];
      return [
        plans,
        ...conversations,
        ...chats,
        ...upgrades,
        await begin(),
        await client.chat('Hello'),
        await client.me(),
        await client.models(),
      ];
    },
    failures: { 3: 'QUOTA_EXCEEDED', 9: 'QUOTA_EXCEEDED', 10: 'BAD_USER_INPUT' },
  },
  {
    title: 'bad input is told of, all faults at once',
    async play(cast) {
      const client = await signUp(cast);
      const { id } = dataOf(await client.createConversation({}));
      return [
        await client.createUser({ provider: '', email: 'nonsense', password: 'short' }),
        await client.updateMe({ phoneNumber: 'call me' }),
        await client.createConversation({ title: 'x'.repeat(201), status: 'x'.repeat(51) }),
        await client.createMessage(id, { content: { text: 'x'.repeat(300_000) }, messageType: '' }),
        await client.chat(''),
        await client.chat('x'.repeat(40_000)),
      ];
    },
    failures: Object.fromEntries([0, 1, 2, 3, 4, 5].map((index) => [index, 'BAD_USER_INPUT'])),
  },
];

/** Replaces values that differ between runs (ids, times, addresses) by fixed words. Ids are numbered as they first appear. */
function normalised(transcript: Transcript): unknown {
  const ids = new Map<string, string>();
  const text = JSON.stringify(transcript)
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => {
      if (!ids.has(id)) ids.set(id, `id ${ids.size + 1}`);
      return ids.get(id) ?? id;
    })
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'a time')
    .replace(/[0-9a-f]{16}@example\.com/g, 'an address');
  return JSON.parse(text);
}

function failuresIn(transcript: Transcript): Scenario['failures'] {
  return Object.fromEntries(
    transcript.flatMap((outcome, index) => ('failure' in outcome ? [[index, outcome.failure.code]] : [])),
  );
}

describe.each(stores)('the clients of REST and of GraphQL on %s', (on) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS } });
  });
  afterAll(() => app.close());

  const castOf = (make: (url: string) => Client, { url }: TestApp): Cast => ({
    newClient: () => make(url),
    newAddress: () => `${randomBytes(8).toString('hex')}@example.com`,
  });

  const expectTheSame = async ({ play, failures }: Scenario, service: TestApp) => {
    const throughRest = await play(castOf(restClient, service));
    const throughGraphQL = await play(castOf(graphqlClient, service));
    expect(failuresIn(throughRest)).toEqual(failures);
    expect(normalised(throughRest)).toEqual(normalised(throughGraphQL));
  };

  it.each(SCENARIOS)('tell the same: $title', async (scenario) => {
    await expectTheSame(scenario, app);
  });

  it('tell the same of rate limits, and when to try again', async () => {
    const limited = await startTestApp({
      stores: on,
      settings: { RATE_LIMIT_LOGIN: '2/60', RATE_LIMIT_CHAT: '2/60', RATE_LIMIT_MESSAGE: '2/60' },
    });
    const play = async (cast: Cast) => {
      const client = await signUp(cast);
      const { id } = dataOf(await client.createConversation({}));
      const send = () => client.createMessage(id, { content: { text: 'Hello' }, messageType: 'user' });
      const address = cast.newAddress();
      const login = () => client.login({ email: address, password: PASSWORD });
      return [
        ...[await client.chat('Hello'), await client.chat('Hello'), await client.chat('Hello')],
        ...[await send(), await send(), await send()],
        ...[await login(), await login(), await login()],
      ];
    };
    const [unknown, limit] = ['UNAUTHENTICATED', 'RATE_LIMITED'];
    try {
      const failures = { 2: limit, 5: limit, 6: unknown, 7: unknown, 8: limit };
      await expectTheSame({ title: '', play, failures }, limited);
    } finally {
      await limited.close();
    }
  });

  it('tell the same of a model that fails', async () => {
    const play = async (cast: Cast) => {
      const client = await signUp(cast);
      app.model.reply({ error: { status: 400, message: 'no' } });
      return [await client.chat('Hello'), await client.usage()];
    };
    await expectTheSame({ title: '', play, failures: { 0: 'UPSTREAM_FAILED' } }, app);
  });
});
