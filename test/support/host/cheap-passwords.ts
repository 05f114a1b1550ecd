import argon2 from 'argon2';

/** What a hash of the product says of itself (src/features/identity/accounts/password-hash.ts). */
const OURS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const OURS_LABEL = '$argon2id$v=19$m=19456,p=1,t=2$';
const CHEAP = { memoryCost: 64, timeCost: 1, parallelism: 1 } as const;
const CHEAP_LABEL = '$argon2id$v=19$m=64,p=1,t=1$';

const asShipped = { hash: argon2.hash, verify: argon2.verify };

/**
 * Makes argon2 cheap for the services of this process: suites sign up thousands of users, and a hash takes 30 ms of CPU on
 * purpose, together an eighth of a run. Hashes made so are labelled as the product's, so that nothing else differs; others, such
 * as those of imported users, are compared as they are. The hash itself has a suite beside it, and services that suites start as
 * programs have it whole.
 */
export function makePasswordsCheap(): void {
  Object.assign(argon2, {
    hash: async (password: string | Buffer, options?: object) =>
      isOurs(options)
        ? (await asShipped.hash(password, { ...options, ...CHEAP })).replace(CHEAP_LABEL, OURS_LABEL)
        : asShipped.hash(password, options),
    verify: (digest: string, ...rest: [string | Buffer, object?]) =>
      asShipped.verify(digest.replace(OURS_LABEL, CHEAP_LABEL), ...rest),
  });
}

export function restorePasswords(): void {
  Object.assign(argon2, asShipped);
}

function isOurs(options: object = {}): boolean {
  return Object.entries(OURS).every(([name, value]) => (options as Record<string, unknown>)[name] === value);
}
