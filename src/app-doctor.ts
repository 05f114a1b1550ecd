import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { describeFailure } from './adapters/postgres/connection-failure.js';
import { DirectoryInUse } from './adapters/postgres/directory-lock.js';
import { MIGRATIONS } from './adapters/postgres/migrations-directory.js';
import { NoDatabaseYet, openDatabase } from './adapters/postgres/open-database.js';
import { openFiles } from './app-adapters.js';
import type { Config } from './config.js';
import { systemClock } from './kernel/clock.js';
import type { Finding } from './kernel/installation.js';
import type { Log } from './kernel/log.js';
import { ToolServerFailed } from './ports/tool-server.js';

/** Listing all tools of a server. */
const TOOLS_MS = 15_000;

interface Part {
  readonly name: string;
  /** @returns what there is @throws when it cannot be used */
  readonly verify: () => Promise<string>;
}

/** Tries every part that the settings name, each by what the service itself would use. */
export async function* examine(config: Config, version: string): AsyncGenerator<Finding> {
  for (const { name, verify } of partsOf(config, version)) {
    try {
      yield { part: name, isFine: true, text: await verify() };
    } catch (error) {
      yield { part: name, isFine: false, text: reasonOf(error) };
    }
  }
}

/** What an adapter warns of says more than the error that clients are to see. */
async function withReason(work: (log: Log) => Promise<string>): Promise<string> {
  let reason: string | undefined;
  const log: Log = {
    info: () => undefined,
    warn: (fields) => {
      if ('reason' in fields) reason = String(fields.reason);
    },
    error: () => undefined,
  };
  try {
    return await work(log);
  } catch (error) {
    throw reason === undefined ? error : new Error(`${reasonOf(error)} (${reason})`, { cause: error });
  }
}

function partsOf(config: Config, version: string): readonly Part[] {
  const { endpoint, headers } = config.traces;
  return [
    { name: 'database', verify: () => withReason((log) => verifyDatabase(config, log)) },
    ...(config.redisUrl === undefined
      ? []
      : [{ name: 'redis', verify: () => withReason((log) => verifyRedis(config, log)) }]),
    { name: 'store', verify: () => withReason((log) => verifyStore(config, log)) },
    { name: 'mail', verify: () => verifyMail(config) },
    ...config.models.map((model) => ({ name: `model ${model.name}`, verify: () => verifyAnswerer(model) })),
    ...config.loginProviders.providers.map((settings) => ({
      name: `login ${settings.name}`,
      verify: () =>
        withReason(async (log) => {
          const { OidcIdentityProvider } = await import('./adapters/oidc/oidc-identity-provider.js');
          await new OidcIdentityProvider({ ...settings, clock: systemClock, log }).verify();
          return settings.issuer;
        }),
    })),
    ...config.toolServers.map((server) => ({
      name: `tools ${server.name}`,
      verify: async () => {
        const { McpToolServer } = await import('./adapters/mcp/mcp-tool-server.js');
        const opened = new McpToolServer({ ...server, timeoutMs: server.timeoutSeconds * 1_000, version });
        const tools = await opened.list(AbortSignal.timeout(TOOLS_MS));
        return `${server.url}, with ${tools.length} tools`;
      },
    })),
    ...(endpoint === undefined ? [] : [{ name: 'traces', verify: () => verifyTraces({ endpoint, headers }) }]),
  ];
}

async function verifyDatabase(config: Config, logger: Log): Promise<string> {
  try {
    const database = await openDatabase({
      url: config.databaseUrl,
      dataDirectory: config.dataDirectory,
      migrationsDirectory: MIGRATIONS,
      logger,
      poolSize: 1,
      preparedStatements: config.preparedStatements,
      missingMigrations: 'refuse',
    });
    await database.close();
    return database.description;
  } catch (error) {
    if (error instanceof NoDatabaseYet)
      return `${config.dataDirectory} has no database yet: the first start of the service makes it`;
    if (!(error instanceof DirectoryInUse)) throw error;
    return `the embedded database in ${config.dataDirectory} is open in another process: the service, if that runs`;
  }
}

async function verifyRedis({ redisUrl = '', redisPrefix }: Config, log: Log): Promise<string> {
  const { connectRedis } = await import('./adapters/redis/redis-adapters.js');
  const redis = await connectRedis({ url: redisUrl, keyPrefix: redisPrefix, log });
  redis.close();
  return redis.description;
}

async function verifyStore(config: Config, log: Log): Promise<string> {
  const store = await openFiles(config, log);
  const key = `doctor-${randomUUID()}`;
  const written = Buffer.from(key);
  await store.put(key, Readable.from([written]), 'text/plain');
  try {
    const found = await store.get(key);
    const read = found === null ? null : await buffer(found.bytes);
    if (read?.equals(written) !== true) throw new Error(`${store.description} does not give back what it was given`);
  } finally {
    await store.delete(key);
  }
  return store.description;
}

async function verifyMail({ mail, dataDirectory }: Config): Promise<string> {
  const { smtpUrl, from } = mail;
  if (smtpUrl === undefined) return `mail is kept in ${dataDirectory}/mail, and sent to nobody (SMTP_URL sends it)`;
  const { SmtpMailer } = await import('./adapters/smtp/smtp-mailer.js');
  const mailer = new SmtpMailer({ url: smtpUrl, from });
  await mailer.verify().catch((error: unknown) => {
    throw new Error(`${mailer.description} cannot be used (${reasonOf(error)})`, { cause: error });
  });
  return mailer.description;
}

async function verifyAnswerer({ status, apiKey, baseUrl, id }: Config['models'][number]): Promise<string> {
  if (status === 'offline')
    return 'a stand-in that needs no provider (MODELS, OPENAI_API_KEY or OPENAI_BASE_URL sets one)';
  if (status === 'missing') throw new Error('no model is configured: chat is refused');
  const { verifyModel } = await import('./adapters/openai/verify-model.js');
  return verifyModel({ apiKey, baseUrl, model: id });
}

async function verifyTraces(collector: Pick<Config['traces'], 'headers'> & { endpoint: string }): Promise<string> {
  const { verifyCollector } = await import('./adapters/opentelemetry/verify-collector.js');
  return verifyCollector(collector);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Its cause is for operators alone.
  const isOfTools = error instanceof ToolServerFailed && error.cause !== undefined;
  return isOfTools ? `${error.message} (${describeFailure(error.cause)})` : error.message;
}
