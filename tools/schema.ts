// Writes schema/schema.graphql from the code. With --check it writes nothing, and fails when the file differs from the code
// or when the schema lacks something that clients were promised in test/contracts/api.graphql.
import { buildSchema, findBreakingChanges } from 'graphql';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printSchemaText } from '../src/graphql/emit.js';

const schemaFile = fileURLToPath(new URL('../schema/schema.graphql', import.meta.url));
const contractFile = fileURLToPath(new URL('../test/contracts/api.graphql', import.meta.url));

const emitted = printSchemaText();
if (process.argv.includes('--check')) {
  const faults = findBreakingChanges(buildSchema(readFileSync(contractFile, 'utf8')), buildSchema(emitted)).map(
    ({ description }) => `Against test/contracts/api.graphql: ${description}`,
  );
  if (readFileSync(schemaFile, 'utf8') !== emitted) {
    faults.push('schema/schema.graphql differs from the code: run "npm run schema" and commit it.');
  }
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
} else {
  writeFileSync(schemaFile, emitted);
}
