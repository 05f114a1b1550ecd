// Fails when a migration takes something away, or asks for something, that the release before does not know of: instances of both run
// side by side on one database while one is replaced by the other. A statement that is safe for another reason, or that removes
// what only releases before the last one used, is listed with it in prisma/narrowing-statements.json.
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { narrowingStatements } from './migrations/narrowing.js';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const LIST = 'prisma/narrowing-statements.json';
const listed = z
  .array(z.strictObject({ migration: z.string(), statement: z.string(), reason: z.string().min(1) }))
  .parse(JSON.parse(readFileSync(LIST, 'utf8')));

const found = globSync('prisma/migrations/*/migration.sql')
  .sort()
  .flatMap((path) =>
    narrowingStatements(readFileSync(path, 'utf8')).map((statement) => ({
      migration: basename(dirname(path)),
      statement,
    })),
  );
const isSame = (one: { migration: string; statement: string }, other: typeof one) =>
  one.migration === other.migration && one.statement === other.statement;
const faults = [
  ...found
    .filter((one) => !listed.some((other) => isSame(one, other)))
    .map(({ migration, statement }) => `${migration} breaks the release before: ${statement}`),
  ...listed
    .filter((one) => !found.some((other) => isSame(one, other)))
    .map(({ migration, statement }) => `${LIST} lists what is in no migration: ${migration}: ${statement}`),
];
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
