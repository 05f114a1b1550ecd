import { z } from 'zod';
import { Networks } from '../kernel/networks.js';
import type { RateLimit } from '../ports/rate-limiter.js';

/** Schemas that parse the text of an environment variable; their messages say what is expected. */

export const text = z.string();

export const port = z.coerce.number().int().min(0).max(65_535);

export const positive = (most: number) => z.coerce.number().int().min(1).max(most);

export const flag = z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] });

/** @param protocols allowed protocols, such as `https:` */
export const url = (...protocols: string[]) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    message: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

/** Items separated by commas. */
export const list = z.string().transform((value): readonly string[] =>
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

export const origins = list.superRefine((values, context) => {
  for (const value of values) {
    if (URL.canParse(value) && new URL(value).origin === value) continue;
    context.addIssue({ code: 'custom', message: `"${value}" is not an origin, as https://app.example.com` });
  }
});

export const secrets = list.refine((keys) => keys.length > 0, 'must not be empty');
