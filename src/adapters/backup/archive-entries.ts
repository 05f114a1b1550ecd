import type { Hash } from 'node:crypto';
import { Transform } from 'node:stream';

/** The first entry of an archive. */
export const MANIFEST = 'manifest.json';
/** The last one: the checksums of all others but folders, in their order, as `sha256sum --check` reads them. */
export const CHECKSUMS = 'SHA256SUMS';

export function lineOf(sha256: string, name: string): string {
  return `${sha256}  ${name}\n`;
}

/** Lets bytes through, and adds them to the hash. */
export function hashing(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}
