import type { Attack, AttackKind, Service, User } from './attack.js';
import { graphql, isAccepted, send, signUp } from './attack.js';

const encode = (json: unknown) => Buffer.from(JSON.stringify(json)).toString('base64url');

const letterOtherThan = (letter: string | undefined) => (letter === 'A' ? 'B' : 'A');

/** Tokens that look like the good one. Nobody may be logged in by any of them. */
function forgeries({ token, id }: User): readonly (readonly [string, string])[] {
  const [head = '', payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  return [
    ['no algorithm', `${encode({ alg: 'none' })}.${payload}.`],
    ['no algorithm and a signature', `${encode({ alg: 'none' })}.${payload}.${signature}`],
    ['another algorithm', `${encode({ alg: 'HS512' })}.${payload}.${signature}`],
    ['RS256', `${encode({ alg: 'RS256' })}.${payload}.${signature}`],
    ['a key id that is a path', `${encode({ alg: 'HS256', kid: '../../dev/null' })}.${payload}.${signature}`],
    ['a key in the header', `${encode({ alg: 'HS256', jwk: { kty: 'oct', k: 'AA' } })}.${payload}.${signature}`],
    ['a later end', `${head}.${encode({ ...claims, exp: 9_999_999_999 })}.${signature}`],
    ['another user', `${head}.${encode({ ...claims, sub: '00000000-0000-7000-8000-000000000000' })}.${signature}`],
    ['an admin', `${head}.${encode({ ...claims, admin: true, isAdmin: true })}.${signature}`],
    ['no signature', `${head}.${payload}.`],
    ['two parts', `${head}.${payload}`],
    ['four parts', `${token}.${signature}`],
    ['a changed last letter', `${token.slice(0, -1)}${letterOtherThan(token.at(-1))}`],
    ['a changed first letter', `${head}.${payload}.${letterOtherThan(signature[0])}${signature.slice(1)}`],
    ['the id of the user', id],
    ['nothing', ''],
    ['a text', 'null'],
    ['spaces', '   '],
    ['a very long text', 'x'.repeat(7_000)],
  ];
}

function callers({ id, token }: User): readonly (readonly [string, Readonly<Record<string, string>>])[] {
  return [
    ['X-User-ID', { 'x-user-id': id }],
    ['X-User-ID and a forwarded address', { 'x-user-id': id, 'x-forwarded-for': '127.0.0.1' }],
    ['X-User-ID and Forwarded', { 'x-user-id': id, forwarded: 'for=127.0.0.1' }],
    ['X-User-ID and X-Real-IP', { 'x-user-id': id, 'x-real-ip': '127.0.0.1' }],
    ['X-User-ID and an empty key', { 'x-user-id': id, 'x-internal-key': '' }],
    ['X-User-ID and a guessed key', { 'x-user-id': id, 'x-internal-key': 'secret' }],
    ['X-User-ID and a long key', { 'x-user-id': id, 'x-internal-key': 'x'.repeat(5_000) }],
    ['X-User-ID of a page', { 'x-user-id': id, origin: 'http://localhost' }],
    ['X-User_ID', { 'x-user_id': id, x_user_id: id }],
    ['a token as Basic', { authorization: `Basic ${token}` }],
    ['a token without a scheme', { authorization: token }],
    ['a token as a cookie', { cookie: `access_token=${token}; authorization=Bearer ${token}` }],
    ['a token in X-Refresh-Token', { 'x-refresh-token': token }],
    ['another method', { 'x-http-method-override': 'DELETE' }],
  ];
}

const GUARDED = [
  ['is_admin', 'isAdmin', true],
  ['plan', 'plan', 'pro'],
  ['is_verified', 'isVerified', true],
  ['is_suspended', 'isSuspended', true],
  ['is_active', 'isActive', false],
] as const;

export const spoofing: AttackKind = {
  name: 'spoofing',
  async attacks(service) {
    const victim = await signUp(service);
    const thief = await signUp(service);
    return [
      ...forgeries(victim).map(([name, token]): Attack => ({
        name: `a token with ${name}`,
        run: async () => ((await isAccepted(service, token)) ? 'was accepted' : undefined),
      })),
      ...callers(victim).map(([name, headers]): Attack => ({
        name,
        run: async () => {
          const rest = await send(service, 'GET', '/api/v1/users/me', { headers });
          const other = await graphql(service, '{ me { id } }', {}, headers);
          const isRefused = rest.status === 401 && !other.text.includes(victim.id);
          return isRefused ? undefined : `answered ${rest.status.toString()} and ${other.text.slice(0, 80)}`;
        },
      })),
      ...GUARDED.flatMap(([wire, field, value]): Attack[] => [
        { name: `${wire} set by oneself over REST`, run: () => refusesRest(service, thief, wire, value) },
        { name: `${field} set by oneself over GraphQL`, run: () => refusesGraphql(service, thief, field, value) },
        {
          name: `${wire} set at sign-up`,
          run: async () => {
            const body = {
              provider: 'email',
              password: 'correct horse battery staple',
              email: `x-${wire}-${Date.now().toString()}@example.com`,
            };
            const { status } = await send(service, 'POST', '/api/v1/users', { body: { ...body, [wire]: value } });
            return status === 403 ? undefined : `answered ${status.toString()}`;
          },
        },
      ]),
    ];
  },
};

async function refusesRest(service: Service, { headers }: User, field: string, value: unknown) {
  const { status } = await send(service, 'PATCH', '/api/v1/users/me', { body: { [field]: value }, headers });
  return status === 403 ? undefined : `answered ${status.toString()}`;
}

async function refusesGraphql(service: Service, { headers }: User, field: string, value: unknown) {
  const { text } = await graphql(
    service,
    'mutation ($input: UpdateUserInput!) { updateMe(input: $input) { id } }',
    { input: { [field]: value } },
    headers,
  );
  return text.includes('"FORBIDDEN"') ? undefined : text.slice(0, 100);
}
