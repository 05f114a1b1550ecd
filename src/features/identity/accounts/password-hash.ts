import argon2 from 'argon2';
import bcrypt from 'bcrypt';

/** OWASP's figures for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 passes, 1 lane; 12 to 53 ms on one core. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** A hash of no password, with the present parameters: comparing with it takes as long as with a real one. */
const NOBODYS_HASH =
  `$argon2id$v=19$m=${PARAMETERS.memoryCost},t=${PARAMETERS.timeCost},p=${PARAMETERS.parallelism}` +
  `$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** PHC string format, the parameters in any order. */
const ARGON2 =
  /^\$argon2(?<type>id|i|d)\$(?:v=(?<version>\d+)\$)?(?=[^$]*\bm=(?<memory>\d+))(?=[^$]*\bt=(?<passes>\d+))[a-z0-9=,]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/;

/** `2a`, `2b` and `2y` are one algorithm. Sixteen: more than 2^16 rounds are seconds of a thread's time for each try. */
const BCRYPT = /^\$2[aby]\$(?<rest>(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53})$/;
/** What follows in a longer password, bcrypt does not look at. */
const BCRYPT_BYTES = 72;

/**
 * How a password compares with a hash. `outdated`: it is the right one, and a new hash of it should be kept in place of
 * this one, which is another service's or has weaker parameters than ours.
 */
export type PasswordVerdict = 'wrong' | 'right' | 'outdated';

/** @returns argon2id of the password as NFKC, in PHC string format */
export function hashPassword(password: string): Promise<string> {
  return argon2.hash(normalise(password), { ...PARAMETERS, type: argon2.argon2id });
}

/**
 * Ours are hashes of the password as NFKC; another service's may be of the password as it was typed.
 * @param hash argon2 or bcrypt; null, and anything else, matches no password and takes as long as a hash of ours
 */
export async function comparePassword(hash: string | null, password: string): Promise<PasswordVerdict> {
  const rest = hash === null ? undefined : BCRYPT.exec(hash)?.groups?.['rest'];
  if (rest !== undefined) return compareBcrypt(`$2b$${rest}`, password);
  const known = hash !== null && ARGON2.test(hash) ? hash : NOBODYS_HASH;
  const normal = normalise(password);
  if (await matchesArgon2(known, normal)) return isWeak(known) ? 'outdated' : 'right';
  return normal !== password && (await matchesArgon2(known, password)) ? 'outdated' : 'wrong';
}

async function matchesArgon2(hash: string, password: string): Promise<boolean> {
  // A hash of this form may still ask for what cannot be done, as more memory than there is.
  return argon2.verify(hash, password).catch(() => false);
}

async function compareBcrypt(hash: string, password: string): Promise<PasswordVerdict> {
  // In the algorithm's input a NUL ends the password and begins it again: "ab\0ab" would be "ab".
  if (password.includes('\0')) return 'wrong';
  for (const spelling of new Set([password, normalise(password)])) {
    if (!(await bcrypt.compare(spelling, hash))) continue;
    // What is beyond the bytes that were compared may be mistyped: it must not become a part of the password.
    return Buffer.byteLength(spelling) <= BCRYPT_BYTES ? 'outdated' : 'right';
  }
  return 'wrong';
}

/** Whether someone who guesses pays less for a guess than with our parameters: by memory times passes. */
function isWeak(hash: string): boolean {
  const { type, version, memory = 0, passes = 0 } = ARGON2.exec(hash)?.groups ?? {};
  const cost = Number(memory) * Number(passes);
  return type !== 'id' || version !== '19' || cost < PARAMETERS.memoryCost * PARAMETERS.timeCost;
}

/** The same letters typed on another keyboard are the same password. */
function normalise(password: string): string {
  return password.normalize('NFKC');
}
