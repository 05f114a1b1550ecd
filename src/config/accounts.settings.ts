import { password } from '../features/identity/accounts/accounts.rules.js';
import { domain, origins, positive, secrets, text } from './readers.js';
import { optional, withDefault, type Topic } from './setting.js';

export const MIN_SECRET_BYTES = 32;

export const accountsSettings = {
  title: 'Accounts',
  settings: {
    /** The first signs, all verify. Undefined outside production: one is made in `DATA_DIR`. */
    secrets: optional('SECRET_KEY', secrets, {
      description: `Signs access tokens and encrypts the secrets of second factors; ${MIN_SECRET_BYTES} bytes or more (openssl rand -base64 48). Required in production; elsewhere one is made in DATA_DIR. To change it without logging anyone out: put the new key before the old one, separated by a comma, restart every instance, and remove the old one when its tokens have expired.`,
    }),
    accessTokenMinutes: withDefault('ACCESS_TOKEN_EXPIRE_MINUTES', positive(525_600), {
      description: 'Lifetime of an access token in minutes.',
      default: '60',
    }),
    refreshTokenDays: withDefault('REFRESH_TOKEN_EXPIRE_DAYS', positive(3_650), {
      description: 'Days after which a session that is not used ends: the lifetime of a refresh token.',
      default: '7',
    }),
    admin: {
      email: optional('ADMIN_EMAIL', text, {
        description:
          'E-mail address of the first administrator, made at the start if no account has it. `npm run admin` makes others.',
        example: 'admin@example.com',
      }),
      password: optional('ADMIN_PASSWORD', password(), {
        description:
          "The first administrator's password, by the rule for everyone's: 8 characters or more, and not a common one.",
      }),
    },
    webAuthn: {
      rpId: optional('WEBAUTHN_RP_ID', domain, {
        description:
          'The domain that passkeys are made for, unless set that of PUBLIC_URL. Passkeys that exist stop working when it changes.',
        example: 'example.com',
      }),
      origins: optional('WEBAUTHN_ORIGINS', origins, {
        description:
          "Origins of the pages that may ask for a passkey, separated by commas, all within WEBAUTHN_RP_ID. Unless set: the service's own and CORS_ORIGINS.",
        example: 'https://app.example.com',
      }),
    },
  },
} satisfies Topic;
