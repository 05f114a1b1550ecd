// Fails when schema/ contains a change that breaks clients of the last release (its files are in schema/released/), unless
// schema/released/accepted-changes.json lists it with a reason. Also fails when that list names a change that does not exist.
import { readFileSync } from 'node:fs';
import { unacceptedChanges } from './api-stability/accepted-changes.js';
import { breakingGraphqlChanges } from './api-stability/graphql-changes.js';
import { breakingOpenApiChanges, type OpenApiDocument } from './api-stability/openapi-changes.js';

const read = (name: string) => readFileSync(new URL(`../schema/${name}`, import.meta.url), 'utf8');
const readDocument = (name: string) => JSON.parse(read(name)) as OpenApiDocument;

const graphql = await breakingGraphqlChanges(read('released/schema.graphql'), read('schema.graphql'));
const rest = breakingOpenApiChanges(readDocument('released/openapi.json'), readDocument('openapi.json'));
const changes = [...graphql.map((change) => `GraphQL: ${change}`), ...rest.map((change) => `REST: ${change}`)];

const faults = unacceptedChanges(changes, read('released/accepted-changes.json'));
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
