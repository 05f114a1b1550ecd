import { loginProvidersSchema } from '../features/identity/identities/login-provider-settings.js';
import { json, returnUrls } from './readers.js';
import { withDefault, type Topic } from './setting.js';

export const loginProvidersSettings = {
  title: 'Login by a provider (OpenID Connect)',
  settings: {
    loginProviders: {
      providers: withDefault('OIDC_PROVIDERS', json.pipe(loginProvidersSchema), {
        description:
          'Login providers, as a JSON list on one line. Each has a name (used in URLs), an issuer and a clientId; and optionally a label (shown to people), clientSecret, clientAuthentication (client_secret_basic or client_secret_post) and scopes. Register <PUBLIC_URL>/api/v1/auth/oidc/<name>/callback with the provider.',
        secret: true,
        default: '[]',
        example:
          '[{"name":"google","label":"Google","issuer":"https://accounts.google.com","clientId":"flynkle","clientSecret":"…"}]',
      }),
      returnUrls: withDefault('OIDC_RETURN_URLS', returnUrls, {
        description:
          'Full URLs of the pages that a login may return to, without a query, separated by commas; an app may use its own URL scheme.',
        default: '',
        example: 'https://app.example.com/welcome',
      }),
    },
  },
} satisfies Topic;
