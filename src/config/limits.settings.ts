import { rateLimit } from './readers.js';
import { withDefault, type Topic } from './setting.js';

const CLIENT = 'per client (the IPv4 address, or the IPv6 /64)';

export const limitsSettings = {
  title: 'Rate limits, as <calls>/<seconds>',
  settings: {
    rateLimits: {
      login: withDefault('RATE_LIMIT_LOGIN', rateLimit, {
        description: 'Login attempts per e-mail address.',
        default: '5/60',
      }),
      loginClient: withDefault('RATE_LIMIT_LOGIN_CLIENT', rateLimit, {
        description: `Login attempts ${CLIENT}.`,
        default: '100/60',
      }),
      signUp: withDefault('RATE_LIMIT_SIGN_UP', rateLimit, {
        description: `New accounts ${CLIENT}, not counting those that admins make.`,
        default: '1000/3600',
      }),
      chat: withDefault('RATE_LIMIT_CHAT', rateLimit, { description: 'Chat requests per user.', default: '5/60' }),
      message: withDefault('RATE_LIMIT_MESSAGE', rateLimit, { description: 'Messages per user.', default: '5/60' }),
      codeAddress: withDefault('RATE_LIMIT_CODE_ADDRESS', rateLimit, {
        description: 'One-time codes mailed per e-mail address.',
        default: '5/900',
      }),
      codeClient: withDefault('RATE_LIMIT_CODE_CLIENT', rateLimit, {
        description: `Requests for one-time codes ${CLIENT}. How often a code may be tried is fixed: 5 times.`,
        default: '100/60',
      }),
      providerLogin: withDefault('RATE_LIMIT_PROVIDER_LOGIN', rateLimit, {
        description: `Logins by a provider that are started, ${CLIENT}.`,
        default: '30/60',
      }),
    },
  },
} satisfies Topic;
