#!/usr/bin/env node
// Stands in for Prisma's native schema engine, which Prisma would download: the same engine, in its WebAssembly build from
// npm, behind the JSON-RPC protocol that the Prisma CLI speaks with its engine over stdin and stdout.
// prisma.config.ts points the CLI here; packages are pinned to one version, because the protocol is private to Prisma.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { connectionFactory, createDatabase, probeConnection } from './connections.mjs';

// Prisma's own code for an engine error that names no cause the CLI would treat specially.
const ENGINE_ERROR = 4466;

const { command, datamodels, url } = parseArguments(process.argv.slice(2));
if (command === undefined) serve();
else await runCommand(command);

/** The CLI's calls: `[--datamodels <file>]... [--datasource <json>] [--<other> <value>]... [cli <command>]`, or `--version`. */
function parseArguments(words) {
  const parsed = { command: undefined, datamodels: [], url: undefined };
  for (let index = 0; index < words.length; index += 2) {
    const [option, value] = words.slice(index, index + 2);
    if (option === '--version') parsed.command = 'version';
    else if (option === '--datamodels') parsed.datamodels.push(value);
    else if (option === '--datasource') parsed.url = JSON.parse(value).url;
    else if (option === 'cli') parsed.command = value;
  }
  return parsed;
}

/** Runs one of the engine's commands and exits: 0, or 1 with the reason on stderr in the form of the engine's log. */
async function runCommand(name) {
  try {
    if (name === 'version') console.log('schema-engine-cli (WebAssembly)');
    else if (name === 'can-connect-to-database') await probeConnection(url);
    else if (name === 'create-database') await createDatabase(url);
    else throw new Error(`The schema engine has no command ${name}`);
  } catch (error) {
    const fields = { error_code: error.code === '3D000' ? 'P1003' : 'P1001', message: error.message, is_panic: false };
    // The CLI drops the first line, where the native engine has a banner, and parses each other one as JSON.
    console.error(`\n${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields })}`);
    process.exitCode = 1;
  }
}

/** Answers requests, one a line, in their order, until stdin ends. */
function serve() {
  const factory = connectionFactory(url);
  let pending = Promise.resolve();
  let currentId;

  // Where the engine fails outside of a call's promise, the CLI would see its child end without a word and exit with 0.
  const answerAndExit = (error) => {
    send({ id: currentId, error: describeError(error) });
    process.exit(1);
  };
  process.on('uncaughtException', answerAndExit);
  process.on('unhandledRejection', answerAndExit);

  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    if (method === undefined) return; // the CLI's acknowledgement of a `print`
    pending = pending.then(async () => {
      currentId = id;
      try {
        const result = await call(factory, method, params);
        // The native engine prints a difference by a request of its own; the CLI shows nothing of the result's text.
        if (method === 'diff' && result.stdout) send({ id: 0, method: 'print', params: { content: result.stdout } });
        send({ id, result: result ?? null });
      } catch (error) {
        send({ id, error: describeError(error) });
      }
    });
  });
  // PGlite and idle connections would keep the process alive after the CLI is done with it.
  lines.on('close', () => void pending.then(() => process.exit()));
}

async function call(factory, method, params) {
  // One engine a request: the engine keeps its connection's state, and a request after a failed one would inherit it.
  const engine = await openEngine(factory);
  // The engine learns how to open a shadow database in devDiagnostic only; these two need one.
  if (method === 'evaluateDataLoss' || method === 'createMigration') {
    await engine.devDiagnostic({ migrationsList: params.migrationsList, filters: params.filters });
  }
  return method === 'getDatabaseVersion' ? engine.version(params) : engine[method](params);
}

async function openEngine(factory) {
  // The engine's panics arrive here, before the WebAssembly trap that ends the call with no more than "unreachable".
  globalThis.PRISMA_WASM_PANIC_REGISTRY ??= {
    set_message(message) {
      this.message = message;
    },
  };
  const { SchemaEngine } = await import('@prisma/schema-engine-wasm');
  const schemas = datamodels.map((path) => [path, readFileSync(path, 'utf8')]);
  return SchemaEngine.new({ datamodels: schemas.length > 0 ? schemas : undefined }, () => {}, factory);
}

function describeError(error) {
  const message = globalThis.PRISMA_WASM_PANIC_REGISTRY?.message ?? error?.message ?? String(error);
  return { code: ENGINE_ERROR, message, data: { is_panic: false, message, error_code: error?.code ?? null } };
}

function send(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}
