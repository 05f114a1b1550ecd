import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { openAdapters, type Adapters } from './app-adapters.js';
import { openBackups } from './app-backup.js';
import { contextFactory, renewContext } from './app-context.js';
import { createFeatures, type Features } from './app-features.js';
import { Closing } from './closing.js';
import { startMeasuring, type MeasuredParts, type Measuring } from './app-metrics.js';
import { observedCalls } from './app-observed-calls.js';
import { startTracing } from './app-tracing.js';
import type { Config } from './config.js';
import { peerOf } from './doors/caller.js';
import { createClientOf } from './doors/client-address.js';
import { OriginPolicy } from './doors/cors.js';
import { closeDoors, sendClientsAway } from './doors/drain.js';
import { createErrorMap } from './doors/error-map.js';
import { createFilesDoor, FILES_PATH } from './doors/files.js';
import { createGraphiqlPage } from './doors/graphiql.js';
import { createGraphQLDoor } from './doors/graphql-door.js';
import { BODY_LIMIT } from './doors/graphql-request.js';
import { createUndoPage, UNDO_PATH } from './doors/undo-page.js';
import { createHttpServer, type HttpServer } from './doors/http.js';
import { LoadShedding, measureLag } from './doors/load.js';
import { PersistedQueries } from './doors/persisted-query.js';
import { createProbesDoor } from './doors/probes.js';
import { createRestDoor } from './doors/rest/rest-door.js';
import { BASE_PATH } from './doors/rest/sofa-operations.js';
import { Unread } from './doors/unread.js';
import { createWebSocketDoor } from './doors/websocket.js';
import { within } from './doors/within.js';
import { observed } from './graphql/observed.js';
import { createPipeline } from './graphql/pipeline.js';
import { buildSchema } from './graphql/schema.js';
import type { Log } from './kernel/log.js';
import { logOfRequests } from './kernel/request-scope.js';
import type { Metrics } from './ports/metrics.js';
import type { Tracing } from './ports/tracing.js';
import { readProductVersion } from './kernel/product-folder.js';

/**
 * The time limits of a shutdown within SHUTDOWN_SECONDS, in milliseconds. What is left of them is for the connections that wait
 * when listening ends.
 */
function shutdownLimits({ shutdownSeconds }: Config) {
  const share = (part: number) => shutdownSeconds * 1000 * part;
  return {
    /** Running replies may end by themselves. */
    replyGraceMs: share(0.6),
    /** So may requests; their readers hear of replies that are cut. */
    requestGraceMs: share(0.68),
    /** What was cut is stored. */
    storeMs: share(0.84),
    /** Everything is closed. */
    closeMs: share(0.94),
  };
}

/** Requests that came before listening ended, and do not wait for the model, are answered within this. */
const LAST_REQUESTS_MS = 1_000;
/** When the service makes ready what the first who asks for it should not wait for: who waits for its start has an answer by then. */
const WARM_UP_MS = 250;
/** What was opened by a start that failed is closed within this. */
const FAILED_START_MS = 10_000;

export interface App {
  /** The service's URL, such as `http://localhost:8000`. */
  readonly url: string;
  readonly adapters: Adapters;
  /** Resolves when no request is running. */
  idle(): Promise<void>;
  /**
   * Refuses new requests, lets running requests and streams end, and closes everything. Called again, it goes on at once.
   * @param lastRequests goes on taking requests for DRAIN_SECONDS first
   */
  close(lastRequests?: boolean): Promise<void>;
}

/** Opens everything in order of dependency. If one step fails, what was opened before is closed. */
export async function startApp(config: Config, log: Log): Promise<App> {
  const version = await readProductVersion();
  const measuring = await startMeasuring(config, version, logOfRequests(log));
  const resources = new Closing(measuring.log);
  try {
    const observing = await startTracing(config, version, measuring.log, resources);
    return await start(config, version, { ...measuring, ...observing }, resources);
  } catch (error) {
    await resources.close(FAILED_START_MS);
    throw error;
  }
}

type Observing = Measuring & { readonly tracing: Tracing | undefined };

async function start(config: Config, version: string, observing: Observing, resources: Closing): Promise<App> {
  const { log, metrics, tracing } = observing;
  const adapters = observedCalls(await openAdapters(config, version, { log, tracing }, resources), {
    metrics,
    tracing,
  });
  observing.watch(adapters);
  const leaving = new AbortController();
  const closing = new AbortController();
  const hurry = new AbortController();
  let url = config.publicUrl?.replace(/\/+$/, '') ?? '';
  const fileUrl = (accessKey: string) => `${url}${FILES_PATH}${accessKey}`;
  const streamUrl = (messageId: string, ticket: string) =>
    `${url}${BASE_PATH}/messages/${messageId}/stream?ticket=${ticket}`;
  const callbackUrl = (provider: string) => `${url}${BASE_PATH}/auth/oidc/${provider}/callback`;
  const undoUrl = (token: string) => `${url}${UNDO_PATH}?token=${token}`;
  const features = createFeatures({
    config,
    adapters,
    log,
    version,
    closing: closing.signal,
    leaving: leaving.signal,
    fileUrl,
    callbackUrl,
    streamUrl,
    undoUrl,
    serviceUrl: () => url,
    metrics,
    tracing,
  });
  /** Resolves when the requests that came last have been answered, or take longer than those do. */
  let lastRequests = () => Promise.resolve();
  const drainRunner = async (graceMs: number) => {
    const start = performance.now();
    // One of them may ask the model.
    await lastRequests();
    const { replyGraceMs, storeMs } = shutdownLimits(config);
    const left = Math.max(0, graceMs - (performance.now() - start));
    await features.runner.drain(left, (storeMs - replyGraceMs) * 0.9);
    // Their last attempt may hang on a database that is frozen, and say nothing any more.
    const entries = features.runner.entryIds;
    if (entries.length > 0)
      log.error({ entries }, 'replies, by their usage entries, were not stored; recovery ends them');
  };
  await openFeatures({ config, adapters, features, log, drainRunner }, resources);
  if (adapters.database.embedded) await openBackups(config, { database: adapters.database, version, log }, resources);
  const { http, close, warmUp, parts } = await openDoors({
    config,
    adapters,
    features,
    log,
    metrics,
    tracing,
    serviceUrl: () => url,
  });
  await observing.open({ ...parts, features }, resources);
  lastRequests = () => within(LAST_REQUESTS_MS, http.idle());
  resources.defer('connections', close, { first: true, limitMs: shutdownLimits(config).storeMs });
  const { port } = await http.listen(config.port, config.host);
  await adapters.jobs.begin();
  const warming = setTimeout(() => {
    void adapters.counter.load();
    warmUp();
  }, WARM_UP_MS).unref();
  resources.defer('what is made ready later', () => {
    clearTimeout(warming);
  });
  if (url === '') url = `http://${config.host === '::' ? 'localhost' : config.host}:${port}`;
  announce({ url, callbackUrl, version, config, adapters }, log);
  return {
    url,
    adapters,
    idle: () => http.idle(),
    close: async (lastRequests = false) => {
      leaving.abort();
      if (!lastRequests) hurry.abort();
      await sendClientsAway(http, config.drainSeconds * 1000, {
        mayEndEarly: !config.production,
        hurry: hurry.signal,
      });
      closing.abort();
      await resources.close(shutdownLimits(config).closeMs);
    },
  };
}

interface Opening {
  readonly config: Config;
  readonly adapters: Adapters;
  readonly features: Features;
  readonly log: Log;
  readonly drainRunner: (graceMs: number) => Promise<void>;
}

async function openFeatures(
  { config, adapters: { database, jobs }, features, log, drainRunner }: Opening,
  resources: Closing,
): Promise<void> {
  const { admins, oneTimeCodes, invitations, accountChanges, secondFactor, usage, uploads, runner, recovery, models } =
    features;
  const { idempotency } = features;
  const { replyGraceMs, storeMs: limitMs } = shutdownLimits(config);
  // This process holds the lock of the embedded database, so no other process can be working on anything unfinished in it.
  if (database.embedded) {
    await Promise.all([usage.expireAllLeases(), uploads.service.expireAllLeases(), idempotency.service.releaseAll()]);
  }
  await secondFactor.reseal();
  await models.open();
  if (database.embedded) await recovery.sweep(true);
  recovery.open();
  resources.defer('the search for abandoned replies', () => recovery.close(), { first: true, limitMs });
  uploads.sweep.open();
  resources.defer('the search for abandoned files', () => uploads.sweep.close(), { first: true, limitMs });
  idempotency.sweep.open();
  resources.defer('the search for old idempotency keys', () => idempotency.sweep.close(), { first: true, limitMs });
  features.feeds.sweep.open();
  resources.defer('the removal of old events', () => features.feeds.sweep.close(), { first: true, limitMs });
  features.sessionSweep.open();
  resources.defer('the removal of notes of ended sessions', () => features.sessionSweep.close(), {
    first: true,
    limitMs,
  });
  features.breakerWatch.open();
  resources.defer('the watch over circuit breakers', () => features.breakerWatch.close(), { first: true, limitMs });
  runner.open();
  resources.defer('running replies', () => drainRunner(replyGraceMs), { first: true, limitMs });
  resources.defer('running jobs', () => jobs.rest(), { first: true, limitMs });
  await Promise.all([oneTimeCodes.work(), invitations.work(), accountChanges.work(), features.titles.work()]);
  if (config.admin === undefined) return;
  const outcome = await admins.ensureAdmin(config.admin.email, config.admin.password);
  if (outcome === 'created') log.info({}, 'made the administrator of ADMIN_EMAIL');
  if (outcome === 'taken') log.warn({}, 'ADMIN_EMAIL belongs to a user who is no administrator: nothing was changed');
}

interface DoorsNeeds {
  readonly config: Config;
  readonly adapters: Pick<Adapters, 'documents'>;
  readonly features: Features;
  readonly log: Log;
  readonly metrics: Metrics | undefined;
  readonly tracing: Tracing | undefined;
  readonly serviceUrl: () => string;
}

interface OpenedDoors {
  readonly http: HttpServer;
  readonly parts: Omit<MeasuredParts, 'features'>;
  readonly close: () => Promise<void>;
  readonly warmUp: () => void;
}

/** Opens all doors on one port, with one context factory and one error map for all, and a pipeline per schema. */
async function openDoors({
  config,
  adapters: { documents },
  features,
  log,
  metrics,
  tracing,
  serviceUrl,
}: DoorsNeeds): Promise<OpenedDoors> {
  const schema = buildSchema(features.resolvers);
  const mapError = createErrorMap(log);
  const origins = new OriginPolicy({ allowed: config.corsOrigins, allowsLoopback: !config.production, log });
  const clientOf = createClientOf(config.trustedProxies);
  const makeContext = contextFactory(features, clientOf);
  const pipelineOptions = { mapError, renewContext, introspection: config.introspection };
  const pipelineOn = (served: GraphQLSchema) => {
    const pipeline = createPipeline(served, pipelineOptions);
    return metrics === undefined && tracing === undefined ? pipeline : observed(pipeline, { metrics, tracing });
  };
  const isSecure = config.publicUrl?.startsWith('https:') === true;
  const pipeline = pipelineOn(schema);
  const persisted = new PersistedQueries(documents, pipeline);
  // Room for the file, the fields before it and the multipart framing.
  const uploadLimit = config.uploads.maxBytes + BODY_LIMIT;
  const graphql = await createGraphQLDoor({
    pipeline,
    makeContext,
    mapError,
    log,
    persisted,
    ...(config.graphiql ? { graphiql: createGraphiqlPage('Flynkle API') } : {}),
    uploadLimit,
  });
  const rest = createRestDoor({
    schema,
    pipelineFor: pipelineOn,
    makeContext,
    mapError,
    bodyLimit: BODY_LIMIT,
    uploadLimit,
    isSecure,
    hasGraphiql: config.graphiql,
    hasDocs: config.docs,
    serviceUrl,
  });
  const { unreadBytesPerUser: perUser, requests, eventLoopLagMs: lagMs } = config.connections;
  const unread = new Unread({ perUser, perConnection: perUser / 2 }, log);
  const lag = measureLag();
  const webSocket = createWebSocketDoor({
    unread,
    pipeline,
    makeContext,
    mapError,
    log,
    persisted,
    origins,
    follow: features.watch.follow,
    onRenewal: features.watch.renewed,
    clientOf,
    limits: webSocketLimits(config),
    anonymousIdleMs: config.connections.anonymousIdleSeconds * 1000,
  });
  const { service: health, states } = features.health;
  const ready = { check: () => health.check(), models: () => features.modelBreakers.states() };
  const probes = createProbesDoor(ready);
  const http: HttpServer = createHttpServer({
    graphql: (request, response, requestId) => graphql.handle(request, response, requestId),
    files: createFilesDoor({ open: (key) => features.uploads.service.open(key), mapError }),
    undo: createUndoPage({
      undo: (token, peer) => features.accountChanges.service.undo(token, clientOf(peer)),
      mapError,
    }),
    rest: (request, response, requestId) => rest.handle(request, response, requestId),
    upgrade: (request, socket, head) => {
      webSocket.upgrade(request, socket, head);
    },
    probes,
    isSecure,
    log,
    // Without proxies, the headers that they write need not be read.
    clientOf: config.trustedProxies.length === 0 ? undefined : (request) => clientOf(peerOf(request)).ipAddress,
    onRequest:
      metrics &&
      ((request) => {
        metrics.requestEnded(request);
      }),
    tracing,
    origins,
    unread,
    shedding: new LoadShedding({ requests, lagMs }, lag.now, log),
  });
  let closed: Promise<void> | undefined;
  const { endStreams: endRestStreams } = rest;
  const { requestGraceMs } = shutdownLimits(config);
  const close = () =>
    (closed ??= closeDoors({ http, graphql, webSocket, endRestStreams }, requestGraceMs).finally(() => {
      lag.stop();
    }));
  return {
    http,
    close,
    warmUp: () => {
      pipeline.warmUp();
    },
    parts: {
      probes: createProbesDoor({ ...ready, parts: () => states.look() }),
      openSockets: () => webSocket.openSockets,
    },
  };
}

function webSocketLimits({ connections }: Config) {
  const {
    webSockets: total,
    webSocketsPerClient: perClient,
    webSocketsPerUser: perUser,
    anonymousPerClient,
  } = connections;
  return { total, perClient, perUser, anonymousPerClient };
}

interface Announcement {
  readonly url: string;
  readonly callbackUrl: (provider: string) => string;
  readonly version: string;
  readonly config: Config;
  readonly adapters: Adapters;
}

/** Logs what an operator wants to know first: the addresses, the parts in use, and the settings that replace embedded parts. */
function announce({ url, callbackUrl, version, config, adapters }: Announcement, log: Log): void {
  const { database, models, files, mailer, sharedState } = adapters;
  const lines = [
    `Flynkle API ${version} listens on ${url}`,
    `${config.graphiql ? 'GraphiQL' : 'GraphQL'}: ${url}/graphql   REST: ${url}/api/v1${config.docs ? `, described at ${url}/docs` : ''}`,
    `database: ${database.description}${database.embedded ? ' (embedded; DATABASE_URL replaces it by PostgreSQL)' : ''}`,
    `events and rate limits: ${sharedState}`,
    `uploaded files: ${files.description}${config.uploads.s3 === undefined ? ' (MINIO_ENDPOINT and the like replace it by S3)' : ''}`,
    ...models.map(
      ({ description, status }) =>
        `model: ${description}${status === 'configured' ? '' : ' (MODELS, OPENAI_API_KEY or OPENAI_BASE_URL sets one)'}`,
    ),
    `mail: ${mailer.description}${config.mail.smtpUrl === undefined ? ' (SMTP_URL sends it)' : ''}`,
    ...config.loginProviders.providers.map(
      ({ name, label }) => `login at ${label}: it must know the redirect URI ${callbackUrl(name)}`,
    ),
  ];
  for (const line of lines) log.info({}, line);
  if (config.production && config.mail.smtpUrl === undefined) {
    log.warn({}, 'SMTP_URL is not set: codes for new passwords and for e-mail addresses reach nobody');
  }
  if (models.some(({ status }) => status === 'missing'))
    log.warn({}, 'no language model is configured: chat is refused with 503');
  if (config.production && config.publicUrl === undefined) {
    log.warn({}, `PUBLIC_URL is not set: the addresses of uploaded files begin with ${url}`);
  }
  if (config.secrets === undefined) {
    log.info({}, `tokens are signed with ${config.dataDirectory}/secret-key (made for you; SECRET_KEY replaces it)`);
  }
}
