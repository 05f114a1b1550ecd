import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { graphqlRateLimiters } from './adapters/graphql-rate-limit/graphql-rate-limiter.js';
import { DirectoryInUse } from './adapters/postgres/directory-lock.js';
import { MIGRATIONS } from './adapters/postgres/migrations-directory.js';
import { openDatabase } from './adapters/postgres/open-database.js';
import { PostgresRateLimitStore } from './adapters/postgres/postgres-rate-limit-store.js';
import { Prompts } from './command-line/prompts.js';
import { runCommand } from './command-line/run.js';
import { ConfigError, readConfig, type Config } from './config.js';
import { plansFeature } from './features/chat/plans/plans.feature.js';
import { accountsFeature } from './features/identity/accounts/accounts.feature.js';
import { OperatorService } from './features/identity/accounts/operator.service.js';
import { secondFactorFeature } from './features/identity/second-factor/second-factor.feature.js';
import { sessionsFeature } from './features/identity/sessions/sessions.feature.js';
import { storedAuditLog } from './features/operations/audit/audit.feature.js';
import { systemClock } from './kernel/clock.js';
import { StartupError } from './kernel/startup-error.js';
import type { Database } from './ports/database.js';

const log = { info: () => undefined, warn: noteOf('warning'), error: noteOf('error') };

// A reader such as `head` closes the pipe when it has enough: what is left to print is not wanted, and no fault.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

// Variables that are already set win over .env.
if (existsSync('.env')) process.loadEnvFile('.env');
process.exitCode = await runCommand(process.argv.slice(2), {
  prompts: new Prompts({ input: process.stdin, output: process.stderr }),
  print: (text) => {
    process.stdout.write(`${text}\n`);
  },
  say,
  withOperator,
});

/** Opens the service's database without changing it: missing migrations are left to the start of the service. */
async function withOperator(work: (operator: OperatorService) => Promise<void>): Promise<void> {
  const config = settings();
  const database = await openDatabase({
    url: config.databaseUrl,
    dataDirectory: config.dataDirectory,
    migrationsDirectory: MIGRATIONS,
    logger: log,
    poolSize: 2,
    missingMigrations: 'refuse',
  }).catch(explainUse);
  try {
    await work(createOperator(config, database));
  } finally {
    await database.close();
  }
}

function settings(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    throw error instanceof ConfigError ? new StartupError(error.message) : error;
  }
}

function explainUse(error: unknown): never {
  if (!(error instanceof DirectoryInUse)) throw error;
  throw new StartupError(
    `${error.message}\nIf it is the service: while it runs, an admin does the same over its API, at /api/v1/admin/users.`,
  );
}

/** Wires the service's features that the operator's commands need. */
function createOperator(config: Config, database: Database): OperatorService {
  const shared = {
    database,
    // No command signs or encrypts: the service's own key, a file for its user alone, is neither read nor made here.
    secrets: config.secrets ?? [randomBytes(32).toString('base64url')],
    audit: storedAuditLog(database),
    createDurableLimiter: graphqlRateLimiters(new PostgresRateLimitStore(database)),
    rateLimits: config.rateLimits,
    clock: systemClock,
    log,
  };
  const { catalogue } = plansFeature({ ...shared, plans: config.plans });
  const internal = { ...config.internal, proxies: config.trustedProxies };
  const sessions = sessionsFeature({ ...config, ...shared, internal });
  const accounts = accountsFeature({ ...shared, plans: catalogue, sessions: sessions.service });
  const people = { ...accounts, accounts: accounts.service, sessions: sessions.service };
  const secondFactor = secondFactorFeature({ ...shared, ...people });
  return new OperatorService({ ...people, secondFactors: secondFactor.service });
}

function noteOf(kind: string) {
  return (_fields: object, message: string) => {
    say(`${kind}: ${message}`);
  };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
