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
    fileUrl: notRunning,
    callbackUrl: notRunning,
    serviceUrl: notRunning,
  });
  return buildSchema(resolvers);
}

function unopenedAdapters(): Adapters {
  return {
    database: unopened(),
    events: unopened(),
    createLimiter: () => notRunning,
    createDurableLimiter: () => notRunning,
    sharedState: '',
    model: new MissingLanguageModel(),
    counter: new O200kTokenCounter(),
    files: unopened(),
    jobs: unopened(),
    mailer: unopened(),
    loginProviders: [],
    secrets: ['x'.repeat(32)],
  };
}

/** Stands in for any port: every use of it throws. */
function unopened(): never {
  return new Proxy({}, { get: notRunning }) as never;
}

function notRunning(): never {
  throw new Error('The schema is described without a service');
}
