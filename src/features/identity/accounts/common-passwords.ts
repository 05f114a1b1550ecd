import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

let common: ReadonlySet<string> | undefined;

/**
 * Whether a password is among the 49,233 that leaks have most of, in any case: the list that `zxcvbn` guesses from first.
 * It is unpacked when it is first needed, in some 30 ms; a process that needs none starts without it.
 */
export function isCommonPassword(password: string): boolean {
  common ??= new Set(require('@zxcvbn-ts/language-common/dist/passwords.json.cjs') as readonly string[]);
  return common.has(password.normalize('NFKC').toLowerCase());
}
