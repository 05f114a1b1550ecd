import { text, url } from './readers.js';
import { optional, withDefault, type Topic } from './setting.js';

export const dataSettings = {
  title: 'Data',
  settings: {
    dataDirectory: withDefault('DATA_DIR', text, {
      description:
        'Folder for data that is kept without a server: the embedded database, uploaded files, mail, and the secret that signs tokens.',
      default: './data',
    }),
    databaseUrl: optional('DATABASE_URL', url('postgres:', 'postgresql:'), {
      description: 'URL of a PostgreSQL server, version 15 or later. Default: the embedded database.',
      example: 'postgresql://flynkle:password@localhost:5432/flynkle',
    }),
    redisUrl: optional('REDIS_URL', url('redis:', 'rediss:'), {
      description:
        'URL of a Redis server, version 7, for reply streams and rate limits. Required to run more than one instance. Default: both are kept in the process.',
      example: 'redis://localhost:6379',
    }),
  },
} satisfies Topic;
