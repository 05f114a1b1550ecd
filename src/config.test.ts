import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError, readConfig, type Environment } from './config.js';
import { readSettings } from './config/setting.js';
import { allSettings } from './config/topics.js';

const SECRET = 'k'.repeat(32);
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
    expect(readSettings(allSettings, environment)).not.toHaveProperty('faults');
  });

  it('take an empty variable for one that is not set', () => {
    expect(readConfig({ DATABASE_URL: '', PORT: ' ' })).toMatchObject({ databaseUrl: undefined, port: 8000 });
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
