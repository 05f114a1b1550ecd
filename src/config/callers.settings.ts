import { MIN_SECRET_BYTES } from './accounts.settings.js';
import { cidrs, text } from './readers.js';
import { secret, withDefault, type Topic } from './setting.js';

export const callersSettings = {
  title: 'Callers: proxies in front, and internal services',
  settings: {
    trustedProxies: withDefault('TRUSTED_PROXIES', cidrs, {
      description:
        'Address ranges of the proxies in front, separated by commas. Their X-Forwarded-For header is trusted. All users behind a proxy that is not listed count as one client in rate limits and in session lists.',
      default: '',
      example: '10.0.0.0/8',
    }),
    internal: {
      cidrs: withDefault('INTERNAL_CIDRS', cidrs, {
        description:
          'Address ranges of internal services, separated by commas: they may act as any user, named in their X-User-ID header. It is the address of the connection that counts, so do not list a range that contains a proxy, unless everyone behind it may act as any user. Addresses in TRUSTED_PROXIES never count, and neither do requests of browsers, which carry an Origin.',
        default: '',
        example: '10.0.0.0/8',
      }),
      key: secret('INTERNAL_API_KEY', text, {
        description: `Key that internal services outside of INTERNAL_CIDRS send as X-Internal-Key, never from a browser; ${MIN_SECRET_BYTES} bytes or more.`,
      }),
    },
  },
} satisfies Topic;
