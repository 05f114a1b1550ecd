import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, isMissing } from '../../kernel/error-code.js';
import { openDataDirectory } from './private-directory.js';

const NAME = 'secret-key';
const BYTES = 48;

/**
 * The installation's own secret, made at the first start and kept in `directory`, readable by its owner alone. Processes
 * that start at once agree on one: the file appears whole, under its name, for the first of them.
 */
export async function loadOrMakeSecret(directory: string): Promise<string> {
  const file = join(directory, NAME);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  await openDataDirectory(directory);
  const draft = join(directory, `.${NAME}-${process.pid}-${randomBytes(4).toString('hex')}`);
  await writeFile(draft, randomBytes(BYTES).toString('base64url'), { mode: 0o600, flush: true });
  await link(draft, file).catch((error: unknown) => {
    if (!isExisting(error)) throw error;
  });
  await rm(draft);
  return readFile(file, 'utf8');
}

const isExisting = (error: unknown) => codeOf(error) === 'EEXIST';
