import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { readConfig, type Environment } from '../../src/config.js';
import { unknownSettings } from '../support/declared-settings.js';

const read = (path: string) => readFileSync(path, 'utf8');

/** `NAME=value` lines; those that begin with # are examples of what may be set. */
function assignments(text: string): Environment {
  return Object.fromEntries(
    Array.from(text.matchAll(/^#?([A-Z][A-Z_]+)=(.+)$/gm), ([, name = '', value]) => [name, value]),
  );
}

describe('deploy/flynkle.service', () => {
  const unit = read('deploy/flynkle.service');
  const environment = read('deploy/flynkle.environment');
  const valueOf = (name: string) => new RegExp(`^${name}=(.+)$`, 'm').exec(unit)?.[1];

  it('sets what the service knows, so that it starts in production', () => {
    const all = assignments(environment);
    expect(Object.keys(all)).toContain('DATABASE_URL_FILE');
    expect(unknownSettings(Object.keys(all))).toEqual([]);
    const set = assignments(environment.replaceAll(/^#.*$/gm, ''));
    const { SECRET_KEY_FILE: file, ...others } = set;
    expect(file).toBe('/etc/flynkle/secret-key');
    const config = readConfig({ ...others, SECRET_KEY: 'mHq3bTz0vYk9cXw2LdRj7NsPf5GaUe8i' });
    expect(config).toMatchObject({ production: true, dataDirectory: `/var/lib/${valueOf('StateDirectory')}` });
  });

  it('waits longer for the service to end than it takes', () => {
    const { drainSeconds, shutdownSeconds } = readConfig({});
    expect(Number(valueOf('TimeoutStopSec'))).toBeGreaterThan(drainSeconds + shutdownSeconds);
  });
});

describe('the Dockerfile', () => {
  it("has the version of Node that the suites run on, and the service's port", () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> };
    const dockerfile = read('Dockerfile');
    expect(dockerfile).toMatch(new RegExp(`^ARG NODE_IMAGE=node:${devDependencies['node'] ?? 'none'}-`, 'm'));
    expect(dockerfile).toMatch(/^ENV .*\bPORT=8000\b/m);
    expect(dockerfile).toMatch(/^EXPOSE 8000$/m);
  });
});
