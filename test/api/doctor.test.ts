import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Environment } from '../../src/config.js';
import { runAdmin } from '../support/admin-program.js';
import { freePort } from '../support/free-port.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { createMigratedDatabase, fillDataDirectory } from '../support/migrated-database.js';
import { startOidcProvider, type TestProvider } from '../support/oidc-provider.js';
import { testServerUrl, withEmbedded } from '../support/servers.js';
import { startOtlpReceiver, type OtlpReceiver } from '../support/otlp-receiver.js';
import { startToolServer, type TestToolServer } from '../support/tool-server.js';

const SECRET_KEY = 'of-the-doctor-0123456789-abcdefghijk';
const KEY = 'sk-of-the-model';
const redisUrl = process.env['TEST_REDIS_URL'];

let resources: AsyncDisposableStack;
let model: Server;
let mail: MailServer;
let provider: TestProvider;
let tools: TestToolServer;
let collector: OtlpReceiver;
let closed: string;
let whole: Environment;
beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'flynkle-doctor-'));
  resources.defer(() => rm(directory, { recursive: true, force: true }));
  closed = `127.0.0.1:${await freePort()}`;
  model = createServer(({ headers, url }, response) => {
    const isKnown = headers.authorization === `Bearer ${KEY}`;
    response.writeHead(url !== '/v1/models' ? 404 : isKnown ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isKnown ? { object: 'list', data: [{ id: 'fast-1', object: 'model' }] } : {}));
  }).listen(0, '127.0.0.1');
  await once(model, 'listening');
  resources.defer(() => void model.close());
  [mail, provider, tools, collector] = await Promise.all([
    startMailServer(),
    startOidcProvider(),
    startToolServer([]),
    startOtlpReceiver(),
  ]);
  resources.defer(async () => {
    await Promise.all([mail.close(), provider.close(), tools.close(), collector.close()]);
  });
  whole = {
    ...(await databaseSettings(directory)),
    DATA_DIR: directory,
    SECRET_KEY,
    MODELS: modelsAt(`http://127.0.0.1:${portOf(model)}/v1`),
    MODEL_KEY: KEY,
    SMTP_URL: mail.url,
    OIDC_PROVIDERS: JSON.stringify([provider.settings]),
    OIDC_RETURN_URLS: 'http://localhost:3000/welcome',
    MCP_SERVERS: toolsAt(tools.url),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=sesame-of-the-collector',
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
  };
});
afterAll(() => resources.disposeAsync());

async function databaseSettings(directory: string): Promise<Environment> {
  const server = testServerUrl();
  if (server === undefined || withEmbedded()) {
    await fillDataDirectory(directory);
    return {};
  }
  const { url, drop } = await createMigratedDatabase(server);
  resources.defer(drop);
  return { DATABASE_URL: url };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return address.port;
}

const modelsAt = (baseUrl: string, id = 'fast-1') =>
  JSON.stringify([{ name: 'fast', id, baseUrl, keyVariable: 'MODEL_KEY', contextTokens: 4_000, maxReplyTokens: 400 }]);
const tracesTo = (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
const toolsAt = (url: string) => JSON.stringify([{ name: 'files', url, timeoutSeconds: 5 }]);

/** What the doctor says of each part, by its name. */
async function examined(settings: Environment) {
  const { code, printed, said } = await runAdmin({ ...whole, ...settings }, ['doctor']);
  const lines = printed
    .split('\n')
    .slice(0, -1)
    .map((line) => /^(ok|FAILED) +(.+?) {2,}(.*)$/.exec(line) ?? [line]);
  return {
    code,
    said,
    parts: new Map(lines.map(([, verdict = '', part = '', text = '']) => [part, { verdict, text }])),
  };
}

describe('the doctor', () => {
  it('finds every part in order', async () => {
    const { code, parts } = await examined({});
    expect([...parts].filter(([, { verdict }]) => verdict !== 'ok')).toEqual([]);
    const names = ['database', ...(redisUrl === undefined ? [] : ['redis']), 'store', 'mail', 'model fast'];
    expect([...parts.keys()]).toEqual([...names, 'login house', 'tools files', 'traces']);
    expect(collector.exports.map((headers) => headers['x-api-key'])).toEqual(['sesame-of-the-collector']);
    expect(collector.spans).toEqual([]);
    expect(code).toBe(0);
  });

  const faults: readonly [part: string, settings: () => Environment, text: RegExp][] = [
    [
      'database',
      () => ({ DATABASE_URL: `postgresql://nobody:sesame@${closed}/none` }),
      /cannot be used: connect ECONNREFUSED/,
    ],
    ['redis', () => ({ REDIS_URL: `redis://:sesame@${closed}` }), /cannot be reached \(ECONNREFUSED\)/],
    [
      'store',
      () => ({ MINIO_ENDPOINT: closed, MINIO_ACCESS_KEY: 'a', MINIO_SECRET_KEY: 'sesame', MINIO_BUCKET: 'files' }),
      /ECONNREFUSED/,
    ],
    ['mail', () => ({ SMTP_URL: `smtp://me:sesame@${closed}` }), /cannot be used \(.*(ECONNREFUSED|ESOCKET)/],
    ['model fast', () => ({ MODELS: modelsAt(`http://${closed}/v1`) }), /cannot be reached/],
    ['model fast', () => ({ MODEL_KEY: 'sk-sesame' }), /refuses the API key/],
    [
      'model fast',
      () => ({ MODELS: modelsAt(`http://127.0.0.1:${portOf(model)}/v1`, 'slow-1') }),
      /does not list the model slow-1/,
    ],
    [
      'login house',
      () => ({ OIDC_PROVIDERS: JSON.stringify([{ ...provider.settings, issuer: `http://${closed}` }]) }),
      /unavailable \(.+\)/,
    ],
    ['tools files', () => ({ MCP_SERVERS: toolsAt(`http://${closed}/mcp`) }), /FAILED/],
    ['traces', () => tracesTo(`http://${closed}`), /\/v1\/traces cannot be reached \(ECONNREFUSED\)$/],
    ['traces', () => tracesTo(collector.url.replace('http:', 'https:')), /cannot be reached by TLS \(ERR_SSL_\w+\)$/],
    [
      'traces',
      () => tracesTo(`${collector.url}/elsewhere`),
      /takes no traces \(status 404\): OTEL_EXPORTER_OTLP_ENDPOINT/,
    ],
  ];
  it.each(faults)('says what is wrong with the %s, and that alone, without a secret', async (part, settings, text) => {
    const { code, said, parts } = await examined(settings());
    const failed = [...parts].filter(([, { verdict }]) => verdict === 'FAILED');
    expect(failed).toEqual([[part, { verdict: 'FAILED', text: expect.stringMatching(text) }]]);
    expect(JSON.stringify([...parts])).not.toContain('sesame');
    expect(said).toContain('1 part cannot be used');
    expect(code).toBe(1);
  });

  it.each([
    [
      'asks for another key',
      (response: ServerResponse) => response.writeHead(401).end(),
      /refuses OTEL_EXPORTER_OTLP_HEADERS/,
    ],
    ['has no room', (response: ServerResponse) => response.writeHead(503).end(), /answers with status 503$/],
    ['says nothing', () => undefined, /does not answer within 10 seconds$/],
  ])('says that the collector of traces %s', async (_what, answer, text) => {
    collector.answer = answer;
    const { code, parts } = await examined({});
    collector.answer = undefined;
    expect(parts.get('traces')).toEqual({ verdict: 'FAILED', text: expect.stringMatching(text) });
    expect(code).toBe(1);
  });

  it('says that the first start makes the embedded database, which is no fault', async () => {
    const settings = { DATABASE_URL: '', DATA_DIR: join(whole['DATA_DIR'] ?? '', 'new') };
    const { code, parts } = await examined(settings);
    expect(parts.get('database')).toEqual({ verdict: 'ok', text: expect.stringContaining('first start') });
    expect(code).toBe(0);
  });

  it('says what is wrong with the settings before anything else', async () => {
    const { code, said } = await runAdmin({ ...whole, PORT: 'nonsense' }, ['doctor']);
    expect(said).toContain('PORT: must be a whole number');
    expect(code).toBe(1);
  });
});

describe('the list of settings', () => {
  it('shows what holds and where it is from, with secrets masked', async () => {
    const file = join(whole['DATA_DIR'] ?? '', 'key');
    await writeFile(file, 'a-secret-that-is-in-a-file-0123456789');
    const settings = {
      ...whole,
      SECRET_KEY: '',
      SECRET_KEY_FILE: file,
      PORT: '8001',
      REDIS_URL: 'redis://me:sesame@cache:6379/2',
    };
    const { code, printed } = await runAdmin(settings, ['config', '--json']);
    expect(code).toBe(0);
    const held = JSON.parse(printed) as { name: string }[];
    const shown = (name: string) => held.find((setting) => setting.name === name);
    expect(shown('PORT')).toEqual({ name: 'PORT', value: '8001', source: 'environment' });
    expect(shown('LOG_LEVEL')).toEqual({ name: 'LOG_LEVEL', value: 'info', source: 'default' });
    expect(shown('HOST')).toEqual({ name: 'HOST', value: null, source: 'not set' });
    expect(shown('SECRET_KEY')).toEqual({
      name: 'SECRET_KEY',
      value: '(set)',
      source: `environment: the file ${file}`,
    });
    expect(shown('REDIS_URL')).toEqual({ name: 'REDIS_URL', value: 'redis://***@cache:6379/2', source: 'environment' });
    for (const secret of ['sesame', KEY, 'a-secret-that']) expect(printed).not.toContain(secret);
    expect((await runAdmin(settings, ['config'])).printed).toMatch(/^PORT +environment +8001$/m);
  });
});
