import { isOnThisMachine } from '../features/identity/identities/login-provider-settings.js';
import { isOpen } from './named-keys.js';
import { isDeliveredPassword, isGuessable, isPlaceholder, isShort, STRENGTH } from './secret-strength.js';
import type { Settings } from './topics.js';
import { isTooWide, type Widest } from './wide-networks.js';

/** What development allows and production does not. */

/** Every fault, as `NAME: message`. */
export function unsafeInProduction(settings: Settings): string[] {
  return [
    missingSecret,
    weakKeys,
    sharedKey,
    weakPasswords,
    missingSender,
    missingPublicUrl,
    plainIssuers,
    plainReturnUrls,
    openToolServers,
    wideInternalNetworks,
    wideProxies,
    anyPageOfInternalMachines,
  ].flatMap((rule) => rule(settings));
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

/** Keys, users' ids and what tools answer are sent there. */
function openToolServers({ tools: { servers = [] } }: Settings): string[] {
  return servers
    .filter(({ url }) => isOpen(url))
    .map(({ name }) => `MCP_SERVERS: the url of ${name} must be an https: URL in production`);
}

const NEW_KEY = 'write the output of: openssl rand -base64 48';

/** The service's own secrets, which can be tried offline. */
function weakKeys({ secrets = [], internal, loginProviders: { providers } }: Settings): string[] {
  const keys = [
    ...secrets.map((secret) => ['SECRET_KEY', secret] as const),
    ...(internal.key === undefined ? [] : [['INTERNAL_API_KEY', internal.key] as const]),
  ];
  const faults = keys.flatMap(([name, key]) => {
    if (isPlaceholder(key)) return [`${name}: is an example's; choose one of your own (${NEW_KEY})`];
    // One that is too short has its own fault, in development, too.
    return !isShort(key) && isGuessable(key, STRENGTH.key) ? [`${name}: is too easy to guess; ${NEW_KEY}`] : [];
  });
  const examples = providers
    .filter(({ clientSecret }) => clientSecret !== undefined && isDeliveredPassword(clientSecret))
    .map(
      ({ name }) =>
        `OIDC_PROVIDERS: the clientSecret of ${name} is an example's; write the one that the provider gave you`,
    );
  return [...new Set([...faults, ...examples])];
}

/** Who is given one of them, to call as anyone, must not be able to sign tokens. */
function sharedKey({ secrets = [], internal }: Settings): string[] {
  const isShared = internal.key !== undefined && secrets.includes(internal.key);
  return isShared ? [`INTERNAL_API_KEY: is a SECRET_KEY, too; ${NEW_KEY}`] : [];
}

/** Passwords that a server is asked for. On this machine, only its own programs can ask. */
function weakPasswords({ admin, databaseUrl, redisUrl, mail, uploads: { s3 } }: Settings): string[] {
  const servers = [
    ['DATABASE_URL', databaseUrl, passwordIn(databaseUrl)],
    ['REDIS_URL', redisUrl, passwordIn(redisUrl)],
    ['SMTP_URL', mail.smtpUrl, passwordIn(mail.smtpUrl)],
    ['MINIO_SECRET_KEY', s3.endpoint === undefined ? undefined : `http://${s3.endpoint}`, s3.secretKey],
  ] as const;
  const delivered = servers.flatMap(([name, url, password]) => {
    const isOpen = url !== undefined && password !== undefined && !isLocal(url) && isDeliveredPassword(password);
    return isOpen
      ? [`${name}: its password is one that everyone tries; give the server one of its own (openssl rand -hex 24)`]
      : [];
  });
  const { password } = admin;
  if (password === undefined) return delivered;
  if (isPlaceholder(password)) return [...delivered, "ADMIN_PASSWORD: is an example's; choose one of your own"];
  return isGuessable(password, STRENGTH.password)
    ? [...delivered, 'ADMIN_PASSWORD: is too easy to guess; choose a longer one, such as four words']
    : delivered;
}

function passwordIn(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { password } = new URL(url);
  return password === '' ? undefined : decode(password);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Also a database's socket, which is a file, and has no host. */
function isLocal(url: string): boolean {
  return (
    URL.canParse(url) && (isOnThisMachine(url) || new URL(url).hostname === '' || /^%2f/i.test(new URL(url).hostname))
  );
}

/** Narrower than what large organisations have: whoever is in it acts as anyone. */
const WIDEST_INTERNAL: Widest = { ipv4: 16, ipv6: 32 };
/** As wide as the ranges that content delivery networks publish. */
const WIDEST_PROXIES: Widest = { ipv4: 12, ipv6: 28 };

function wideInternalNetworks({ internal }: Settings): string[] {
  return internal.cidrs
    .filter((cidr) => isTooWide(cidr, WIDEST_INTERNAL))
    .map(
      (cidr) =>
        `INTERNAL_CIDRS: ${cidr} lets strangers act as any user; write the ranges of your own services, as 10.0.0.0/8`,
    );
}

function wideProxies({ trustedProxies }: Settings): string[] {
  return trustedProxies
    .filter((cidr) => isTooWide(cidr, WIDEST_PROXIES))
    .map(
      (cidr) =>
        `TRUSTED_PROXIES: ${cidr} lets strangers choose their address; write the addresses of your own proxies, as 10.0.0.5`,
    );
}

/** Such a page is in a browser, whose address is the machine's. Requests of browsers are no internal calls: a second lock. */
function anyPageOfInternalMachines({ corsOrigins, internal }: Settings): string[] {
  if (!corsOrigins.includes('*') || internal.cidrs.length === 0) return [];
  return [
    'CORS_ORIGINS: * must not stand beside INTERNAL_CIDRS; write the origins of your own pages, as https://app.example.com',
  ];
}
