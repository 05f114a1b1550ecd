import { readConfig } from '../../src/config.js';
import type { Attack, AttackKind } from './attack.js';

const SAFE = {
  NODE_ENV: 'production',
  SECRET_KEY: 'q7Vb2mXr8uYc3kZ0A1hSpLtNwEdFgJ5i',
  DATABASE_URL: 'postgresql://flynkle@127.0.0.1:5432/flynkle',
  PUBLIC_URL: 'https://chat.example.com',
};

/** Settings that must not start a production service. */
const UNSAFE: readonly Readonly<Record<string, string>>[] = [
  { SECRET_KEY: '' },
  { SECRET_KEY: 'short' },
  { SECRET_KEY: 'a'.repeat(64) },
  { SECRET_KEY: 'secret'.repeat(8) },
  { SECRET_KEY: 'changeme'.repeat(5) },
  { INTERNAL_API_KEY: 'x' },
  { INTERNAL_API_KEY: 'b'.repeat(64) },
  { INTERNAL_API_KEY: 'password'.repeat(5) },
  { INTERNAL_CIDRS: '0.0.0.0/0' },
  { INTERNAL_CIDRS: '::/0' },
  { INTERNAL_CIDRS: '10.0.0.0/8', CORS_ORIGINS: '*' },
  { CORS_ORIGINS: 'https://app.example.com/' },
  { CORS_ORIGINS: 'app.example.com' },
  { REDIS_URL: 'redis://127.0.0.1/x' },
  { REDIS_URL: 'http://127.0.0.1' },
  { PORT: 'abc' },
  { PORT: '-1' },
  { PORT: '70000' },
  { PUBLIC_URL: 'ftp://a' },
  { RATE_LIMIT_LOGIN: 'often' },
  { PLANS: '{' },
  { TRUSTED_PROXIES: 'everyone' },
  { DATABASE_URL: 'mysql://127.0.0.1/x' },
];

export const settings: AttackKind = {
  name: 'settings',
  attacks: () =>
    UNSAFE.map((given): Attack => ({
      name: JSON.stringify(given).slice(0, 80),
      run: () => {
        try {
          readConfig({ ...SAFE, ...given });
          return Promise.resolve('was taken');
        } catch (error) {
          const names = Object.keys(given);
          const message = error instanceof Error ? error.message : '';
          return Promise.resolve(names.some((name) => message.includes(name)) ? undefined : message.slice(0, 100));
        }
      },
    })),
};
