import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { readConfig, type Environment } from '../../src/config.js';
import { composeEnvironment, composeServices as services, substituted } from '../support/compose-file.js';
import { unknownSettings } from '../support/declared-settings.js';

describe('docker-compose.yml', () => {
  let secrets: string;
  beforeAll(() => {
    secrets = mkdtempSync(join(tmpdir(), 'flynkle-compose-'));
    for (const folder of ['api', 'postgres', 'redis', 's3', 'bin']) mkdirSync(join(secrets, folder));
    // Only root may give files away.
    writeFileSync(join(secrets, 'bin', 'chown'), '#!/bin/sh\n', { mode: 0o755 });
  });
  afterAll(() => {
    rmSync(secrets, { recursive: true });
  });

  const makeSecrets = () => {
    const script = substituted(services['secrets']?.command?.[0] ?? 'exit 1');
    const env = { PATH: `${join(secrets, 'bin')}${delimiter}${process.env['PATH']}`, FOLDER: secrets };
    const { status, stderr } = spawnSync('sh', ['-euc', script], { env, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const read = (name: string) => readFileSync(join(secrets, name), 'utf8');
    const key = read('api/secret-key');
    const passwords = [read('postgres/password'), read('redis/password'), read('s3/secret-key')];
    return { key, passwords, redis: read('redis/redis.conf') };
  };

  const settingsWith = (variables: Environment): Environment => {
    const given = Object.entries(composeEnvironment(services['api'] ?? {}, variables));
    return Object.fromEntries(given.map(([name, value]) => [name, value.replace(/^\/secrets/, `${secrets}/api`)]));
  };

  it('makes secrets of its own at the first start, and keeps them', () => {
    const first = makeSecrets();
    const all = [first.key, ...first.passwords];
    expect(new Set(all).size).toBe(4);
    for (const secret of all) expect(secret).toMatch(/^[\w-]{64}$/);
    expect(first.redis).toBe(`requirepass ${first.passwords[1]}`);
    expect(makeSecrets()).toEqual(first);
  });

  it('starts in production, with settings that production takes', () => {
    const { key, passwords } = makeSecrets();
    const config = readConfig(settingsWith({}));
    expect(config).toMatchObject({
      production: true,
      secrets: [key],
      databaseUrl: `postgresql://flynkle:${passwords[0]}@postgres:5432/flynkle`,
      redisUrl: `redis://:${passwords[1]}@redis:6379/0`,
      publicUrl: 'http://localhost:8000',
      uploads: { s3: { secretKey: passwords[2] } },
    });
    expect(readConfig(settingsWith({ PORT: '9000' })).publicUrl).toBe('http://localhost:9000');
    expect(readConfig(settingsWith({ PUBLIC_URL: 'https://chat.example.com' })).publicUrl).toBe(
      'https://chat.example.com',
    );
  });

  it('sets what the service knows, and waits longer for it to end than it takes', () => {
    expect(unknownSettings(Object.keys(services['api']?.environment ?? {}))).toEqual([]);
    makeSecrets();
    const { drainSeconds, shutdownSeconds } = readConfig(settingsWith({}));
    expect(Number.parseInt(services['api']?.stop_grace_period ?? '')).toBeGreaterThan(drainSeconds + shutdownSeconds);
  });

  it('names the proxy that may say who a client is: Caddy, at its own address', () => {
    const { networks, environment } = services['caddy'] ?? {};
    expect(settingsWith({})['TRUSTED_PROXIES']).toBe(networks?.['front']?.ipv4_address);
    expect(settingsWith({ TRUSTED_PROXIES: '10.0.0.5' })['TRUSTED_PROXIES']).toBe('10.0.0.5');
    expect(environment?.['INSTANCES']).toBe(`api:${services['api']?.environment?.['PORT']}`);
    const site = (variables: Environment) => substituted(String(environment?.['SITE']), variables);
    expect(site({})).toBe('https://localhost');
    expect(site({ PUBLIC_URL: 'https://chat.example.com' })).toBe('https://chat.example.com');
  });

  it('starts without a profile what a setting uses, of exact versions', () => {
    const always = Object.entries(services).filter(([, { profiles = [] }]) => profiles.length === 0);
    expect(always.map(([name]) => name)).toEqual(['api', 'secrets', 'postgres', 'redis', 's3']);
    for (const [name, { image }] of Object.entries(services)) {
      if (name !== 'api') expect(image).toMatch(/:v?\d+\.\d+(\.\d+)?(-alpine)?$/);
    }
  });

  it('gives each service no more than it needs', () => {
    for (const service of Object.values(services)) {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        pids_limit: expect.any(Number) as unknown,
        logging: { options: { 'max-size': expect.stringMatching(/^\d+m$/) as unknown } },
      });
    }
    for (const [name, service] of Object.entries(services)) {
      if (name !== 'secrets') expect(service).toHaveProperty('mem_limit');
    }
  });

  it('publishes on this machine alone, unless it is told otherwise', () => {
    const published = Object.values(services).flatMap(({ ports = [], profiles = [] }) =>
      profiles.length > 0 ? [] : ports,
    );
    expect(published.map((ports) => substituted(ports))).toEqual(['127.0.0.1:8000:8000']);
    expect(substituted(published[0] ?? '', { PUBLISH_ADDRESS: '0.0.0.0', PORT: '80' })).toBe('0.0.0.0:80:8000');
  });

  it('has no password in it', () => {
    const values = Object.values(services).flatMap(({ environment = {} }) => Object.entries(environment));
    const suspicious = values.filter(
      ([name, value]) => /PASSWORD|SECRET|KEY|URL/.test(name) && !name.endsWith('_FILE') && value !== '',
    );
    expect(suspicious.map(([name]) => name)).toEqual(['PUBLIC_URL', 'MINIO_ACCESS_KEY']);
  });
});
