// Writes schema/schema.graphql, schema/openapi.json and schema/rest-operations.json from the code; the program reads the last
// two at start. With --check it writes nothing, and fails when a file differs from the code, when the schema lacks something
// that test/contracts/api.graphql promises to clients, or when the OpenAPI document violates one of Redocly's recommended
// rules.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { buildSchema as parseSchema, findBreakingChanges } from 'graphql';
import { describeSchema } from '../src/app-schema.js';
import { emitRest } from '../src/doors/rest/emit.js';
import { printSchemaText } from '../src/graphql/emit.js';

const pathOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const read = (name: string) => readFileSync(pathOf(name), 'utf8');

const { version } = JSON.parse(read('package.json')) as { readonly version: string };
const schema = describeSchema();
const schemaText = printSchemaText(schema);
const rest = await emitRest(schema, version);
const openApiText = asJson(rest.document);
const emitted = new Map([
  ['schema/schema.graphql', schemaText],
  ['schema/openapi.json', openApiText],
  ['schema/rest-operations.json', asJson(rest.operations)],
]);

if (process.argv.includes('--check')) {
  const faults = [...brokenPromises(), ...differences(), ...(await brokenRules())];
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
} else {
  for (const [name, text] of emitted) writeFileSync(pathOf(name), text);
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function brokenPromises(): string[] {
  const contract = 'test/contracts/api.graphql';
  const changes = findBreakingChanges(parseSchema(read(contract)), parseSchema(schemaText));
  return changes.map(({ description }) => `Against ${contract}: ${description}`);
}

function differences(): string[] {
  return [...emitted].flatMap(([name, text]) =>
    read(name) === text ? [] : [`${name} differs from the code: run "npm run schema" and commit it.`],
  );
}

/** Violated rules of Redocly. Warnings count as errors. */
async function brokenRules(): Promise<string[]> {
  const problems = await lintFromString({
    source: openApiText,
    absoluteRef: pathOf('schema/openapi.json'),
    config: await createConfig({ extends: ['recommended-strict'] }),
  });
  return problems.map(({ ruleId, message, location }) => {
    const pointers = location.map(({ pointer }) => pointer ?? '#').join(', ');
    return `schema/openapi.json breaks ${ruleId} at ${pointers}: ${message}`;
  });
}
