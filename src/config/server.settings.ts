import { z } from 'zod';
import { list, port, text, url } from './readers.js';
import { optional, withDefault, type Topic } from './setting.js';

export const serverSettings = {
  title: 'Server',
  settings: {
    environment: withDefault('NODE_ENV', z.enum(['development', 'test', 'production']), {
      description:
        'A production start refuses settings that are unsafe there; its log is JSON lines, also in a terminal.',
      default: 'development',
    }),
    logLevel: withDefault('LOG_LEVEL', z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']), {
      description: 'The least severe messages in the log.',
      default: 'info',
    }),
    port: withDefault('PORT', port, {
      description: 'TCP port to listen on; 0 for any that is free.',
      default: '8000',
    }),
    host: optional('HOST', text, {
      description: 'Address to listen on. Unless set: localhost, or in production every address.',
      example: '0.0.0.0',
    }),
    publicUrl: optional('PUBLIC_URL', url('http:', 'https:'), {
      description:
        'Where clients reach the service. It stands in links, and its domain in passkeys. With OIDC_PROVIDERS, production needs it to begin with https:.',
      example: 'https://chat.example.com',
    }),
    corsOrigins: withDefault('CORS_ORIGINS', list, {
      description: 'Origins whose pages may call the service, separated by commas; * allows any. None unless set.',
      default: '',
      example: 'https://app.example.com,https://admin.example.com',
    }),
  },
} satisfies Topic;
