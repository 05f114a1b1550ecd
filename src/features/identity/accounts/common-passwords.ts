import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

let common: ReadonlySet<string> | undefined;

/**
 * Whether a password, in any case, is among the 49,233 most common ones in leaks: the list that `zxcvbn` guesses from
 * first. Loading the list takes about 30 ms and is put off until the first call, so that a process that needs no list
 * starts faster.
 */
export function isCommonPassword(password: string): boolean {
  common ??= new Set(require('@zxcvbn-ts/language-common/dist/passwords.json.cjs') as readonly string[]);
  return common.has(password.normalize('NFKC').toLowerCase());
}
