import { z } from 'zod';
import { corsOrigins, flag, listenHost, port, publicUrl, secondsBetween, wholeSeconds } from './readers.js';
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
      description:
        'Minimum severity of logged messages. The signal SIGUSR2 sets it to debug while the service runs, and back.',
      default: 'info',
    }),
    logFormat: optional('LOG_FORMAT', z.enum(['json', 'pretty']), {
      description:
        'How lines are logged: one JSON object a line, or text for people. Default: pretty on a terminal outside production, else json.',
      example: 'json',
    }),
    port: withDefault('PORT', port, {
      description: 'TCP port to listen on; 0 selects any free port.',
      default: '8000',
    }),
    host: optional('HOST', listenHost, {
      description: 'Address to listen on. Default: localhost; in production, all addresses.',
      example: '0.0.0.0',
    }),
    publicUrl: optional('PUBLIC_URL', publicUrl, {
      description:
        'URL at which clients reach the service. It is used in links, and its domain is the default domain of passkeys. Where it begins with https:, browsers are told to come by TLS alone. In production, OIDC_PROVIDERS require that.',
      example: 'https://chat.example.com',
    }),
    introspection: withDefault('INTROSPECTION', flag, {
      description:
        'on or off: whether clients may ask for the GraphQL schema by introspection, and errors propose names ("Did you mean"). GraphiQL needs it for its documentation and completion.',
      default: 'on',
    }),
    graphiql: withDefault('GRAPHIQL', flag, {
      description: 'on or off: whether browsers that open /graphql get GraphiQL.',
      default: 'on',
    }),
    docs: withDefault('DOCS', flag, {
      description: 'on or off: whether /docs shows the REST reference, and clients get the OpenAPI document.',
      default: 'on',
    }),
    drainSeconds: withDefault('DRAIN_SECONDS', wholeSeconds(300), {
      description:
        'Seconds for which the service goes on taking requests after SIGTERM, while /health/ready says 503 and each answer closes its connection: longer than the proxies in front take to notice. Outside production it ends as soon as nobody is connected; SIGINT leaves it out.',
      default: '3',
    }),
    shutdownSeconds: withDefault('SHUTDOWN_SECONDS', secondsBetween(5, 3_600), {
      description:
        'Seconds after which the process has ended, counted from the end of DRAIN_SECONDS: running requests and replies have the first three fifths to end by themselves, and what is left is for storing and closing, whatever does not answer.',
      default: '25',
    }),
    corsOrigins: withDefault('CORS_ORIGINS', corsOrigins, {
      description:
        'Origins whose pages may call the service, separated by commas; * allows all, and in production must not stand beside INTERNAL_CIDRS. Default: none.',
      default: '',
      example: 'https://app.example.com,https://admin.example.com',
    }),
  },
} satisfies Topic;
