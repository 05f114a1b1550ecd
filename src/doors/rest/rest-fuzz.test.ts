import http from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomFrom, type Random } from '../../../test/support/random.js';
import { BOOK_ID, startRestDoor, type RunningRestDoor } from '../../../test/support/rest-fixture.js';

const REQUESTS = 4_000;
const SEED = 20_260_131;

let running: RunningRestDoor;
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
beforeAll(async () => {
  running = await startRestDoor();
});
afterAll(async () => {
  agent.destroy();
  await running[Symbol.asyncDispose]();
});

const NAMES = [
  'title',
  'sub_title',
  'cover',
  'is_lent',
  'page_count',
  'weight',
  'key_words',
  'printed_at',
  'extra',
  'shelf',
  'owner_id',
  'note',
  '__proto__',
  'constructor',
  'toString',
  '',
  'book_id',
  'room_name',
  'row_number',
  'input',
] as const;
const TEXTS = [
  '',
  'x',
  'HARD',
  '\0',
  '\ud800',
  '💥',
  'true',
  '1',
  '-1',
  '1e999',
  'null',
  '2026-01-31T12:00:00Z',
  '[]',
  '{}',
  'x'.repeat(30),
  'x'.repeat(5_000),
  BOOK_ID,
  '%',
  '%00',
  '../..',
  ';',
  '\r\n',
] as const;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND', 'TRACE'] as const;
const SEGMENTS = [
  'api',
  'v1',
  'books',
  'read',
  'stream',
  'lend',
  'webhook',
  'openapi.json',
  '',
  '.',
  '..',
  '%2e',
  '%',
  '%zz',
  '%00',
  '%ff',
  BOOK_ID,
  'a',
  '{book_id}',
  ':book_id',
  '*',
  'x'.repeat(600),
] as const;
const PATHS = [
  '/api/v1/books',
  `/api/v1/books/${BOOK_ID}`,
  `/api/v1/books/${BOOK_ID}/lend`,
  '/api/v1/read',
  `/api/v1/books/${BOOK_ID}/stream`,
] as const;
const PARAMETERS = ['q', 'limit', 'skip', 'lent_only', 'ids', 'stream', 'after', '__proto__', '', 'ids[]'] as const;

function json(random: Random, depth: number): unknown {
  const kind = random.below(depth > 4 ? 5 : 8);
  if (kind === 0) return random.pick(TEXTS);
  if (kind === 1) return random.pick([0, 1, -1, 1.5, 2 ** 31, 2 ** 53, 1e308]);
  if (kind === 2) return random.pick([true, false]);
  if (kind === 3) return null;
  if (kind === 4) return random.pick(TEXTS);
  if (kind === 5) return Array.from({ length: random.below(4) }, () => json(random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: random.below(6) }, () => [random.pick(NAMES), json(random, depth + 1)]),
  );
}

function body(random: Random): string | undefined {
  const kind = random.below(10);
  if (kind === 0) return undefined;
  if (kind === 1) return random.pick(TEXTS);
  const text = JSON.stringify(json(random, kind < 8 ? 0 : 5));
  return kind === 2 ? text.slice(0, random.below(text.length + 1)) : text;
}

function target(random: Random): string {
  const path =
    random.below(4) === 0
      ? `/${Array.from({ length: random.below(7) }, () => random.pick(SEGMENTS)).join('/')}`
      : random.pick(PATHS);
  const query = Array.from({ length: random.below(4) }, () => {
    const value = random.pick(TEXTS);
    return `${random.pick(PARAMETERS)}=${random.below(5) === 0 ? '%zz%' : encodeURIComponent(value.replace(/\p{Surrogate}/gu, '?'))}`;
  });
  return query.length > 0 ? `${path}?${query.join('&')}` : path;
}

function headers(random: Random): http.OutgoingHttpHeaders {
  return {
    ...(random.below(4) > 0 && { authorization: random.pick(['Bearer good', 'Bearer bad', 'Basic x', '']) }),
    ...(random.below(3) > 0 && {
      'content-type': random.pick([
        'application/json',
        'application/json',
        'text/plain',
        'a/b+json',
        ';',
        'x'.repeat(999),
      ]),
    }),
    ...(random.below(5) === 0 && { accept: random.pick(['text/event-stream', '*/*', '']) }),
    ...(random.below(9) === 0 && { 'x-ticket': random.pick([['1', '2'], ['x']]) }),
    ...(random.below(9) === 0 && { 'last-event-id': random.pick(['1', 'x', '-1', '']) }),
    ...(random.below(19) === 0 && { 'content-encoding': 'gzip' }),
  };
}

interface Answer {
  readonly status: number;
  readonly mediaType: string | undefined;
  readonly text: string;
}

function send(method: string, path: string, options: { headers: http.OutgoingHttpHeaders; body: string | undefined }) {
  // Node's client sends neither a length nor chunks with the body of a DELETE and the like.
  const length = options.body === undefined ? {} : { 'content-length': Buffer.byteLength(options.body) };
  const framed = { ...options.headers, ...length };
  return new Promise<Answer>((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port: running.port, agent, method, path, headers: framed },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => (text += piece));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, mediaType: response.headers['content-type'], text });
        });
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

it(`answers ${REQUESTS} random requests in the envelope, none of them with a server error`, async () => {
  const random = randomFrom(SEED);
  const requests = Array.from({ length: REQUESTS }, () => ({
    method: random.pick(METHODS),
    path: target(random),
    headers: headers(random),
    body: body(random),
  }));
  const seen = new Map<number, number>();
  const one = async (sent: (typeof requests)[number]) => {
    const { method, path, ...options } = sent;
    const answer = await send(method, path, options);
    seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
    if (answer.status >= 500) throw new Error(`${answer.status} to ${JSON.stringify(sent)}`);
    if (method === 'HEAD' || answer.status === 204 || path.includes('openapi.json')) return;
    if (!answer.mediaType?.startsWith('application/json')) {
      expect({ ...sent, mediaType: answer.mediaType }).toMatchObject({ mediaType: expect.stringMatching(/^text\//) });
      return;
    }
    const { code, message, ...rest } = JSON.parse(answer.text) as Record<string, unknown>;
    expect({ ...sent, code, message, keys: Object.keys(rest) }).toMatchObject({
      code: answer.status,
      message: expect.any(String),
      keys: ['data'],
    });
  };
  const lane = async () => {
    for (let request = requests.pop(); request !== undefined; request = requests.pop()) await one(request);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  expect(running.logged).toEqual([]);
  for (const status of [200, 400, 401, 404, 405, 415, 422]) expect(seen.get(status)).toBeGreaterThan(20);
});
