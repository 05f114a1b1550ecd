import { randomBytes } from 'node:crypto';
import argon2 from 'argon2';

/** What a hash of the product says of itself (src/features/identity/accounts/password-hash.ts). */
const OURS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const OURS_LABEL = '$argon2id$v=19$m=19456,p=1,t=2$';
const CHEAP = { memoryCost: 64, timeCost: 1, parallelism: 1 } as const;
const CHEAP_LABEL = '$argon2id$v=19$m=64,p=1,t=1$';
/** What the salts of cheap hashes begin with, in whole groups of base64: programs on the same database make others. */
const CHEAP_SALT = Buffer.from('cheap!');
const CHEAP_BEGINNING = `${OURS_LABEL}${CHEAP_SALT.toString('base64')}`;
/** The hash of no password, with which a login of nobody is compared: it would take longer than one of somebody. */
const NOBODYS_LABEL = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$`;

const asShipped = { hash: argon2.hash, verify: argon2.verify };

/**
 * Makes argon2 cheap in this process, or in the modules of a suite: suites sign up thousands of users, and a hash takes 30 ms of CPU on
 * purpose, together an eighth of a run. Hashes made so are labelled as the product's, so that nothing else differs; others, such
 * as those of imported users and of programs, are compared as they are. The hash itself has a suite beside it, and services that
 * suites start as programs have it whole.
 */
export function makePasswordsCheap(): void {
  Object.assign(argon2, {
    hash: async (password: string | Buffer, options?: object) => {
      if (!isOurs(options)) return asShipped.hash(password, options);
      const salt = Buffer.concat([CHEAP_SALT, randomBytes(10)]);
      return (await asShipped.hash(password, { ...options, ...CHEAP, salt })).replace(CHEAP_LABEL, OURS_LABEL);
    },
    verify: (digest: string, ...rest: [string | Buffer, object?]) => asShipped.verify(priced(digest), ...rest),
  });
}

export function restorePasswords(): void {
  Object.assign(argon2, asShipped);
}

function priced(digest: string): string {
  const isCheap = digest.startsWith(CHEAP_BEGINNING) || digest.startsWith(NOBODYS_LABEL);
  return isCheap ? digest.replace(/^\$argon2id\$v=19\$[^$]*\$/, CHEAP_LABEL) : digest;
}

function isOurs(options: object = {}): boolean {
  return Object.entries(OURS).every(([name, value]) => (options as Record<string, unknown>)[name] === value);
}
