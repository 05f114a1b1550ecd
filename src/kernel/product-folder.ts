import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/**
 * The folder of the product, which has package.json, `prisma` and `schema`: the nearest one above this module, which is run from
 * `src` by tests and tools, and from a bundle in `dist`.
 */
export const PRODUCT_FOLDER = find(new URL('./', import.meta.url));

/** As `1.2.0`. */
export async function readProductVersion(): Promise<string> {
  const text = await readFile(new URL('package.json', PRODUCT_FOLDER), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

function find(folder: URL): URL {
  if (existsSync(new URL('package.json', folder))) return folder;
  const parent = new URL('../', folder);
  if (parent.href === folder.href) throw new Error('There is no package.json above the program');
  return find(parent);
}
