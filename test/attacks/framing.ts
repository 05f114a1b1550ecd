import type { Attack, AttackKind } from './attack.js';
import { sendBytes } from './attack.js';

const HOST = 'host: a\r\n';
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n';
const JSON_TYPE = 'content-type: application/json\r\n';
const LOGIN = 'POST /api/v1/auth/login HTTP/1.1\r\n';

/** Requests that a proxy and the service could read differently. Each must be refused, and nothing behind it served. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['two Host headers', `GET /api/v1/users/me HTTP/1.1\r\n${HOST}host: b\r\n\r\n`],
  ['no Host', 'GET /api/v1/health HTTP/1.1\r\n\r\n'],
  [
    'both lengths',
    `${LOGIN}${HOST}${JSON_TYPE}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  ['two lengths', `${LOGIN}${HOST}${JSON_TYPE}content-length: 2\r\ncontent-length: 60\r\n\r\n{}${SMUGGLED}`],
  ['a list of lengths', `${LOGIN}${HOST}${JSON_TYPE}content-length: 2, 60\r\n\r\n{}${SMUGGLED}`],
  ['a signed length', `${LOGIN}${HOST}${JSON_TYPE}content-length: +2\r\n\r\n{}${SMUGGLED}`],
  ['a hexadecimal length', `${LOGIN}${HOST}${JSON_TYPE}content-length: 0x2\r\n\r\n{}${SMUGGLED}`],
  ['a negative length', `${LOGIN}${HOST}${JSON_TYPE}content-length: -1\r\n\r\n${SMUGGLED}`],
  ['an unknown transfer coding', `${LOGIN}${HOST}${JSON_TYPE}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ['chunked twice', `${LOGIN}${HOST}${JSON_TYPE}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ['a space before the colon', `${LOGIN}${HOST}content-length : 4\r\n\r\n{}{}${SMUGGLED}`],
  ['a folded header', `${LOGIN}${HOST}x: a\r\n content-length: 4\r\n\r\n${SMUGGLED}`],
  ['a NUL in a header', `GET /api/v1/users/me HTTP/1.1\r\n${HOST}x: a\0b\r\n\r\n`],
  ['a bare CR in a header', `GET /api/v1/users/me HTTP/1.1\r\n${HOST}x: a\rb: c\r\n\r\n`],
  ['a malformed chunk', `${LOGIN}${HOST}${JSON_TYPE}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
  [
    'a chunk with a huge length',
    `${LOGIN}${HOST}${JSON_TYPE}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}`,
  ],
  ['a version that is none', `GET /api/v1/health HTTP/9.9\r\n${HOST}\r\n`],
  ['a method that is none', `GE(T /api/v1/health HTTP/1.1\r\n${HOST}\r\n`],
  ['a tunnel', `CONNECT 127.0.0.1:22 HTTP/1.1\r\n${HOST}\r\n`],
  ['an unknown expectation', `${LOGIN}${HOST}${JSON_TYPE}expect: 200-maybe\r\ncontent-length: 2\r\n\r\n{}`],
  ['headers of 100 kB', `GET /api/v1/users/me HTTP/1.1\r\n${HOST}x: ${'a'.repeat(100_000)}\r\n\r\n`],
  ['5,000 headers', `GET /api/v1/users/me HTTP/1.1\r\n${HOST}${'x: 1\r\n'.repeat(5_000)}\r\n`],
  ['an address with a space', `GET /api/v1/ health HTTP/1.1\r\n${HOST}\r\n`],
  ['a broken escape in the address', `GET /api/v1/users/%zz HTTP/1.1\r\n${HOST}\r\n`],
];

/** Addresses that lead to a guarded route only if they are read loosely. None may answer with data. */
const ADDRESSES = [
  '/api/./v1/admin/users',
  '/api//v1/admin/users',
  '/api/v1/%61dmin/users',
  '/api/v1/x/../admin/users',
  '/api/v1/admin/users/',
  '/api/v1/admin%2fusers',
  '/api/v1/admin/users%00',
  '/api/v1/admin/users;x=1',
  '/API/V1/ADMIN/USERS',
  '/webhook',
  '/api/webhook',
  '/api/v1/webhook',
  '/../../etc/passwd',
  '/files/../secret-key',
  '/files/%2e%2e%2fsecret-key',
  '/files/..%5csecret-key',
  '/docs/../package.json',
  '/docs/%2e%2e/package.json',
  '/.env',
  '/.git/config',
  '//etc/passwd',
] as const;

export const framing: AttackKind = {
  name: 'framing',
  attacks: () => [
    ...REFUSED.map(([name, bytes]): Attack => ({
      name,
      run: async (service) => {
        const answer = await sendBytes(service, bytes);
        const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
        const isRefused = statuses.length <= 1 && statuses.every((status) => status >= 400 && status !== 500);
        return isRefused && !answer.includes('smuggled') ? undefined : `answered ${statuses.join(', ')}`;
      },
    })),
    ...ADDRESSES.map((path): Attack => ({
      name: `the address ${path}`,
      run: async (service) => {
        const answer = await sendBytes(service, `GET ${path} HTTP/1.1\r\n${HOST}connection: close\r\n\r\n`);
        return /^HTTP\/1\.1 4\d\d /.test(answer) ? undefined : answer.slice(0, 100);
      },
    })),
  ],
};
