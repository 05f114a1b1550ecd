import { z } from 'zod';

/** What the program knows to read. It changes when an older program could not read archives any more. */
export const FORMAT = 1;

const migration = z.object({ name: z.string(), checksum: z.string() });

/** What a backup says of itself, in its first entry. */
export const manifestSchema = z.object({
  /** Which form the archive has: {@link FORMAT} of the program that made it. */
  format: z.number(),
  /** The release of the program that made it, as `1.2.0`. */
  version: z.string(),
  madeAt: z.iso.datetime(),
  /** The migrations that the database has. */
  migrations: z.array(migration).readonly(),
});

export type Manifest = Readonly<z.infer<typeof manifestSchema>>;
