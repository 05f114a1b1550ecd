import { z } from 'zod';
import { list, port, text, url } from './readers.js';
import { optional, withDefault, type Topic } from './setting.js';

export const serverSettings = {
  title: 'Server',
  settings: {
    environment: withDefault('NODE_ENV', z.enum(['development', 'test', 'production']), {
      description:
        'In production, the service refuses to start with unsafe settings, and logs JSON lines also in a terminal.',
      default: 'development',
    }),
    logLevel: withDefault('LOG_LEVEL', z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']), {
      description: 'Minimum severity of logged messages.',
      default: 'info',
    }),
    port: withDefault('PORT', port, {
      description: 'TCP port to listen on; 0 selects any free port.',
      default: '8000',
    }),
    host: optional('HOST', text, {
      description: 'Address to listen on. Default: localhost; in production, all addresses.',
      example: '0.0.0.0',
    }),
    publicUrl: optional('PUBLIC_URL', url('http:', 'https:'), {
      description:
        'URL at which clients reach the service. It is used in links, and its domain is the default domain of passkeys. In production, OIDC_PROVIDERS require it to begin with https:.',
      example: 'https://chat.example.com',
    }),
    corsOrigins: withDefault('CORS_ORIGINS', list, {
      description: 'Origins whose pages may call the service, separated by commas; * allows all. Default: none.',
      default: '',
      example: 'https://app.example.com,https://admin.example.com',
    }),
  },
} satisfies Topic;
