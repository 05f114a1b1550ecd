import { afterAll, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError, readConfig, type Environment } from './config.js';
import { readSettings } from './config/setting.js';
import { allSettings } from './config/topics.js';

const SECRET = 'Vq3nJ0xwZr8kTb5yLd1mGf7sHc2pXe9u';
const PROVIDER_DEFAULTS = { clientAuthentication: 'client_secret_basic', scopes: 'openid email profile' };

function faults(environment: Environment): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

describe('the settings', () => {
  it('need none: the defaults run on one machine, reached from it alone', () => {
    const config = readConfig({});
    expect(config).toMatchObject({ port: 8000, host: 'localhost', dataDirectory: './data', production: false });
    expect(config.databaseUrl).toBeUndefined();
    expect(config.rateLimits).toMatchObject({
      login: { limit: 5, windowMs: 60_000 },
      loginClient: { limit: 100, windowMs: 60_000 },
    });
    expect(config.plans.map(({ id }) => id)).toEqual(['free', 'pro']);
  });

  it('name every fault at once', () => {
    expect(
      faults({
        PORT: '99999',
        DATABASE_URL: 'mysql://localhost',
        RATE_LIMIT_CHAT: '5',
        TRUSTED_PROXIES: 'haproxy',
        INTERNAL_CIDRS: '10.0.0.0/40',
        PLANS: '{"free"',
        LOG_LEVEL: 'loud',
      }).map((fault) => fault.split(':')[0]),
    ).toEqual(['LOG_LEVEL', 'PORT', 'DATABASE_URL', 'TRUSTED_PROXIES', 'INTERNAL_CIDRS', 'RATE_LIMIT_CHAT', 'PLANS']);
  });

  it('are shown in .env.example with values that each of them takes', () => {
    const lines = readFileSync('.env.example', 'utf8').replace(/^# (?=[A-Z_]+=)/gm, '');
    const environment = parseEnv(lines);
    expect(Object.keys(environment).length).toBeGreaterThan(40);
    expect(readSettings(allSettings, environment).faults).toEqual([]);
  });

  it('have the variables of OpenTelemetry in its own forms, and say what of them is not supported', () => {
    expect(
      readConfig({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example.com/otlp',
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20QQ%3D%3D, x-tenant=a=b',
        OTEL_RESOURCE_ATTRIBUTES: 'service.namespace=chat',
        OTEL_TRACES_SAMPLER: 'traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '.01',
      }).traces,
    ).toMatchObject({
      headers: { authorization: 'Basic QQ==', 'x-tenant': 'a=b' },
      resource: { 'service.namespace': 'chat' },
      ratio: 0.01,
      serviceName: 'flynkle-api',
      capturesContent: false,
    });
    expect(
      faults({
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_HEADERS: 'a-secret-without-a-name',
        OTEL_TRACES_SAMPLER: 'jaeger_remote',
        OTEL_TRACES_SAMPLER_ARG: '1.5',
      }),
    ).toEqual([
      'OTEL_EXPORTER_OTLP_HEADERS: must be key=value,key=value',
      'OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf; grpc and http/json are not supported',
      expect.stringContaining('OTEL_TRACES_SAMPLER: '),
      'OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1, as 0.01',
    ]);
    expect(faults({ OTEL_EXPORTER_OTLP_HEADERS: 'a name=x' })).toEqual([
      'OTEL_EXPORTER_OTLP_HEADERS: must have names and values that HTTP allows',
    ]);
  });

  it('take an empty variable for one that is not set', () => {
    expect(readConfig({ DATABASE_URL: '', PORT: ' ' })).toMatchObject({ databaseUrl: undefined, port: 8000 });
  });

  it('take flags in each of their spellings', () => {
    expect(readConfig({})).toMatchObject({ introspection: true, graphiql: true, docs: true });
    expect(readConfig({ DOCS: 'off' }).docs).toBe(false);
    for (const off of ['off', 'false', '0', 'OFF'])
      expect(readConfig({ INTROSPECTION: off })).toMatchObject({ introspection: false, graphiql: true });
    for (const on of ['on', 'true', '1']) expect(readConfig({ GRAPHIQL: on }).graphiql).toBe(true);
    expect(faults({ INTROSPECTION: 'admins', GRAPHIQL: 'no' })).toEqual([
      expect.stringMatching(/^INTROSPECTION: .*"off"/),
      expect.stringMatching(/^GRAPHIQL: .*"off"/),
    ]);
  });

  it('refuse a production start without a secret, with a short one or with an example', () => {
    const production = { NODE_ENV: 'production' };
    expect(faults(production)).toEqual([expect.stringContaining('SECRET_KEY: must be set')]);
    expect(faults({ ...production, SECRET_KEY: 'short' })).toEqual([expect.stringContaining('32 bytes')]);
    expect(faults({ ...production, SECRET_KEY: `change-me-${SECRET}` })).toEqual([
      expect.stringContaining("an example's"),
    ]);
    expect(faults({ ...production, SECRET_KEY: SECRET })).toEqual([]);
  });

  it('make passkeys for the domain of the service, or for one that the pages that ask for them are in', () => {
    expect(readConfig({}).webAuthn).toEqual({ rpId: 'localhost', origins: undefined });
    expect(readConfig({ PUBLIC_URL: 'https://chat.example.com:8443/a' }).webAuthn.rpId).toBe('chat.example.com');
    const settings = { WEBAUTHN_RP_ID: 'example.com', WEBAUTHN_ORIGINS: 'https://a.example.com, https://example.com' };
    expect(readConfig({ PUBLIC_URL: 'https://chat.example.com', ...settings }).webAuthn).toEqual({
      rpId: 'example.com',
      origins: ['https://a.example.com', 'https://example.com'],
    });
    expect(faults({ ...settings, WEBAUTHN_ORIGINS: 'https://badexample.com' })).toEqual([
      'WEBAUTHN_ORIGINS: "https://badexample.com" is not within the domain example.com',
    ]);
    expect(faults({ WEBAUTHN_RP_ID: 'https://example.com', WEBAUTHN_ORIGINS: 'https://example.com/' })).toEqual([
      'WEBAUTHN_RP_ID: must be a domain, as example.com',
      'WEBAUTHN_ORIGINS: "https://example.com/" is not an origin, as https://app.example.com',
    ]);
  });

  it('take several secrets, the first of which signs', () => {
    expect(readConfig({ SECRET_KEY: `${SECRET}1, ${SECRET}2` }).secrets).toEqual([`${SECRET}1`, `${SECRET}2`]);
  });

  it('replace the plans, the first of which is a new user’s', () => {
    const limits = { price: 1, daily_messages: 2, daily_tokens: 3, max_conversations: 4, max_file_uploads: 5 };
    const { plans } = readConfig({ PLANS: JSON.stringify({ basic: limits }) });
    expect(plans).toEqual([
      { id: 'basic', price: 1, dailyMessages: 2, dailyTokens: 3, maxConversations: 4, maxFileUploads: 5 },
    ]);
    expect(faults({ PLANS: '[]' })).toEqual([expect.stringContaining('an object of plans by name')]);
    expect(faults({ PLANS: '{}' })).toEqual([expect.stringContaining('one plan')]);
    expect(faults({ PLANS: '{"basic":{"price":-1}}' }).length).toBeGreaterThan(1);
  });

  it('want all of an S3 server’s settings or none, and its address without a scheme', () => {
    const server = { MINIO_ENDPOINT: 'localhost:9000', MINIO_ACCESS_KEY: 'key', MINIO_SECRET_KEY: 'secret' };
    expect(faults(server)).toEqual([expect.stringContaining('MINIO_BUCKET is missing')]);
    expect(faults({ ...server, MINIO_ENDPOINT: 'http://localhost:9000' })).toEqual([
      expect.stringContaining('MINIO_ENDPOINT: must be host:port'),
    ]);
    expect(readConfig({ ...server, MINIO_BUCKET: 'files', MINIO_USE_SSL: 'true' }).uploads).toEqual({
      maxBytes: 10_485_760,
      s3: { endpoint: 'localhost:9000', accessKey: 'key', secretKey: 'secret', bucket: 'files', useSsl: true },
    });
    expect(readConfig({}).uploads.s3).toBeUndefined();
  });

  it('want both of the first administrator’s settings or neither', () => {
    expect(faults({ ADMIN_EMAIL: 'a@example.com' })).toEqual([expect.stringContaining('both or neither')]);
  });

  it('want a password of the first administrator that would do for anyone', () => {
    const admin = (password: string) => faults({ ADMIN_EMAIL: 'a@example.com', ADMIN_PASSWORD: password });
    expect(admin('short')).toEqual(['ADMIN_PASSWORD: must be at least 8 characters']);
    expect(admin('Iloveyou')).toEqual(['ADMIN_PASSWORD: is too common']);
    expect(admin('a password of the house')).toEqual([]);
  });

  it('take a sender that is one address, and want it in production where there is a mail server', () => {
    for (const from of ['no-reply@example.com', 'Flynkle <no-reply@example.com>', 'Flynkle & Co. <a@localhost>']) {
      expect(readConfig({ MAIL_FROM: from }).mail.from).toBe(from);
    }
    for (const from of [
      'Flynkle',
      'a@b.example, c@d.example',
      'A <a@b.example>\nBcc: c@d.example',
      '<a@b.example> A',
    ]) {
      expect(faults({ MAIL_FROM: from })).toEqual([expect.stringContaining('must be an e-mail address')]);
    }
    const production = { NODE_ENV: 'production', SECRET_KEY: SECRET, SMTP_URL: 'smtps://mail.example.com' };
    expect(faults(production)).toEqual([expect.stringContaining('MAIL_FROM: must be set')]);
    expect(faults({ ...production, MAIL_FROM: 'a@b.example' })).toEqual([]);
    expect(faults({ SMTP_URL: 'mail.example.com:25' })).toEqual([expect.stringContaining('smtp://')]);
  });

  describe('of production', () => {
    const production = { NODE_ENV: 'production', SECRET_KEY: SECRET };

    it.each([
      'k'.repeat(32),
      'secret'.repeat(8),
      'flynkle!'.repeat(6),
      'abcdefghijklmnopqrstuvwxyz0123456789',
      '0123456789abcdef0123456789abcdef',
      'qwertyuiopasdfghjklzxcvbnm123456',
      `${'x'.repeat(40)}y`,
      'correct horse correct horse correct horse',
      '2026-11-25-2026-11-26-2026-11-27',
      'super-secret-key-of-the-production-server',
      'your-256-bit-secret-your-256-bit-secret',
      '<write the output of openssl rand -base64 48>',
      'CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME',
    ])('refuse the key %s, which development takes', (key) => {
      const fault = /^(SECRET_KEY|INTERNAL_API_KEY): is .*openssl rand -base64 48/;
      expect(faults({ ...production, SECRET_KEY: key })).toEqual([expect.stringMatching(fault)]);
      expect(faults({ ...production, SECRET_KEY: `${SECRET},${key}` })).toHaveLength(1);
      expect(faults({ ...production, INTERNAL_API_KEY: key })).toEqual([expect.stringMatching(fault)]);
      expect(faults({ SECRET_KEY: key, INTERNAL_API_KEY: key })).toEqual([]);
    });

    it('take keys as generators write them, and long sentences', () => {
      const keys = [
        ...[16, 24, 32, 48, 64].map((bytes) => randomBytes(bytes).toString('hex')),
        ...[24, 32, 48, 96].map((bytes) => randomBytes(bytes).toString('base64')),
        randomUUID(),
        'one key of thirty-two bytes or more',
      ];
      for (const key of keys)
        expect(faults({ ...production, SECRET_KEY: key, INTERNAL_API_KEY: `${key}.` })).toEqual([]);
    });

    it('want a key for internal calls that signs no tokens', () => {
      expect(faults({ ...production, INTERNAL_API_KEY: SECRET })).toEqual([
        expect.stringMatching(/^INTERNAL_API_KEY: is a SECRET_KEY, too/),
      ]);
    });

    it.each([
      ['DATABASE_URL', 'postgresql://flynkle:flynkle@db:5432/flynkle'],
      ['DATABASE_URL', 'postgresql://u:p%61ssword1@db.example.com/a'],
      ['REDIS_URL', 'redis://:foobared@cache:6379'],
      ['SMTP_URL', 'smtp://me:changeme@mail.example.com'],
    ])('refuse the password in %s=%s, but not on this machine', (name, url) => {
      const settings = { ...production, MAIL_FROM: 'a@example.com' };
      expect(faults({ ...settings, [name]: url })).toEqual([expect.stringMatching(`^${name}: its password`)]);
      const here = new URL(url);
      here.hostname = 'localhost';
      expect(faults({ ...settings, [name]: here.href })).toEqual([]);
      expect(faults({ [name]: url })).toEqual([]);
    });

    it('refuse the passwords that an S3 server and the first administrator must not keep', () => {
      const s3 = (key: string) => ({
        MINIO_ENDPOINT: 's3:9000',
        MINIO_ACCESS_KEY: 'a',
        MINIO_SECRET_KEY: key,
        MINIO_BUCKET: 'abc',
      });
      const admin = (password: string) => ({ ADMIN_EMAIL: 'a@example.com', ADMIN_PASSWORD: password });
      for (const key of ['minioadmin', 'flynkle-secret', 'password123']) {
        expect(faults({ ...production, ...s3(key) })).toEqual([
          expect.stringMatching(/^MINIO_SECRET_KEY: its password/),
        ]);
      }
      expect(faults({ ...production, ...s3('wJalrXUtnFEMI7MDENGbPxRfiCY') })).toEqual([]);
      for (const password of ['aaaaaaaaaaaa', 'example-password', 'abcabcabcabc', '20261125']) {
        expect(faults({ ...production, ...admin(password) })).toEqual([expect.stringMatching(/^ADMIN_PASSWORD: is /)]);
      }
      expect(faults({ ...production, ...admin('correct horse battery') })).toEqual([]);
    });

    it.each([
      '0.0.0.0/0',
      '::/0',
      '0.0.0.0/1',
      '128.0.0.0/1',
      '10.0.0.0/7',
      '11.0.0.0/8',
      '172.0.0.0/8',
      '2000::/3',
      '::ffff:0:0/96',
      '::ffff:128.0.0.0/97',
      '::/8',
      'fc00::/6',
    ])('let nobody of %s act as any user, or choose an address', (cidr) => {
      for (const name of ['INTERNAL_CIDRS', 'TRUSTED_PROXIES']) {
        expect(faults({ ...production, [name]: `10.1.0.0/16,${cidr}` })).toEqual([
          expect.stringMatching(new RegExp(`^${name}: ${cidr} lets strangers .*; write `)),
        ]);
        expect(faults({ [name]: cidr })).toEqual([]);
      }
    });

    it('take the networks of one organisation', () => {
      const own =
        '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.1,fd00::/8,fe80::/10,::1,203.0.113.0/24,2001:db8::/32';
      expect(faults({ ...production, INTERNAL_CIDRS: own, TRUSTED_PROXIES: own })).toEqual([]);
      // Cloudflare's widest.
      expect(faults({ ...production, TRUSTED_PROXIES: '104.16.0.0/13,2a06:98c0::/29' })).toEqual([]);
    });

    it('let the pages of internal machines be those of the house', () => {
      const internal = { ...production, INTERNAL_CIDRS: '10.0.0.0/8' };
      expect(faults({ ...internal, CORS_ORIGINS: 'https://a.example.com,*' })).toEqual([
        expect.stringMatching(/^CORS_ORIGINS: \* must not stand beside INTERNAL_CIDRS; write /),
      ]);
      expect(faults({ ...internal, CORS_ORIGINS: 'https://a.example.com' })).toEqual([]);
      expect(faults({ ...production, CORS_ORIGINS: '*' })).toEqual([]);
    });

    it('report all of it at once, and what cannot be read as well', () => {
      const found = faults({
        NODE_ENV: 'production',
        PORT: 'x',
        SECRET_KEY: 'k'.repeat(32),
        DATABASE_URL: 'mysql://root:root@db/a',
        INTERNAL_API_KEY: 'ab'.repeat(16),
        INTERNAL_CIDRS: '0.0.0.0/0',
        CORS_ORIGINS: '*',
        SMTP_URL: 'smtp://mail.example.com',
      });
      expect(found.map((fault) => fault.split(':')[0]).sort()).toEqual([
        'CORS_ORIGINS',
        'DATABASE_URL',
        'INTERNAL_API_KEY',
        'INTERNAL_CIDRS',
        'MAIL_FROM',
        'PORT',
        'SECRET_KEY',
      ]);
    });
  });

  describe('that could never work', () => {
    it.each([
      ['CORS_ORIGINS', 'https://app.example.com/', 'never matches; write https://app.example.com'],
      ['CORS_ORIGINS', 'https://app.example.com/app?a#b', 'write https://app.example.com'],
      ['CORS_ORIGINS', 'https://App.Example.com', 'write https://app.example.com'],
      ['CORS_ORIGINS', 'https://app.example.com:443', 'write https://app.example.com'],
      ['CORS_ORIGINS', 'http://localhost:80', 'write http://localhost'],
      ['CORS_ORIGINS', 'https://me@app.example.com', 'write https://app.example.com'],
      ['CORS_ORIGINS', 'https://bücher.example', 'write https://xn--bcher-kva.example'],
      ['CORS_ORIGINS', 'app.example.com', 'is not an origin'],
      ['CORS_ORIGINS', 'https://*.example.com', 'is not an origin'],
      ['CORS_ORIGINS', 'wss://app.example.com', 'is not an origin'],
      ['CORS_ORIGINS', 'null', 'is not an origin'],
      ['WEBAUTHN_ORIGINS', '*', 'is not an origin'],
      ['REDIS_URL', 'redis://localhost/x', 'number of a database'],
      ['REDIS_URL', 'redis://localhost/1/2', 'number of a database'],
      ['REDIS_URL', 'redis://localhost/-1', 'number of a database'],
      ['REDIS_URL', 'redis://localhost?db=3', 'number of a database'],
      ['REDIS_URL', 'redis:///1', 'must name a host'],
      ['DATABASE_URL', 'postgresql://localhost', 'must name one database'],
      ['DATABASE_URL', 'postgresql://localhost:5432/', 'must name one database'],
      ['DATABASE_URL', 'postgresql://localhost/a/b', 'must name one database'],
      ['DATABASE_URL', 'postgresql://localhost/a?sslmode=verify_full', 'sslmode must be one of'],
      ['DATABASE_URL', 'postgresql://localhost/a?schema=b', 'schema is not known'],
      ['PUBLIC_URL', 'https://chat.example.com/?a=b', 'no user, query or fragment'],
      ['PUBLIC_URL', 'https://me:you@chat.example.com', 'no user, query or fragment'],
      ['PUBLIC_URL', 'http://0.0.0.0:8000', 'that clients can reach'],
      ['PUBLIC_URL', 'http://[::]:8000', 'that clients can reach'],
      ['OPENAI_BASE_URL', 'https://me:you@models.example.com/v1', 'no user, query or fragment'],
      ['OPENAI_BASE_URL', 'https://models.example.com/v1?api-version=1', 'no user, query or fragment'],
      ['OPENAI_BASE_URL', 'https://models.example.com/v1/chat/completions', 'base of the API'],
      ['SMTP_URL', 'smtp://', 'must'],
      ['SMTP_URL', 'smtp://mail.example.com/a', 'must have no path'],
      ['HOST', 'http://localhost', 'without a port'],
      ['HOST', '0.0.0.0:8000', 'without a port'],
      ['MINIO_BUCKET', 'My_Files', 'lower-case letters'],
      ['REDIS_PREFIX', 'a b', 'letters, digits'],
      ['DATABASE_POOL_SIZE', '0', 'DATABASE_POOL_SIZE'],
    ])('refuse %s=%s', (name, value, advice) => {
      const s3 = { MINIO_ENDPOINT: 's3:9000', MINIO_ACCESS_KEY: 'a', MINIO_SECRET_KEY: 'b' };
      const found = faults({ ...(name === 'MINIO_BUCKET' ? s3 : {}), [name]: value });
      expect(found).toEqual([expect.stringContaining(advice)]);
      expect(found[0]).toMatch(new RegExp(`^${name}: `));
    });

    it.each([
      ['CORS_ORIGINS', 'https://app.example.com, http://localhost:5173, capacitor://localhost, http://[::1]:3000'],
      ['REDIS_URL', 'rediss://user:a%40b@cache.example.com:6380/15'],
      ['DATABASE_URL', 'postgresql://%2Frun%2Fpostgresql/flynkle'],
      ['DATABASE_URL', 'postgresql:///flynkle?host=/run/postgresql'],
      ['DATABASE_URL', 'postgres://u:p@db/flynkle?sslmode=verify-full&options=-c%20search_path%3Da'],
      ['OPENAI_BASE_URL', 'http://127.0.0.1:11434/v1/'],
      ['HOST', '::1'],
    ])('take %s=%s', (name, value) => {
      expect(faults({ [name]: value })).toEqual([]);
    });

    it('refuse passkeys on pages without TLS, but on this machine', () => {
      const read = (origin: string, domain: string) => faults({ WEBAUTHN_ORIGINS: origin, WEBAUTHN_RP_ID: domain });
      expect(read('http://a.example.com', 'example.com')).toEqual([expect.stringContaining('not https:')]);
      expect(read('http://localhost:3000', 'localhost')).toEqual([]);
    });
  });

  describe('that hold a secret', () => {
    const directory = mkdtempSync(join(tmpdir(), 'flynkle-settings-'));
    const fileOf = (text: string) => {
      const file = join(directory, randomUUID());
      writeFileSync(file, text);
      return file;
    };
    afterAll(() => {
      rmSync(directory, { recursive: true });
    });

    it('may be in files, whose last line end is not part of them', () => {
      const config = readConfig({
        SECRET_KEY_FILE: fileOf(`${SECRET}\n`),
        DATABASE_URL_FILE: fileOf('postgresql://u:p@db/flynkle\r\n'),
        REDIS_URL_FILE: fileOf('redis://:p@cache/2'),
        OPENAI_API_KEY_FILE: fileOf('sk-1'),
        SMTP_URL: '',
      });
      expect(config).toMatchObject({
        secrets: [SECRET],
        databaseUrl: 'postgresql://u:p@db/flynkle',
        redisUrl: 'redis://:p@cache/2',
        model: { apiKey: 'sk-1' },
      });
    });

    it('have the same rules there, and name the file, not what is in it', () => {
      const production = { NODE_ENV: 'production' };
      expect(faults({ ...production, SECRET_KEY_FILE: fileOf('k'.repeat(40)) })).toEqual([
        expect.stringMatching(/^SECRET_KEY: is too easy/),
      ]);
      expect(faults({ ...production, SECRET_KEY_FILE: fileOf('') })).toEqual([
        expect.stringMatching(/^SECRET_KEY_FILE: .*empty/),
      ]);
      expect(faults({ ...production, SECRET_KEY_FILE: join(directory, 'none') })).toEqual([
        expect.stringMatching(/^SECRET_KEY_FILE: .*none cannot be read \(ENOENT\)/),
      ]);
      expect(faults({ SECRET_KEY: SECRET, SECRET_KEY_FILE: fileOf(SECRET) })).toEqual([
        'SECRET_KEY, SECRET_KEY_FILE: set one of them',
      ]);
      expect(faults({ DATABASE_URL_FILE: fileOf('mysql://a') })).toEqual([
        expect.stringMatching(/^DATABASE_URL_FILE: /),
      ]);
      expect(faults({ SECRET_KEY_FILE: fileOf('k'.repeat(70_000)) })).toEqual([expect.stringContaining('too long')]);
    });

    it('are the only ones', () => {
      expect(readConfig({ PORT_FILE: fileOf('1') }).port).toBe(8000);
    });
  });

  describe('of login providers', () => {
    const provider = { name: 'google', issuer: 'https://accounts.example.com', clientId: 'flynkle' };
    const read = (...providers: object[]) => ({ OIDC_PROVIDERS: JSON.stringify(providers) });

    it('need an issuer and a client, and have defaults for the rest', () => {
      expect(readConfig({}).loginProviders).toEqual({ providers: [], returnUrls: [] });
      const { providers } = readConfig(read(provider, { ...provider, name: 'own', label: 'Ours' })).loginProviders;
      expect(providers).toEqual([
        { ...provider, label: 'google', ...PROVIDER_DEFAULTS },
        { ...provider, name: 'own', label: 'Ours', ...PROVIDER_DEFAULTS },
      ]);
    });

    it.each([
      ['{"name"', 'must be JSON'],
      ['{}', 'must be a list of providers'],
      [JSON.stringify([{ ...provider, name: 'Google Inc.' }]), 'lower-case letters'],
      [JSON.stringify([{ ...provider, issuer: 'accounts.example.com' }]), 'must be an https: URL'],
      [JSON.stringify([{ ...provider, issuer: 'http://accounts.example.com' }]), 'must be an https: URL'],
      [JSON.stringify([{ ...provider, issuer: 'https://accounts.example.com/?a=b' }]), 'must be an https: URL'],
      [JSON.stringify([{ ...provider, clientId: '' }]), 'must not be empty'],
      [JSON.stringify([{ ...provider, scopes: 'email' }]), 'must have openid among them'],
      [JSON.stringify([{ ...provider, clientAuthentication: 'none' }]), 'OIDC_PROVIDERS.0.clientAuthentication'],
      [JSON.stringify([{ ...provider, secret: 'x' }]), 'secret'],
      [JSON.stringify([provider, provider]), "is another provider's too: google"],
    ])('refuse %s', (text, fault) => {
      expect(faults({ OIDC_PROVIDERS: text })).toEqual([expect.stringContaining(fault)]);
    });

    it('name every fault at once', () => {
      const found = faults({ ...read({ name: '', issuer: 'x' }, {}), OIDC_RETURN_URLS: 'x, https://a.example.com/?b' });
      expect(found.length).toBeGreaterThan(5);
    });

    it('have http: for this machine alone, and not in production', () => {
      const local = read({ ...provider, issuer: 'http://127.0.0.1:8080/realms/own' });
      const production = { NODE_ENV: 'production', SECRET_KEY: SECRET };
      expect(faults(local)).toEqual([]);
      expect(faults({ ...production, ...local, PUBLIC_URL: 'https://chat.example.com' })).toEqual([
        'OIDC_PROVIDERS: the issuer of google must be an https: URL in production',
      ]);
      expect(faults({ ...production, ...read(provider) })).toEqual([
        expect.stringContaining('PUBLIC_URL: must be set'),
      ]);
      expect(faults({ ...production, ...read(provider), PUBLIC_URL: 'http://chat.example.com' })).toHaveLength(1);
      expect(faults({ ...production, ...read(provider), PUBLIC_URL: 'https://chat.example.com' })).toEqual([]);
    });

    it('end at whole addresses, which may be those of an app', () => {
      const urls = 'https://app.example.com, com.example.app:/welcome';
      expect(readConfig({ OIDC_RETURN_URLS: urls }).loginProviders.returnUrls).toEqual([
        'https://app.example.com/',
        'com.example.app:/welcome',
      ]);
      for (const url of ['welcome', 'https://a.example.com/#b', 'https://me@a.example.com/', 'javascript:alert(1)']) {
        expect(faults({ OIDC_RETURN_URLS: url })).toEqual([expect.stringContaining('is not an address')]);
      }
      const production = { NODE_ENV: 'production', SECRET_KEY: SECRET };
      expect(faults({ ...production, OIDC_RETURN_URLS: 'http://app.example.com/' })).toHaveLength(1);
      expect(faults({ ...production, OIDC_RETURN_URLS: 'http://localhost:3000/' })).toEqual([]);
    });
  });
});
