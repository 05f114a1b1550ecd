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

/** What `openssl rand -hex 32` writes, and so many characters more. */
const HEX = /^[0-9a-f]{64,}$/;
/** Characters of a key in both cases: one less than `openssl rand -base64 32` writes without its last `=`. */
const MIXED_LENGTH = 43;
/** Capital letters beside small ones; words have one each at most, a random key of that length has some fourteen. */
const MIN_CASE_CHANGES = 8;

/** Rows of a keyboard, each shifted by half a key. */
const KEYBOARD = ['1234567890-=', 'qwertyuiop[]', "asdfghjkl;'", 'zxcvbnm,./'];
const KEYS = new Map(KEYBOARD.flatMap((row, y) => Array.from(row, (key, x) => [key, { x, y }] as const)));

function areNeighbours(one: string, other: string): boolean {
  if (Math.abs(one.charCodeAt(0) - other.charCodeAt(0)) <= 1) return true;
  const [from, to] = [KEYS.get(one), KEYS.get(other)];
  return from !== undefined && to !== undefined && Math.abs(from.x - to.x) <= 1 && Math.abs(from.y - to.y) <= 1;
}

function kindOf(character: string): 'small' | 'capital' | 'digit' | 'other' {
  if (/[a-z]/.test(character)) return 'small';
  if (/[A-Z]/.test(character)) return 'capital';
  return /\d/.test(character) ? 'digit' : 'other';
}

/**
 * Whether a secret is as a generator writes it, which needs no estimate: long, of mixed kinds of characters all the way, without
 * walks over the keyboard or the alphabet, every second character left out or not, and without anything that comes again. Of a
 * hundred keys of `openssl rand`, it knows more than ninety-five; no list of passwords has words of which one could make such a key
 * that an estimate would refuse.
 */
export function looksGenerated(secret: string): boolean {
  const characters = Array.from(secret);
  const small = Array.from(secret.toLowerCase());
  const kinds = characters.map(kindOf);
  const pairs = characters.length - 1;
  const count = (is: (index: number) => boolean) => characters.filter((_, index) => index > 0 && is(index)).length;
  const beside = (index: number, distance: number) =>
    index >= distance && areNeighbours(small[index] ?? '', small[index - distance] ?? '');
  const caseChanges = count(
    (index) =>
      new Set(['small', 'capital', kinds[index], kinds[index - 1]]).size === 2 && kinds[index] !== kinds[index - 1],
  );
  const triples = new Set(small.slice(2).map((_, index) => small.slice(index, index + 3).join('')));
  return (
    (HEX.test(secret) || (pairs >= MIXED_LENGTH - 1 && caseChanges >= MIN_CASE_CHANGES)) &&
    count((index) => kinds[index] !== kinds[index - 1]) >= 0.3 * pairs &&
    count((index) => beside(index, 1)) <= 0.4 * pairs &&
    count((index) => beside(index, 2)) <= 0.4 * pairs &&
    triples.size >= 0.9 * (pairs - 1)
  );
}

/**
 * Whether someone who knows how people choose secrets guesses this one in fewer than 10^strength attempts: repeated letters and
 * words, sequences, rows of a keyboard, dates, common passwords. Loading the lists takes about 70 ms, and is put off until there
 * is a secret that a generator did not make.
 */
export function isGuessable(secret: string, strength: number): boolean {
  return !looksGenerated(secret) && (estimate ??= loadEstimate())(secret) < strength;
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
