// Measures the cost of a REST call relative to the same call in GraphQL: `npm run bench:rest [-- --rounds 9 --calls 400]`.
// The service runs in a separate process with the embedded parts; in each round both calls are sent, one after the other, and
// they take turns to be first. Prints the CPU time of the process per call (medians of the rounds) and the ratio. Needs Linux,
// since CPU time is read from /proc.
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { parseArgs } from 'node:util';
import { signUp, type Actor } from '../support/actor.js';
import { startProgram, withDataDirectory, type Program } from '../support/program.js';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, calls: { type: 'string', default: '400' } },
});
const ROUNDS = Number(values.rounds);
const CALLS = Number(values.calls);
const CONCURRENCY = 8;
const WARM_UP_CALLS = 1_500;
/** The unit of CPU times in /proc: every common Linux has 100 ticks per second. */
const MILLISECONDS_PER_TICK = 10;

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

interface Pair {
  readonly title: string;
  readonly rest: Call;
  readonly graphql: Call;
}

const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });

const graphql = (query: string, variables: object = {}): Call => ({
  method: 'POST',
  path: '/graphql',
  body: { query, variables },
});
const rest = (method: string, path: string, body?: unknown): Call => ({ method, path: `/api/v1${path}`, body });

const USER =
  'id email phoneNumber provider providerId isVerified verifiedAt profile isActive isSuspended isAdmin lastLogin plan { id }';
const CONVERSATION = 'id title status createdAt updatedAt user { id }';
const MESSAGE = 'id content messageType extra createdAt conversation { id } user { id }';

function pairsOf(conversationId: string): readonly Pair[] {
  const id = { id: conversationId };
  return [
    {
      title: "one's own account",
      rest: rest('GET', '/users/me'),
      graphql: graphql(`query Me { me { ${USER} } }`),
    },
    {
      title: 'a conversation',
      rest: rest('GET', `/conversations/${conversationId}`),
      graphql: graphql(`query One($id: ID!) { conversation(id: $id) { ${CONVERSATION} } }`, id),
    },
    {
      title: '20 conversations',
      rest: rest('GET', '/conversations?limit=20'),
      graphql: graphql(`query All($first: Int) { conversations(first: $first) { nodes { ${CONVERSATION} } } }`, {
        first: 20,
      }),
    },
    {
      title: '50 messages',
      rest: rest('GET', `/conversations/${conversationId}/messages?limit=50`),
      graphql: graphql(
        `query All($id: ID!, $first: Int) { messages(conversationId: $id, first: $first) { nodes { ${MESSAGE} } } }`,
        { ...id, first: 50 },
      ),
    },
    {
      title: 'a change',
      rest: rest('PATCH', `/conversations/${conversationId}`, { title: 'Holiday plans', status: 'open' }),
      graphql: graphql(
        `mutation Change($id: ID!, $input: UpdateConversationInput!) { updateConversation(id: $id, input: $input) { ${CONVERSATION} } }`,
        { ...id, input: { title: 'Holiday plans', status: 'open' } },
      ),
    },
    {
      title: 'a creation',
      rest: rest('POST', '/conversations', { title: 'Holiday plans', status: 'open' }),
      graphql: graphql(
        `mutation Create($input: CreateConversationInput!) { createConversation(input: $input) { ${CONVERSATION} } }`,
        { input: { title: 'Holiday plans', status: 'open' } },
      ),
    },
  ];
}

async function prepare(actor: Actor): Promise<string> {
  const conversationId = await actor.createConversation('Holiday plans');
  for (let index = 0; index < 50; index++) {
    const message = { content: { text: `Where is it warm in March, and ${index}?` }, message_type: 'user' };
    await actor.rest('POST', `/conversations/${conversationId}/messages`, message);
  }
  for (let index = 0; index < 20; index++) await actor.createConversation(`Plan ${index}`);
  return conversationId;
}

/** @throws unless the answer is successful and has no errors */
function send(url: string, { method, path, body }: Call, headers: Record<string, string>): Promise<void> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const framing =
    text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method, agent, headers: { ...headers, ...framing } }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200 && !answer.startsWith('{"errors"')) resolve();
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${answer.slice(0, 500)}`));
      });
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

async function sendAll(url: string, call: Call, headers: Record<string, string>, count: number): Promise<void> {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await send(url, call, headers);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
}

/** User and system CPU time of a process: fields 14 and 15 of /proc/<pid>/stat, counted after the name in parentheses. */
async function cpuMilliseconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * MILLISECONDS_PER_TICK;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function measure({ url, pid }: Program, { rest, graphql }: Pair, headers: Record<string, string>) {
  const costs = { rest: [] as number[], graphql: [] as number[] };
  for (const call of [rest, graphql]) await sendAll(url, call, headers, WARM_UP_CALLS);
  const turns = [
    { call: rest, into: costs.rest },
    { call: graphql, into: costs.graphql },
  ];
  for (let round = 0; round < ROUNDS; round++) {
    for (const { call, into } of round % 2 === 0 ? turns : turns.toReversed()) {
      const before = await cpuMilliseconds(pid);
      await sendAll(url, call, headers, CALLS);
      into.push((await cpuMilliseconds(pid)) - before);
    }
  }
  return { rest: median(costs.rest) / CALLS, graphql: median(costs.graphql) / CALLS };
}

await withDataDirectory(async (directory) => {
  const limits = { daily_messages: 1_000_000, daily_tokens: 1_000_000_000, max_conversations: 1_000_000 };
  const program = await startProgram({
    DATA_DIR: directory,
    RATE_LIMIT_MESSAGE: '1000/60',
    PLANS: JSON.stringify({ free: { price: 0, ...limits, max_file_uploads: 0 } }),
  });
  const actor = await signUp(program);
  const pairs = pairsOf(await prepare(actor));
  console.log('CPU of a call in ms'.padEnd(24), 'REST'.padStart(8), 'GraphQL'.padStart(8), 'ratio'.padStart(6));
  for (const pair of pairs) {
    const { rest, graphql } = await measure(program, pair, actor.headers);
    const figures = [
      rest.toFixed(3).padStart(8),
      graphql.toFixed(3).padStart(8),
      (rest / graphql).toFixed(2).padStart(6),
    ];
    console.log(pair.title.padEnd(24), ...figures);
  }
  agent.destroy();
});
