#!/usr/bin/env node
// Replaces Prisma's native schema engine, which Prisma would download, by the same engine compiled to WebAssembly, from npm. It
// speaks the JSON-RPC protocol between the Prisma CLI and its engine over stdin and stdout. prisma.config.ts points the CLI to
// this file; the packages are pinned to one version, because the protocol is private to Prisma.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { connectionFactory, createDatabase, probeConnection } from './connections.mjs';

// Prisma's code for engine errors that the CLI does not treat specially.
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

/** Runs one command of the engine and exits: with 0, or with 1 and the reason on stderr, in the format of the engine's log. */
async function runCommand(name) {
  try {
    if (name === 'version') console.log('schema-engine-cli (WebAssembly)');
    else if (name === 'can-connect-to-database') await probeConnection(url);
    else if (name === 'create-database') await createDatabase(url);
    else throw new Error(`The schema engine has no command ${name}`);
  } catch (error) {
    const fields = { error_code: error.code === '3D000' ? 'P1003' : 'P1001', message: error.message, is_panic: false };
    // The CLI drops the first line, which is a banner in the native engine, and parses every other line as JSON.
    console.error(`\n${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields })}`);
    process.exitCode = 1;
  }
}

/** Answers requests, one per line, in order, until stdin ends. */
function serve() {
  const factory = connectionFactory(url);
  let pending = Promise.resolve();
  let currentId;

  // If the engine fails outside a call's promise, the CLI would see its child exit silently, and exit with 0 itself.
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
        // The native engine prints a diff by sending its own request; the CLI does not show the text in the result.
        if (method === 'diff' && result.stdout) send({ id: 0, method: 'print', params: { content: result.stdout } });
        send({ id, result: result ?? null });
      } catch (error) {
        send({ id, error: describeError(error) });
      }
    });
  });
  // Without exit, PGlite and idle connections would keep the process alive after the CLI has finished.
  lines.on('close', () => void pending.then(() => process.exit()));
}

async function call(factory, method, params) {
  // A new engine per request: the engine keeps its connection's state, which a request after a failed one would inherit.
  const engine = await openEngine(factory);
  // Only devDiagnostic tells the engine how to open a shadow database, but these two methods need one.
  if (method === 'evaluateDataLoss' || method === 'createMigration') {
    await engine.devDiagnostic({ migrationsList: params.migrationsList, filters: params.filters });
  }
  return method === 'getDatabaseVersion' ? engine.version(params) : engine[method](params);
}

async function openEngine(factory) {
  // The engine reports panics here, before the WebAssembly trap that ends the call with just "unreachable".
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
