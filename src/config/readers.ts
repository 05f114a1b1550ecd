import { isIP } from 'node:net';
import { z } from 'zod';
import { Networks } from '../kernel/networks.js';
import type { RateLimit } from '../ports/rate-limiter.js';

/** Schemas that parse the text of an environment variable; their messages say what is expected. */

export const text = z.string();

export const port = wholeNumber(0, 65_535);

export const positive = (most: number) => wholeNumber(1, most);

export const wholeSeconds = (most: number) => wholeNumber(0, most);

export const secondsBetween = (least: number, most: number) => wholeNumber(least, most);

function wholeNumber(least: number, most: number) {
  const message = `must be a whole number from ${least} to ${most}`;
  return z.string().regex(/^\d+$/, message).transform(Number).pipe(z.number().min(least, message).max(most, message));
}

export const flag = z.stringbool({ truthy: ['true', '1', 'on'], falsy: ['false', '0', 'off'] });

/** @param protocols allowed protocols, such as `https:` */
const url = (...protocols: string[]) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    message: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    abort: true,
  });

/** What a URL must have, and what it must not. */
interface UrlRule {
  readonly isMet: (url: URL) => boolean;
  readonly message: string;
}

const urlThat = (protocols: readonly string[], ...rules: readonly UrlRule[]) =>
  url(...protocols).superRefine((value, context) => {
    const parsed = new URL(value);
    for (const { isMet, message } of rules) if (!isMet(parsed)) context.addIssue({ code: 'custom', message });
  });

const namesAHost: UrlRule = { isMet: ({ hostname }) => hostname !== '', message: 'must name a host' };
const isPlain: UrlRule = {
  isMet: ({ search, hash, username, password }) => `${search}${hash}${username}${password}` === '',
  message: 'must have no user, query or fragment',
};
const canBeReached: UrlRule = {
  isMet: ({ hostname }) => hostname !== '0.0.0.0' && hostname !== '[::]',
  message:
    'must name a host that clients can reach, as https://chat.example.com; 0.0.0.0 and [::] are for listening alone',
};

export const publicUrl = urlThat(['http:', 'https:'], isPlain, canBeReached);

/** The URL of a server that takes all requests at this one address. */
export const serverUrl = urlThat(['http:', 'https:'], isPlain);

export const modelUrl = urlThat(['http:', 'https:'], isPlain, {
  isMet: ({ pathname }) => !/\/(?:chat\/)?completions\/?$/.test(pathname),
  message: 'must be the base of the API, without /chat/completions, as https://api.openai.com/v1',
});

export const smtpUrl = urlThat(['smtp:', 'smtps:'], namesAHost, {
  isMet: ({ pathname }) => pathname === '' || pathname === '/',
  message: 'must have no path, as smtp://user:password@localhost:587',
});

/** The modes that `pg` knows: with any other, it would connect without TLS, and say nothing. */
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

export const databaseUrl = urlThat(
  ['postgres:', 'postgresql:'],
  {
    isMet: ({ pathname }) => /^\/[^/]+$/.test(pathname),
    message: 'must name one database, as postgresql://user:password@localhost:5432/flynkle',
  },
  {
    isMet: ({ searchParams }) => searchParams.getAll('sslmode').every((mode) => SSL_MODES.includes(mode)),
    message: `sslmode must be one of ${SSL_MODES.join(', ')}`,
  },
  {
    isMet: ({ searchParams }) => !searchParams.has('schema'),
    message: 'schema is not known; write options=-c%20search_path%3Dname in its place',
  },
  { isMet: ({ hash }) => hash === '', message: 'must have no fragment; write # in a password as %23' },
);

export const redisUrl = urlThat(['redis:', 'rediss:'], namesAHost, {
  isMet: ({ pathname, search, hash }) =>
    /^(?:\/\d{0,5})?$/.test(pathname) && /^(?:\?family=[046])?$/.test(search) && hash === '',
  message: 'must end after the host, or with the number of a database, as redis://localhost:6379/1',
});

/** A name or an address, without a scheme or a port. */
export const listenHost = z
  .string()
  .refine(
    (value) => isIP(value) !== 0 || /^(?=.{1,253}$)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(value),
    'must be an address or a name without a port, as 0.0.0.0; PORT has the port',
  );

/** The names that every S3 server takes. */
export const bucket = z
  .string()
  .regex(
    /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
    'must be 3 to 63 lower-case letters, digits, dots and hyphens, as flynkle',
  );

/** Begins every key, and ends them apart from those of others. */
export const keyPrefix = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'must be 1 to 64 letters, digits and _ . : -, as flynkle:');

/** Items separated by commas. */
const list = z.string().transform((value): readonly string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

export const rateLimit = z
  .string()
  .regex(/^[1-9]\d{0,5}\/[1-9]\d{0,5}$/, 'must be <calls>/<seconds>, as 5/60')
  .transform((value): RateLimit => {
    const [limit, seconds] = value.split('/').map(Number);
    return { limit: limit ?? 0, windowMs: (seconds ?? 0) * 1000 };
  });

export const cidrs = list.superRefine((values, context) => {
  for (const value of values) {
    if (!isNetwork(value))
      context.addIssue({ code: 'custom', message: `"${value}" is not an address range, as 10.0.0.0/8` });
  }
});

function isNetwork(value: string): boolean {
  try {
    new Networks([value]);
    return true;
  } catch {
    return false;
  }
}

export const hostAndPort = z
  .string()
  .refine(
    (value) => /^[^/@?#\s]+$/.test(value) && URL.canParse(`http://${value}`),
    'must be host:port, as 127.0.0.1:9000',
  );

/** As ISO 4217 calls it. */
export const currency = z.string().regex(/^[A-Z]{3}$/, 'must be the code of a currency, as USD');

/** One address, with or without a display name. Anything more could inject headers into the mail. */
export const mailSender = z
  .string()
  .trim()
  .regex(
    /^(?:[^\s@<>,;:"\\]+@[^\s@<>,;:"\\]+|[^<>,;:"\\\r\n]+ <[^\s@<>,;:"\\]+@[^\s@<>,;:"\\]+>)$/,
    'must be an e-mail address, as Flynkle <no-reply@example.com>',
  );

export const json = z.string().transform((value, context): unknown => {
  try {
    return JSON.parse(value);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' });
    return z.NEVER;
  }
});

/**
 * URLs that a login may redirect to. They are compared as a whole: if a prefix were enough, an attacker could choose the rest
 * of the URL.
 */
export const returnUrls = list.transform((values, context): readonly string[] =>
  values.map((value) => {
    const url = URL.canParse(value) ? new URL(value) : null;
    const isPlain = url?.search === '' && url.hash === '' && url.username === '';
    if (isPlain && !/^(?:javascript|data|vbscript|file|blob):$/.test(url.protocol)) return url.href;
    const message = `"${value}" is not an address without a query, as https://app.example.com/welcome`;
    context.addIssue({ code: 'custom', message });
    return '';
  }),
);

export const domain = z
  .string()
  .regex(
    /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'must be a domain, as example.com',
  );

/** Origins as browsers send them: any other spelling never matches. */
const originList = (accepts: (origin: string) => boolean, adviceFor: (value: string) => string) =>
  list.superRefine((values, context) => {
    for (const value of values) {
      if (!accepts(value)) context.addIssue({ code: 'custom', message: `"${value}" ${adviceFor(value)}` });
    }
  });

const NO_ORIGIN = 'is not an origin, as https://app.example.com';

export const origins = originList(isWebOrigin, () => NO_ORIGIN);

/** Also those of apps, as `capacitor://localhost`, and `*` for all. */
export const corsOrigins = originList(
  (value) => value === '*' || isWebOrigin(value) || isAppOrigin(value),
  (value) => {
    const origin = originOf(value);
    return origin === null ? NO_ORIGIN : `never matches; write ${origin}`;
  },
);

function isWebOrigin(value: string): boolean {
  return originOf(value) === value;
}

/** The origin of a web page's address; null for anything else, such as a pattern of hosts. */
function originOf(value: string): string | null {
  if (value.includes('*') || !URL.canParse(value)) return null;
  const { protocol, hostname, origin } = new URL(value);
  return (protocol === 'http:' || protocol === 'https:') && hostname !== '' ? origin : null;
}

function isAppOrigin(value: string): boolean {
  return /^(?!(?:https?|wss?|ftp|file|data|blob|javascript):)[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+(?::\d+)?$/.test(value);
}

export const secrets = list.refine((keys) => keys.length > 0, 'must not be empty');

/**
 * `key=value,key=value`, as OpenTelemetry's variables are written: values are percent-encoded where they hold `,` or `=`.
 */
export const keyValuePairs = list.transform((items, context): Readonly<Record<string, string>> => {
  const pairs = items.map((item): [string, string] | null => {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/.exec(item) ?? [];
    if (key.trim() === '') return null;
    try {
      return [key.trim(), decodeURIComponent(value.trim())];
    } catch {
      return null;
    }
  });
  // Not what was read: it may be a secret.
  if (pairs.includes(null)) context.addIssue({ code: 'custom', message: 'must be key=value,key=value' });
  return Object.fromEntries(pairs.filter((pair) => pair !== null));
});

export const httpHeaders = keyValuePairs.refine(
  (headers) =>
    Object.entries(headers).every(
      ([name, value]) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value),
    ),
  'must have names and values that HTTP allows',
);
