import type { Attack, AttackKind } from './attack.js';
import { send, times } from './attack.js';

const introspect = '__schema { types { name fields { name type { name } } } }';
const persisted = (sha256Hash: unknown) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } });

/** What a client without credentials may send to cost as much as it can: bodies of `POST /graphql`. */
const BODIES: readonly (readonly [string, unknown])[] = [
  ['one field 495 times', { query: `{ __type(name: "User") { ${'ofType { name } '.repeat(495)} } }` }],
  ['the schema by 20 aliases', { query: `{ ${times(20, (n) => `a${n.toString()}: ${introspect}`).join(' ')} }` }],
  [
    '60,000 unknown variables',
    { query: '{ __typename }', variables: Object.fromEntries(times(60_000, (n) => [`v${n.toString()}`, n])) },
  ],
  ['a depth of 2,000', { query: `{ ${'me { '.repeat(2_000)}id${' }'.repeat(2_000)} }` }],
  [
    'nested lists with a fan-out',
    {
      query: `{ conversations(first: 100) { nodes { messages(first: 100) { nodes { conversation { messages(first: 100) { nodes { id } } } } } } } }`,
    },
  ],
  [
    '1,000 aliased logins',
    {
      query: `mutation { ${times(1_000, (n) => `a${n.toString()}: login(input: { email: "a@b.example", password: "x" }) { accessToken }`).join(' ')} }`,
    },
  ],
  [
    'fragments that double',
    {
      query: `{ ...F0 } ${times(40, (n) => `fragment F${n.toString()} on Query { ...F${(n + 1).toString()} ... { ...F${(n + 1).toString()} } }`).join(' ')} fragment F40 on Query { __typename }`,
    },
  ],
  ['fragments in a ring', { query: '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }' }],
  ['10,000 unknown fields', { query: `{ ${times(10_000, (n) => `x${n.toString()}`).join(' ')} }` }],
  ['10,000 directives', { query: `{ __typename ${'@skip(if: false) '.repeat(10_000)} }` }],
  ['2,000 operations', { query: times(2_000, (n) => `query Q${n.toString()} { __typename }`).join(' ') }],
  ['a name of 500,000 letters', { query: `query ${'q'.repeat(500_000)} { __typename }` }],
  ['a text of 900,000 letters', { query: `{ node(id: "${'x'.repeat(900_000)}") { id } }` }],
  ['a list, 20,000 deep', { query: `{ node(id: ${'['.repeat(20_000)}${']'.repeat(20_000)}) { id } }` }],
  [
    'variables, 10,000 deep',
    `{"query":"query ($i: CreateConversationInput!) { __typename }","variables":{"i":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`,
  ],
  ['spaces', `{"query":"{ __typename }"${' '.repeat(900_000)}}`],
  ['a batch of 1,000', times(1_000, () => ({ query: '{ __typename }' }))],
  ['2 MB', { query: '{ __typename }', x: 'x'.repeat(2_000_000) }],
  ['an unknown hash', persisted('0'.repeat(64))],
  ['a hash that is a list', persisted([[]])],
  ['a hash of another text', { query: '{ __typename }', ...persisted('0'.repeat(64)) }],
];

/** The service must answer within the limits of a client's patience, without a fault, and go on serving others. */
export const costs: AttackKind = {
  name: 'costs',
  attacks: () => [
    ...BODIES.flatMap(([name, body]): Attack[] =>
      ['application/json', 'text/event-stream'].map((accept) => ({
        name: `${name}, as ${accept}`,
        run: async (service) => {
          const health = send(service, 'GET', '/api/v1/health');
          const answer = await send(service, 'POST', '/graphql', { body, headers: { accept } });
          if (answer.status >= 500) return `answered ${answer.status.toString()}`;
          return (await health).status === 200 ? undefined : 'others were not served';
        },
      })),
    ),
  ],
};
