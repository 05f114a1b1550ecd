import { z } from 'zod';
import type { IdentityProviderSettings } from '../../../ports/identity-provider.js';

/** Maximum number of login providers. */
export const MAX_PROVIDERS = 50;
export const MAX_PROVIDER_NAME_LENGTH = 32;
const PROVIDER_NAME = new RegExp(`^[a-z0-9][a-z0-9-]{0,${MAX_PROVIDER_NAME_LENGTH - 1}}$`);

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether requests to this URL stay on this machine. */
export function isOnThisMachine(url: string): boolean {
  return URL.canParse(url) && LOOPBACK.test(new URL(url).hostname);
}

const issuer = z.string().refine((value) => {
  if (!URL.canParse(value)) return false;
  const { protocol, search, hash, username } = new URL(value);
  const isSafe = protocol === 'https:' || (protocol === 'http:' && isOnThisMachine(value));
  return isSafe && search === '' && hash === '' && username === '';
}, 'must be an https: URL without a query (http: for a provider on this machine)');

const scopes = z
  .string()
  .regex(/^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/, 'must be scopes separated by spaces')
  .refine((value) => value.split(' ').includes('openid'), 'must have openid among them');

/** Schema of the setting `OIDC_PROVIDERS`: a list of {@link IdentityProviderSettings}. */
export const loginProvidersSchema = z
  .array(
    z
      .strictObject({
        name: z.string().regex(PROVIDER_NAME, 'must be lower-case letters, digits and -'),
        label: z.string().trim().min(1, 'must not be empty').max(64, 'must be at most 64 characters').optional(),
        issuer,
        clientId: z.string().min(1, 'must not be empty'),
        clientSecret: z.string().min(1, 'must not be empty').optional(),
        clientAuthentication: z.enum(['client_secret_basic', 'client_secret_post']).default('client_secret_basic'),
        scopes: scopes.default('openid email profile'),
      })
      .transform((provider): IdentityProviderSettings => ({
        ...provider,
        label: provider.label ?? provider.name,
        clientSecret: provider.clientSecret,
      })),
    'must be a list of providers, as [{"name":"google","issuer":"https://accounts.google.com","clientId":"…"}]',
  )
  .max(MAX_PROVIDERS, `must be at most ${MAX_PROVIDERS} providers`)
  .superRefine((providers, context) => {
    const names = providers.map(({ name }) => name);
    for (const [index, name] of names.entries()) {
      if (names.indexOf(name) < index) {
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `is another provider's too: ${name}` });
      }
    }
  });
