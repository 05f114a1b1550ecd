import argon2 from 'argon2';
import bcrypt from 'bcrypt';

/** From OWASP's Password Storage Cheat Sheet, for argon2id: 19 MiB, 2 passes, 1 lane; 12 to 53 ms on one core. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Hash of no password, with the present parameters: comparing with it takes as long as with a real one. */
const NOBODYS_HASH =
  `$argon2id$v=19$m=${PARAMETERS.memoryCost},t=${PARAMETERS.timeCost},p=${PARAMETERS.parallelism}` +
  `$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** PHC string format, with the parameters in any order. */
const ARGON2 =
  /^\$argon2(?<type>id|i|d)\$(?:v=(?<version>\d+)\$)?(?=[^$]*\bm=(?<memory>\d+))(?=[^$]*\bt=(?<passes>\d+))[a-z0-9=,]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/;

/** `2a`, `2b` and `2y` are one algorithm. At most 2^16 rounds: more keep a thread busy for seconds per comparison. */
const BCRYPT = /^\$2[aby]\$(?<rest>(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53})$/;
/** bcrypt ignores the bytes of a password beyond these. */
const BCRYPT_BYTES = 72;

/**
 * Result of comparing a password with a hash. `outdated`: the password is right, and the hash should be replaced by a
 * new one, since it is another service's or has weaker parameters than ours.
 */
export type PasswordVerdict = 'wrong' | 'right' | 'outdated';

/** @returns argon2id of the password as NFKC, in PHC string format */
export function hashPassword(password: string): Promise<string> {
  return argon2.hash(normalise(password), { ...PARAMETERS, type: argon2.argon2id });
}

/**
 * Compares a password with a hash. Our hashes are of the password in NFKC; another service's may be of the password as
 * typed.
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
  // A well-formed hash may still have impossible parameters, such as more memory than there is.
  return argon2.verify(hash, password).catch(() => false);
}

async function compareBcrypt(hash: string, password: string): Promise<PasswordVerdict> {
  // The key of bcrypt is the password with a NUL after it, repeated: "ab\0ab" would match "ab".
  if (password.includes('\0')) return 'wrong';
  for (const spelling of new Set([password, normalise(password)])) {
    if (!(await bcrypt.compare(spelling, hash))) continue;
    // Bytes that bcrypt ignored may be mistyped: a new hash would make them part of the password.
    return Buffer.byteLength(spelling) <= BCRYPT_BYTES ? 'outdated' : 'right';
  }
  return 'wrong';
}

/** Whether a guess costs an attacker less than with our parameters, measured as memory times passes. */
function isWeak(hash: string): boolean {
  const { type, version, memory = 0, passes = 0 } = ARGON2.exec(hash)?.groups ?? {};
  const cost = Number(memory) * Number(passes);
  return type !== 'id' || version !== '19' || cost < PARAMETERS.memoryCost * PARAMETERS.timeCost;
}

/** NFKC: the same password typed on different keyboards is compared as equal. */
function normalise(password: string): string {
  return password.normalize('NFKC');
}
