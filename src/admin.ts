import { existsSync } from 'node:fs';
import { DirectoryInUse } from './adapters/postgres/directory-lock.js';
import { MIGRATIONS } from './adapters/postgres/migrations-directory.js';
import { openDatabase } from './adapters/postgres/open-database.js';
import { Prompts } from './command-line/prompts.js';
import { runCommand } from './command-line/run.js';
import { ConfigError, readConfig, type Config } from './config.js';
import { operator } from './features/identity/accounts/account-actor.js';
import { AccountsRepository } from './features/identity/accounts/accounts.repository.js';
import { AccountsService } from './features/identity/accounts/accounts.service.js';
import { OperatorService } from './features/identity/accounts/operator.service.js';
import { PasswordHasher } from './features/identity/accounts/password-hasher.js';
import { AuditLog } from './features/operations/audit/audit-log.js';
import { AuditRepository } from './features/operations/audit/audit.repository.js';
import { PlanCatalogue } from './features/chat/plans/plan.js';
import { removeSecondFactor } from './features/identity/second-factor/remove-second-factor.js';
import { SecondFactorRepository } from './features/identity/second-factor/second-factor.repository.js';
import { SessionsRepository } from './features/identity/sessions/sessions.repository.js';
import { systemClock } from './kernel/clock.js';
import { StartupError } from './kernel/startup-error.js';
import type { Database } from './ports/database.js';

// What is set already wins over the file.
if (existsSync('.env')) process.loadEnvFile('.env');
process.exitCode = await runCommand(process.argv.slice(2), {
  prompts: new Prompts({ input: process.stdin, output: process.stderr }),
  print: (text) => {
    process.stdout.write(`${text}\n`);
  },
  say,
  withOperator,
});

/** On the settings and the database of the service, as they are: what is missing in it, its own start makes. */
async function withOperator(work: (operator: OperatorService) => Promise<void>): Promise<void> {
  const config = settings();
  const log = { info: () => undefined, warn: noteOf('warning'), error: noteOf('error') };
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

function createOperator(config: Config, database: Database): OperatorService {
  const clock = systemClock;
  const sessions = new SessionsRepository(database);
  const audit = new AuditLog(new AuditRepository(database));
  const secondFactors = new SecondFactorRepository(database);
  const accounts = new AccountsService({
    users: new AccountsRepository(database),
    plans: new PlanCatalogue(config.plans),
    passwords: new PasswordHasher(),
    sessions: {
      endAllOf: (sql, userId, reason, except) => sessions.endAllOf(sql, userId, reason, except, clock.now()),
      // Each instance of the service looks for ended sessions by itself, twice a second.
      recheckStreams: () => undefined,
    },
    audit,
    clock,
  });
  return new OperatorService({
    accounts,
    secondFactors: {
      remove: (userId) =>
        database.transaction((sql) => removeSecondFactor({ repository: secondFactors, audit }, sql, operator, userId)),
    },
  });
}

function noteOf(kind: string) {
  return (_fields: object, message: string) => {
    say(`${kind}: ${message}`);
  };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
