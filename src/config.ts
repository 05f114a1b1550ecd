import { z } from 'zod';
import { password } from './features/identity/accounts/accounts.rules.js';
import { isOnThisMachine, loginProvidersSchema } from './features/identity/identities/login-provider-settings.js';
import { defaultPlans, plansSchema, type Plan } from './features/chat/plans/plan.js';
import { Networks } from './kernel/networks.js';
import type { IdentityProviderSettings } from './ports/identity-provider.js';

/** Settings are read here and nowhere else: from the environment, once, at start. */

const MIN_SECRET_BYTES = 32;
/** Secrets that stand in documentation and examples; a production start refuses them. */
const KNOWN_SECRETS = /^(change[-_ ]?me|secret|password|default|example|test)/i;

const DEFAULT_MAIL_FROM = 'Flynkle <no-reply@localhost>';

const port = z.coerce.number().int().min(0).max(65_535);
const positive = (most: number) => z.coerce.number().int().min(1).max(most);
const url = (...protocols: string[]) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    message: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const rateLimit = z
  .string()
  .regex(/^[1-9]\d{0,5}\/[1-9]\d{0,5}$/, 'must be <calls>/<seconds>, as 5/60')
  .transform((value) => {
    const [limit, seconds] = value.split('/').map(Number);
    return { limit: limit ?? 0, windowMs: (seconds ?? 0) * 1000 };
  });

const cidrs = list.superRefine((values, context) => {
  for (const value of values) {
    if (!isNetwork(value))
      context.addIssue({ code: 'custom', message: `"${value}" is not an address range, as 10.0.0.0/8` });
  }
});

const hostAndPort = z
  .string()
  .refine(
    (value) => /^[^/@?#\s]+$/.test(value) && URL.canParse(`http://${value}`),
    'must be host:port, as 127.0.0.1:9000',
  );

/** One address, with a name before it or without: what else is in it would end up in other headers. */
const mailFrom = z
  .string()
  .trim()
  .regex(
    /^(?:[^\s@<>,;:"\\]+@[^\s@<>,;:"\\]+|[^<>,;:"\\\r\n]+ <[^\s@<>,;:"\\]+@[^\s@<>,;:"\\]+>)$/,
    'must be an e-mail address, as Flynkle <no-reply@example.com>',
  );

function isNetwork(value: string): boolean {
  try {
    new Networks([value]);
    return true;
  } catch {
    return false;
  }
}

const json = z.string().transform((value, context): unknown => {
  try {
    return JSON.parse(value);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' });
    return z.NEVER;
  }
});

/** Each is compared as a whole: a part of an address that anyone may choose is a way to somewhere else. */
const returnUrls = list.transform((values, context) =>
  values.map((value) => {
    const url = URL.canParse(value) ? new URL(value) : null;
    const isPlain = url?.search === '' && url.hash === '' && url.username === '';
    if (isPlain && !/^(?:javascript|data|vbscript|file|blob):$/.test(url.protocol)) return url.href;
    const message = `"${value}" is not an address without a query, as https://app.example.com/welcome`;
    context.addIssue({ code: 'custom', message });
    return '';
  }),
);

const DOMAIN = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

const origins = list.superRefine((values, context) => {
  for (const value of values) {
    if (URL.canParse(value) && new URL(value).origin === value) continue;
    context.addIssue({ code: 'custom', message: `"${value}" is not an origin, as https://app.example.com` });
  }
});

const environmentSchema = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  PORT: port.default(8000),
  HOST: z.string().optional(),
  PUBLIC_URL: url('http:', 'https:').optional(),
  CORS_ORIGINS: list.default([]),
  DATA_DIR: z.string().default('./data'),
  DATABASE_URL: url('postgres:', 'postgresql:').optional(),
  REDIS_URL: url('redis:', 'rediss:').optional(),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: url('http:', 'https:').optional(),
  OPENAI_MODEL: z.string().default('gpt-4o-mini'),
  OPENAI_CONTEXT_TOKENS: positive(100_000_000).default(128_000),
  OPENAI_MAX_REPLY_TOKENS: positive(1_000_000).default(1_024),
  SECRET_KEY: list.refine((keys) => keys.length > 0, 'must not be empty').optional(),
  ACCESS_TOKEN_EXPIRE_MINUTES: positive(525_600).default(60),
  REFRESH_TOKEN_EXPIRE_DAYS: positive(3_650).default(7),
  ADMIN_EMAIL: z.string().optional(),
  ADMIN_PASSWORD: password().optional(),
  TRUSTED_PROXIES: cidrs.default([]),
  INTERNAL_CIDRS: cidrs.default([]),
  INTERNAL_API_KEY: z.string().optional(),
  RATE_LIMIT_LOGIN: rateLimit.default({ limit: 5, windowMs: 60_000 }),
  RATE_LIMIT_LOGIN_CLIENT: rateLimit.default({ limit: 100, windowMs: 60_000 }),
  RATE_LIMIT_CHAT: rateLimit.default({ limit: 5, windowMs: 60_000 }),
  RATE_LIMIT_MESSAGE: rateLimit.default({ limit: 5, windowMs: 60_000 }),
  RATE_LIMIT_CODE_ADDRESS: rateLimit.default({ limit: 5, windowMs: 900_000 }),
  RATE_LIMIT_CODE_CLIENT: rateLimit.default({ limit: 100, windowMs: 60_000 }),
  RATE_LIMIT_PROVIDER_LOGIN: rateLimit.default({ limit: 30, windowMs: 60_000 }),
  WEBAUTHN_RP_ID: z.string().regex(DOMAIN, 'must be a domain, as example.com').optional(),
  WEBAUTHN_ORIGINS: origins.optional(),
  SMTP_URL: url('smtp:', 'smtps:').optional(),
  MAIL_FROM: mailFrom.optional(),
  OIDC_PROVIDERS: json.pipe(loginProvidersSchema).default([]),
  OIDC_RETURN_URLS: returnUrls.default([]),
  PLANS: json.pipe(plansSchema).default([...defaultPlans]),
  UPLOAD_MAX_BYTES: positive(2_147_483_647).default(10_485_760),
  MINIO_ENDPOINT: hostAndPort.optional(),
  MINIO_ACCESS_KEY: z.string().optional(),
  MINIO_SECRET_KEY: z.string().optional(),
  MINIO_BUCKET: z.string().optional(),
  MINIO_USE_SSL: z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] }).default(false),
});

export type Environment = Readonly<Record<string, string | undefined>>;

export interface RateLimit {
  readonly limit: number;
  readonly windowMs: number;
}

export interface Config {
  readonly production: boolean;
  readonly logLevel: string;
  readonly port: number;
  /** The address to listen on: every one in production, else the loopback addresses. */
  readonly host: string;
  readonly publicUrl: string | undefined;
  /** Origins that browsers may call from; `*` allows any. */
  readonly corsOrigins: readonly string[];
  /** Networks of the proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly dataDirectory: string;
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly model: {
    readonly apiKey: string | undefined;
    readonly baseUrl: string | undefined;
    readonly name: string;
    /** The model's context window: prompt and answer together, in tokens. */
    readonly contextTokens: number;
    readonly maxReplyTokens: number;
  };
  /** The keys of access tokens: the first signs, all verify. Undefined outside production: one is made in `DATA_DIR`. */
  readonly secrets: readonly string[] | undefined;
  readonly accessTokenMinutes: number;
  readonly refreshTokenDays: number;
  readonly admin: { readonly email: string; readonly password: string } | undefined;
  readonly internal: { readonly cidrs: readonly string[]; readonly key: string | undefined };
  readonly rateLimits: Readonly<
    Record<'login' | 'loginClient' | 'chat' | 'message' | 'codeAddress' | 'codeClient' | 'providerLogin', RateLimit>
  >;
  /** Passkeys. */
  readonly webAuthn: {
    /** The domain that they are for, and those below it. */
    readonly rpId: string;
    /** Of the pages that may ask for one. Undefined for the service's own and those of `corsOrigins`. */
    readonly origins: readonly string[] | undefined;
  };
  readonly mail: {
    /** Undefined for files in `DATA_DIR`. */
    readonly smtpUrl: string | undefined;
    /** As `Flynkle <no-reply@example.com>`. */
    readonly from: string;
  };
  readonly loginProviders: {
    readonly providers: readonly IdentityProviderSettings[];
    /** Addresses of clients that a login may end at, as `URL` writes them. */
    readonly returnUrls: readonly string[];
  };
  readonly plans: readonly Plan[];
  readonly uploads: {
    /** The most bytes that a file may have. */
    readonly maxBytes: number;
    /** An S3 server; undefined for a folder in `DATA_DIR`. */
    readonly s3:
      | {
          readonly endpoint: string;
          readonly accessKey: string;
          readonly secretKey: string;
          readonly bucket: string;
          readonly useSsl: boolean;
        }
      | undefined;
  };
}

/** Settings that cannot be started with. The message lists every fault, a line each. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      `The settings have ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}

/**
 * Reads the settings. An empty variable counts as one that is not set.
 * @throws ConfigError with every fault
 */
export function readConfig(environment: Environment): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim() !== ''));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  }
  const settings = parsed.data;
  const production = settings.NODE_ENV === 'production';
  const faults = [...inconsistencies(settings), ...(production ? unfitForProduction(settings) : [])];
  if (faults.length > 0) throw new ConfigError(faults);
  return {
    production,
    logLevel: settings.LOG_LEVEL,
    port: settings.PORT,
    host: settings.HOST ?? (production ? '::' : 'localhost'),
    publicUrl: settings.PUBLIC_URL,
    corsOrigins: settings.CORS_ORIGINS,
    trustedProxies: settings.TRUSTED_PROXIES,
    dataDirectory: settings.DATA_DIR,
    databaseUrl: settings.DATABASE_URL,
    redisUrl: settings.REDIS_URL,
    model: {
      apiKey: settings.OPENAI_API_KEY,
      baseUrl: settings.OPENAI_BASE_URL,
      name: settings.OPENAI_MODEL,
      contextTokens: settings.OPENAI_CONTEXT_TOKENS,
      maxReplyTokens: settings.OPENAI_MAX_REPLY_TOKENS,
    },
    secrets: settings.SECRET_KEY,
    accessTokenMinutes: settings.ACCESS_TOKEN_EXPIRE_MINUTES,
    refreshTokenDays: settings.REFRESH_TOKEN_EXPIRE_DAYS,
    admin:
      settings.ADMIN_EMAIL !== undefined && settings.ADMIN_PASSWORD !== undefined
        ? { email: settings.ADMIN_EMAIL, password: settings.ADMIN_PASSWORD }
        : undefined,
    internal: { cidrs: settings.INTERNAL_CIDRS, key: settings.INTERNAL_API_KEY },
    rateLimits: {
      login: settings.RATE_LIMIT_LOGIN,
      loginClient: settings.RATE_LIMIT_LOGIN_CLIENT,
      chat: settings.RATE_LIMIT_CHAT,
      message: settings.RATE_LIMIT_MESSAGE,
      codeAddress: settings.RATE_LIMIT_CODE_ADDRESS,
      codeClient: settings.RATE_LIMIT_CODE_CLIENT,
      providerLogin: settings.RATE_LIMIT_PROVIDER_LOGIN,
    },
    webAuthn: { rpId: rpIdOf(settings), origins: settings.WEBAUTHN_ORIGINS },
    mail: { smtpUrl: settings.SMTP_URL, from: settings.MAIL_FROM ?? DEFAULT_MAIL_FROM },
    loginProviders: { providers: settings.OIDC_PROVIDERS, returnUrls: settings.OIDC_RETURN_URLS },
    plans: settings.PLANS,
    uploads: { maxBytes: settings.UPLOAD_MAX_BYTES, s3: s3Of(settings) },
  };
}

type Settings = z.infer<typeof environmentSchema>;

function s3Of(settings: Settings): Config['uploads']['s3'] {
  const { MINIO_ENDPOINT: endpoint, MINIO_ACCESS_KEY: accessKey, MINIO_SECRET_KEY: secretKey } = settings;
  const { MINIO_BUCKET: bucket, MINIO_USE_SSL: useSsl } = settings;
  if (endpoint === undefined || accessKey === undefined || secretKey === undefined || bucket === undefined) {
    return undefined;
  }
  return { endpoint, accessKey, secretKey, bucket, useSsl };
}

/** `localhost` is one by the browsers' grace; an IP address never is. */
function rpIdOf({ WEBAUTHN_RP_ID, PUBLIC_URL }: Pick<Settings, 'WEBAUTHN_RP_ID' | 'PUBLIC_URL'>): string {
  return WEBAUTHN_RP_ID ?? (PUBLIC_URL === undefined ? 'localhost' : new URL(PUBLIC_URL).hostname);
}

function isWithin(origin: string, domain: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === domain || hostname.endsWith(`.${domain}`);
}

function inconsistencies(settings: Settings): string[] {
  const faults: string[] = [];
  for (const secret of settings.SECRET_KEY ?? []) {
    if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
      faults.push(`SECRET_KEY: each key needs ${MIN_SECRET_BYTES} bytes or more (openssl rand -base64 48)`);
    }
  }
  if ((settings.ADMIN_EMAIL === undefined) !== (settings.ADMIN_PASSWORD === undefined)) {
    faults.push('ADMIN_EMAIL, ADMIN_PASSWORD: set both or neither');
  }
  const rpId = rpIdOf(settings);
  for (const origin of settings.WEBAUTHN_ORIGINS ?? []) {
    if (!isWithin(origin, rpId)) faults.push(`WEBAUTHN_ORIGINS: "${origin}" is not within the domain ${rpId}`);
  }
  const s3Settings = ['MINIO_ENDPOINT', 'MINIO_ACCESS_KEY', 'MINIO_SECRET_KEY', 'MINIO_BUCKET'] as const;
  const missing = s3Settings.filter((name) => settings[name] === undefined);
  if (missing.length > 0 && missing.length < s3Settings.length) {
    faults.push(`${s3Settings.join(', ')}: set all or none; ${missing.join(', ')} is missing`);
  }
  if (settings.INTERNAL_API_KEY !== undefined && Buffer.byteLength(settings.INTERNAL_API_KEY) < MIN_SECRET_BYTES) {
    faults.push(`INTERNAL_API_KEY: needs ${MIN_SECRET_BYTES} bytes or more`);
  }
  if (settings.OPENAI_MAX_REPLY_TOKENS >= settings.OPENAI_CONTEXT_TOKENS) {
    faults.push('OPENAI_MAX_REPLY_TOKENS: must be smaller than OPENAI_CONTEXT_TOKENS');
  }
  return faults;
}

function unfitForProduction(settings: Settings): string[] {
  const faults: string[] = [];
  if (settings.SECRET_KEY === undefined) faults.push('SECRET_KEY: must be set in production (openssl rand -base64 48)');
  if (settings.SMTP_URL !== undefined && settings.MAIL_FROM === undefined) {
    faults.push('MAIL_FROM: must be set in production together with SMTP_URL (as Flynkle <no-reply@example.com>)');
  }
  if (settings.OIDC_PROVIDERS.length > 0 && settings.PUBLIC_URL?.startsWith('https:') !== true) {
    faults.push('PUBLIC_URL: must be set in production together with OIDC_PROVIDERS, to an https: URL');
  }
  for (const { name, issuer } of settings.OIDC_PROVIDERS) {
    if (!issuer.startsWith('https:'))
      faults.push(`OIDC_PROVIDERS: the issuer of ${name} must be an https: URL in production`);
  }
  for (const url of settings.OIDC_RETURN_URLS) {
    if (url.startsWith('http:') && !isOnThisMachine(url)) {
      faults.push(`OIDC_RETURN_URLS: ${url} must begin with https: in production`);
    }
  }
  for (const [name, values] of Object.entries({
    SECRET_KEY: settings.SECRET_KEY ?? [],
    ADMIN_PASSWORD: [settings.ADMIN_PASSWORD ?? ''],
    INTERNAL_API_KEY: [settings.INTERNAL_API_KEY ?? ''],
  })) {
    if (values.some((value) => KNOWN_SECRETS.test(value)))
      faults.push(`${name}: is an example's; choose one of your own`);
  }
  return faults;
}
