import { isOnThisMachine } from '../features/identity/identities/login-provider-settings.js';
import { MIN_SECRET_BYTES } from './accounts.settings.js';
import { relyingPartyOf } from './relying-party.js';
import type { Settings } from './topics.js';

/** Rules about several settings together, and about production. */

/** Secrets from documentation and examples, with which production refuses to start. */
const KNOWN_SECRETS = /^(change[-_ ]?me|secret|password|default|example|test)/i;

/** Every fault, as `NAME: message`. */
export function inconsistencies(settings: Settings): string[] {
  const always = [shortSecrets, halfAdmin, foreignOrigins, partOfS3, shortInternalKey, replyLongerThanContext];
  const inProduction = [missingSecret, missingSender, missingPublicUrl, plainIssuers, plainReturnUrls, knownSecrets];
  const rules = settings.environment === 'production' ? [...always, ...inProduction] : always;
  return rules.flatMap((rule) => rule(settings));
}

function shortSecrets({ secrets = [] }: Settings): string[] {
  return secrets
    .filter(isShort)
    .map(() => `SECRET_KEY: each key needs ${MIN_SECRET_BYTES} bytes or more (openssl rand -base64 48)`);
}

function shortInternalKey({ internal: { key } }: Settings): string[] {
  return key !== undefined && isShort(key) ? [`INTERNAL_API_KEY: needs ${MIN_SECRET_BYTES} bytes or more`] : [];
}

function isShort(secret: string): boolean {
  return Buffer.byteLength(secret) < MIN_SECRET_BYTES;
}

function halfAdmin({ admin: { email, password } }: Settings): string[] {
  return (email === undefined) === (password === undefined) ? [] : ['ADMIN_EMAIL, ADMIN_PASSWORD: set both or neither'];
}

function foreignOrigins(settings: Settings): string[] {
  const domain = relyingPartyOf(settings);
  return (settings.webAuthn.origins ?? [])
    .filter((origin) => !isWithin(origin, domain))
    .map((origin) => `WEBAUTHN_ORIGINS: "${origin}" is not within the domain ${domain}`);
}

function isWithin(origin: string, domain: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === domain || hostname.endsWith(`.${domain}`);
}

function partOfS3({ uploads: { s3 } }: Settings): string[] {
  const server = {
    MINIO_ENDPOINT: s3.endpoint,
    MINIO_ACCESS_KEY: s3.accessKey,
    MINIO_SECRET_KEY: s3.secretKey,
    MINIO_BUCKET: s3.bucket,
  };
  const names = Object.keys(server);
  const missing = Object.entries(server).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length === 0 || missing.length === names.length) return [];
  return [`${names.join(', ')}: set all or none; ${missing.join(', ')} is missing`];
}

function replyLongerThanContext({ model }: Settings): string[] {
  const fits = model.maxReplyTokens < model.contextTokens;
  return fits ? [] : ['OPENAI_MAX_REPLY_TOKENS: must be smaller than OPENAI_CONTEXT_TOKENS'];
}

function missingSecret({ secrets }: Settings): string[] {
  return secrets === undefined ? ['SECRET_KEY: must be set in production (openssl rand -base64 48)'] : [];
}

function missingSender({ mail }: Settings): string[] {
  if (mail.smtpUrl === undefined || mail.from !== undefined) return [];
  return ['MAIL_FROM: must be set in production together with SMTP_URL (as Flynkle <no-reply@example.com>)'];
}

function missingPublicUrl({ loginProviders: { providers }, publicUrl }: Settings): string[] {
  if (providers.length === 0 || publicUrl?.startsWith('https:') === true) return [];
  return ['PUBLIC_URL: must be set in production together with OIDC_PROVIDERS, to an https: URL'];
}

function plainIssuers({ loginProviders: { providers } }: Settings): string[] {
  return providers
    .filter(({ issuer }) => !issuer.startsWith('https:'))
    .map(({ name }) => `OIDC_PROVIDERS: the issuer of ${name} must be an https: URL in production`);
}

function plainReturnUrls({ loginProviders: { returnUrls } }: Settings): string[] {
  return returnUrls
    .filter((url) => url.startsWith('http:') && !isOnThisMachine(url))
    .map((url) => `OIDC_RETURN_URLS: ${url} must begin with https: in production`);
}

function knownSecrets({ secrets = [], admin, internal }: Settings): string[] {
  const chosen = {
    SECRET_KEY: secrets,
    ADMIN_PASSWORD: [admin.password ?? ''],
    INTERNAL_API_KEY: [internal.key ?? ''],
  };
  return Object.entries(chosen)
    .filter(([, values]) => values.some((value) => KNOWN_SECRETS.test(value)))
    .map(([name]) => `${name}: is an example's; choose one of your own`);
}
