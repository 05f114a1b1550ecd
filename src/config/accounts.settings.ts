import { z } from 'zod';
import { SIGN_UP_MODES } from '../features/identity/invitations/invitation.js';
import { password } from '../features/identity/accounts/accounts.rules.js';
import { domain, origins, positive, secrets, text } from './readers.js';
import { optional, secret, withDefault, type Topic } from './setting.js';

export const MIN_SECRET_BYTES = 32;

export const accountsSettings = {
  title: 'Accounts',
  settings: {
    /** The first key signs, all verify. When undefined, outside production, a key is made in `DATA_DIR`. */
    secrets: secret('SECRET_KEY', secrets, {
      description: `Signs access tokens and encrypts the secrets of second factors; ${MIN_SECRET_BYTES} bytes or more (openssl rand -base64 48). Required in production; otherwise a key is made in DATA_DIR. To change it without logging anyone out: put the new key before the old one, separated by a comma, restart every instance, and remove the old one when its tokens have expired.`,
    }),
    accessTokenMinutes: withDefault('ACCESS_TOKEN_EXPIRE_MINUTES', positive(525_600), {
      description: 'Lifetime of an access token in minutes.',
      default: '60',
    }),
    refreshTokenDays: withDefault('REFRESH_TOKEN_EXPIRE_DAYS', positive(3_650), {
      description: 'Lifetime of a refresh token in days, after which a session ends if it is not used.',
      default: '7',
    }),
    signUp: withDefault('SIGN_UP', z.enum(SIGN_UP_MODES), {
      description:
        'Who may make an account: anyone; those with an invitation of an admin (`createInvitation`, or `npm run admin -- invite`); or nobody. Admins always may. Logins by a provider that would make an account obey it too: with `invite`, one whose verified address was invited.',
      default: 'open',
    }),
    admin: {
      email: optional('ADMIN_EMAIL', text, {
        description:
          'E-mail address of the first administrator, whose account is made at the start if no account has the address. `npm run admin` makes more administrators.',
        example: 'admin@example.com',
      }),
      password: secret('ADMIN_PASSWORD', password(), {
        description:
          "The first administrator's password. The rule for all passwords applies: 8 characters or more, and not a common one.",
      }),
    },
    webAuthn: {
      rpId: optional('WEBAUTHN_RP_ID', domain, {
        description:
          'Domain of passkeys. Default: the domain of PUBLIC_URL. Existing passkeys stop working when it changes.',
        example: 'example.com',
      }),
      origins: optional('WEBAUTHN_ORIGINS', origins, {
        description:
          "Origins of the pages that may ask for a passkey, separated by commas, all within WEBAUTHN_RP_ID. Default: the service's own origin and CORS_ORIGINS.",
        example: 'https://app.example.com',
      }),
    },
  },
} satisfies Topic;
