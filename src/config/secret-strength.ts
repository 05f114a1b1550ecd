import { createRequire } from 'node:module';
import { MIN_SECRET_BYTES } from './accounts.settings.js';

/** How hard a secret must be to guess. */
export const STRENGTH = {
  /** One that an attacker may try offline, as often as they like: some 66 bits. */
  key: 20,
  /** One that a server lets nobody try often. */
  password: 6,
} as const;

/** What documentation, examples and generators of settings put where a secret belongs; only letters and digits are compared. */
const PLACEHOLDER =
  /change(?:me|this|it)|replace(?:me|this)|your\w{0,16}(?:secret|key|password|token)|(?:my|super|top|jwt|app|not)secret|secretkey|donotuse|placeholder|insertyour|opensslrand|minioadmin|examplekey/i;
const BEGINS_LIKE_ONE = /^(?:changeme|secret|password|default|example|test)/i;

/** Passwords with which servers are delivered, or which tutorials give them. */
const DELIVERED =
  /^(?:admin|administrator|root|user|guest|postgres(?:ql)?|redis|minio|minioadmin|miniosecret|s3|s3secret|smtp|mail|flynkle|flynklesecret|docker|foobared|letmein|qwerty|changeme|test(?:ing)?|default|example|secret|pass(?:word)?|passw0rd)\d{0,4}$/i;

export function isShort(secret: string): boolean {
  return Buffer.byteLength(secret) < MIN_SECRET_BYTES;
}

/** Whether a secret is a word of documentation, of which everyone may have a copy. */
export function isPlaceholder(secret: string): boolean {
  const letters = lettersOf(secret);
  return BEGINS_LIKE_ONE.test(letters) || PLACEHOLDER.test(letters);
}

/** Whether a server's password is one that is tried first. */
export function isDeliveredPassword(password: string): boolean {
  const letters = lettersOf(password);
  return DELIVERED.test(letters) || PLACEHOLDER.test(letters);
}

function lettersOf(secret: string): string {
  return secret.replace(/[^a-z0-9]/gi, '');
}

/** The first characters decide: what comes after them can only make a secret stronger, and costs time. */
const MAX_LENGTH = 64;

let estimate: ((secret: string) => number) | undefined;

/**
 * Whether someone who knows how people choose secrets guesses this one in fewer than 10^strength attempts: repeated letters and
 * words, sequences, rows of a keyboard, dates, common passwords. Loading the lists takes about 150 ms, and is put off until the
 * first call.
 */
export function isGuessable(secret: string, strength: number): boolean {
  return (estimate ??= loadEstimate())(secret) < strength;
}

/** Once the settings are read, nothing needs the lists any more, which take 6 MB. */
export function forgetLists(): void {
  if (estimate === undefined) return;
  estimate = undefined;
  const { cache } = createRequire(import.meta.url);
  for (const path of Object.keys(cache)) if (OF_LISTS.test(path)) Reflect.deleteProperty(cache, path);
}

/** Files of the package that estimates. */
const OF_LISTS = /[\\/]node_modules[\\/]@zxcvbn-ts[\\/]/;

function loadEstimate(): (secret: string) => number {
  // Made here, since it holds what it has loaded.
  const require = createRequire(import.meta.url);
  // The package in one file, of its fifty: a start reads it sooner.
  const { zxcvbnts } = require('@zxcvbn-ts/core/dist/zxcvbn-ts.js') as {
    readonly zxcvbnts: { readonly core: typeof import('@zxcvbn-ts/core') };
  };
  const { dictionary, adjacencyGraphs } =
    require('@zxcvbn-ts/language-common') as typeof import('@zxcvbn-ts/language-common');
  const estimator = new zxcvbnts.core.ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs, maxLength: MAX_LENGTH });
  return (secret) => estimator.check(secret).guessesLog10;
}
