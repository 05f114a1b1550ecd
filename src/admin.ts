import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { PgBossJobQueue } from './adapters/jobs/pg-boss-job-queue.js';
import { graphqlRateLimiters } from './adapters/graphql-rate-limit/graphql-rate-limiter.js';
import { DirectoryInUse } from './adapters/postgres/directory-lock.js';
import { MIGRATIONS } from './adapters/postgres/migrations-directory.js';
import { openDatabase } from './adapters/postgres/open-database.js';
import { PostgresRateLimitStore } from './adapters/postgres/postgres-rate-limit-store.js';
import { Prompts } from './command-line/prompts.js';
import type { Operations } from './command-line/operations-commands.js';
import { runCommand } from './command-line/run.js';
import { ConfigError, readConfig, type Config } from './config.js';
import { heldSettings } from './config/held-settings.js';
import { plansFeature } from './features/chat/plans/plans.feature.js';
import { usageFeature } from './features/chat/usage/usage.feature.js';
import { accountNotices, openAccountNotices } from './features/identity/account-changes/account-changes.feature.js';
import { accountsFeature } from './features/identity/accounts/accounts.feature.js';
import { OperatorService } from './features/identity/accounts/operator.service.js';
import { invitationsFeature } from './features/identity/invitations/invitations.feature.js';
import { secondFactorFeature, secondFactorParts } from './features/identity/second-factor/second-factor.feature.js';
import { personalTokens } from './features/identity/personal-access-tokens/personal-tokens.js';
import { sessionsFeature } from './features/identity/sessions/sessions.feature.js';
import { userSessionsFeature } from './features/identity/user-sessions/user-sessions.feature.js';
import { deadMailFeature } from './features/operations/dead-mail/dead-mail.feature.js';
import { storedAuditLog } from './features/operations/audit/audit.feature.js';
import { announcementsFeature } from './features/operations/announcements/announcements.feature.js';
import { modelBreakerClosings } from './features/operations/model-breakers/model-breakers.feature.js';
import { usageCorrectionsFeature } from './features/operations/usage-corrections/usage-corrections.feature.js';
import { runningRepliesFeature } from './features/operations/running-replies/running-replies.feature.js';
import { systemClock } from './kernel/clock.js';
import { readProductVersion } from './kernel/product-folder.js';
import { StartupError } from './kernel/startup-error.js';
import { systemTimers } from './kernel/timers.js';
import type { Database } from './ports/database.js';
import type { DeadJobs, JobQueue } from './ports/job-queue.js';

const log = { info: () => undefined, warn: noteOf('warning'), error: noteOf('error') };

// A reader such as `head` closes the pipe when it has enough: what is left to print is not wanted, and no fault.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

// What this process writes is for its user alone, whatever writes it: packages choose modes of their own.
process.umask(0o077);
// Variables that are already set win over .env.
const alreadySet = new Set(Object.keys(process.env));
if (existsSync('.env')) process.loadEnvFile('.env');
process.exitCode = await runCommand(process.argv.slice(2), {
  prompts: new Prompts({ input: process.stdin, output: process.stderr }),
  print: (text) => {
    process.stdout.write(`${text}\n`);
  },
  say,
  withOperator: (work) => withServices(({ operator }) => work(operator)),
  withOperations: (work) => withServices(({ operations }) => work(operations)),
  settings: () => heldSettings(process.env, new Set(Object.keys(process.env).filter((name) => !alreadySet.has(name)))),
  examine: async function* () {
    const { examine } = await import('./app-doctor.js');
    yield* examine(settings(), await readProductVersion());
  },
  backUp: async (file) => {
    const { backUp } = await import('./app-backup.js');
    return backUp(settings(), await readProductVersion(), file, log);
  },
  restoreBackup: async (file, force) => {
    const { restoreBackup } = await import('./app-backup.js');
    return restoreBackup(settings(), await readProductVersion(), file, force, log);
  },
});

/** Opens the service's database without changing it: missing migrations are left to the start of the service. */
async function withServices(work: (services: Services) => Promise<void>): Promise<void> {
  const config = settings();
  const database = await openDatabase({
    url: config.databaseUrl,
    dataDirectory: config.dataDirectory,
    migrationsDirectory: MIGRATIONS,
    logger: log,
    poolSize: 2,
    preparedStatements: config.preparedStatements,
    missingMigrations: 'refuse',
  }).catch(explainUse);
  await using resources = new AsyncDisposableStack();
  resources.defer(() => database.close());
  const jobs = await PgBossJobQueue.open({ database, log, maintains: false });
  resources.defer(() => jobs.close());
  await openAccountNotices(jobs);
  await work(createServices(config, database, jobs));
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

interface Services {
  readonly operator: OperatorService;
  readonly operations: Operations;
}

/** Wires the service's features that the operator's commands need. */
function createServices(config: Config, database: Database, jobs: JobQueue & DeadJobs): Services {
  const shared = {
    database,
    jobs,
    // No command signs or encrypts: the service's own key, a file for its user alone, is neither read nor made here.
    secrets: config.secrets ?? [randomBytes(32).toString('base64url')],
    audit: storedAuditLog(database),
    createDurableLimiter: graphqlRateLimiters(new PostgresRateLimitStore(database)),
    rateLimits: config.rateLimits,
    clock: systemClock,
    timers: systemTimers,
    log,
  };
  const { catalogue } = plansFeature({ ...shared, plans: config.plans });
  const internal = { ...config.internal, proxies: config.trustedProxies };
  const sessions = sessionsFeature({ ...config, ...shared, internal, personalTokens: personalTokens(shared) });
  const invitations = invitationsFeature({ ...shared, plans: catalogue, signUp: config.signUp });
  const { signUps } = invitations;
  const notices = accountNotices(shared);
  const parts = secondFactorParts(shared);
  const accounts = accountsFeature({
    ...shared,
    plans: catalogue,
    sessions: sessions.service,
    signUps,
    notices,
    secondFactorProof: parts.proof,
    // No command lets anyone in by a proof of the mailbox, which is what hands an account over.
    handover: [],
  });
  const deadMail = deadMailFeature(shared);
  const people = { ...accounts, accounts: accounts.service, sessions: sessions.service, notices };
  const secondFactor = secondFactorFeature({ ...shared, ...people, parts });
  const operator = new OperatorService({
    ...people,
    secondFactors: secondFactor.service,
    invitations: invitations.service,
    deadMail: deadMail.service,
  });
  const operations = {
    users: operator,
    replies: runningRepliesFeature(shared).service,
    announcements: announcementsFeature(shared).service,
    breakers: modelBreakerClosings({
      ...shared,
      models: config.models.filter(({ status }) => status === 'configured').map(({ name }) => name),
    }),
    deadMail: deadMail.service,
    sessions: userSessionsFeature({ ...shared, ...people }).service,
    corrections: usageCorrectionsFeature({
      ...shared,
      ...people,
      usage: usageFeature({ ...shared, plans: catalogue }).service,
    }).service,
  };
  return { operator, operations };
}

function noteOf(kind: string) {
  return (_fields: object, message: string) => {
    say(`${kind}: ${message}`);
  };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
