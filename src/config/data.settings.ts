import { z } from 'zod';
import { databaseUrl, keyPrefix, positive, redisUrl, text } from './readers.js';
import { secret, withDefault, type Topic } from './setting.js';

export const dataSettings = {
  title: 'Data',
  settings: {
    dataDirectory: withDefault('DATA_DIR', text, {
      description:
        'Folder for data that is kept without a server: the embedded database, uploaded files, mail, and the secret that signs tokens. It is made for the user that the service runs as, and for nobody else.',
      default: './data',
    }),
    databaseUrl: secret('DATABASE_URL', databaseUrl, {
      description: 'URL of a PostgreSQL server, version 15 or later. Default: the embedded database.',
      example: 'postgresql://flynkle:password@localhost:5432/flynkle',
    }),
    databasePoolSize: withDefault('DATABASE_POOL_SIZE', positive(1_000), {
      description:
        'Maximum connections of one instance to the PostgreSQL server. The server must allow those of all instances together.',
      default: '10',
    }),
    preparedStatements: withDefault('DATABASE_PREPARED_STATEMENTS', z.enum(['auto', 'on', 'off']), {
      description:
        'Whether statements get names, by which PostgreSQL keeps their plans: `on`, `off`, or `auto`, which does without behind a pooler that mixes them up (PgBouncer before 1.21 in transaction mode, or with max_prepared_statements=0).',
      default: 'auto',
    }),
    redisUrl: secret('REDIS_URL', redisUrl, {
      description:
        'URL of a Redis server, version 7, for reply streams and rate limits. Required to run more than one instance. Default: both are kept in the process.',
      example: 'redis://localhost:6379',
    }),
    redisPrefix: withDefault('REDIS_PREFIX', keyPrefix, {
      description: 'Beginning of every key in Redis: several installations may share a server if theirs differ.',
      default: 'flynkle:',
    }),
  },
} satisfies Topic;
