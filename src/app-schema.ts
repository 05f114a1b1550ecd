import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { MissingLanguageModel } from './adapters/offline-model/missing-language-model.js';
import { O200kTokenCounter } from './adapters/openai/token-counter.js';
import type { Adapters } from './app-adapters.js';
import { createFeatures } from './app-features.js';
import { readConfig } from './config.js';
import { buildSchema } from './graphql/schema.js';

/**
 * The schema without a running service, for the files that are emitted from it and for tests. Its resolvers have no working
 * dependencies: calling one throws.
 */
export function describeSchema(): GraphQLSchema {
  const { resolvers } = createFeatures({
    config: readConfig({}),
    adapters: unopenedAdapters(),
    log: unopened(),
    version: '',
    closing: new AbortController().signal,
    leaving: new AbortController().signal,
    fileUrl: notRunning,
    callbackUrl: notRunning,
    streamUrl: notRunning,
    undoUrl: notRunning,
    serviceUrl: notRunning,
  });
  return buildSchema(resolvers);
}

function unopenedAdapters(): Adapters {
  return {
    // Repositories prepare their shared reads when they are made.
    database: unopened({ sharedRead: () => notRunning, sharedChange: () => notRunning }),
    events: unopened(),
    bus: unopened(),
    createLimiter: () => notRunning,
    createDurableLimiter: () => notRunning,
    documents: unopened(),
    sharedState: '',
    pingSharedState: null,
    lookAtMigrations: notRunning,
    models: [new MissingLanguageModel()],
    toolServers: [],
    counter: new O200kTokenCounter(),
    files: unopened(),
    jobs: unopened(),
    mailer: unopened(),
    loginProviders: [],
    secrets: ['x'.repeat(32)],
  };
}

/** Stands in for any port: every use of it throws, but of what is `given`. */
function unopened(given: Readonly<Record<string, unknown>> = {}): never {
  return new Proxy(given, {
    get: (target, name) => (typeof name === 'string' && name in target ? target[name] : notRunning()),
  }) as never;
}

function notRunning(): never {
  throw new Error('The schema is described without a service');
}
