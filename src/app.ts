import 'reflect-metadata';
import { readFile } from 'node:fs/promises';
import { openAdapters, type Adapters } from './app-adapters.js';
import { createFeatures, type Features } from './app-features.js';
import type { Config } from './config.js';
import type { MakeContext } from './doors/caller.js';
import { createClientOf } from './doors/client-address.js';
import { closeDoors } from './doors/drain.js';
import { createErrorMap } from './doors/error-map.js';
import { createFilesDoor, FILES_PATH } from './doors/files.js';
import { createGraphiqlPage } from './doors/graphiql.js';
import { createGraphQLDoor } from './doors/graphql-door.js';
import { BODY_LIMIT } from './doors/graphql-request.js';
import { createHttpServer, type HttpServer } from './doors/http.js';
import { createRestDoor } from './doors/rest/rest-door.js';
import { BASE_PATH } from './doors/rest/sofa-operations.js';
import { createWebSocketDoor } from './doors/websocket.js';
import type { RequestContext } from './graphql/context.js';
import { createPipeline } from './graphql/pipeline.js';
import { buildSchema } from './graphql/schema.js';
import type { Log } from './kernel/log.js';

/** Grace periods within the 25 s shutdown budget. */
const REPLY_GRACE_MS = 15_000;
const REQUEST_GRACE_MS = 19_000;

export interface App {
  /** The service's URL, such as `http://localhost:8000`. */
  readonly url: string;
  readonly adapters: Adapters;
  /** Refuses new requests, lets running requests and streams end, and closes everything. */
  close(): Promise<void>;
}

/** Opens everything in order of dependency. If one step fails, what was opened before is closed. */
export async function startApp(config: Config, log: Log): Promise<App> {
  const resources = new AsyncDisposableStack();
  try {
    return await start(config, log, resources);
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

async function start(config: Config, log: Log, resources: AsyncDisposableStack): Promise<App> {
  const version = await readVersion();
  const adapters = await openAdapters(config, log, resources);
  const closing = new AbortController();
  let url = config.publicUrl?.replace(/\/+$/, '') ?? '';
  const fileUrl = (accessKey: string) => `${url}${FILES_PATH}${accessKey}`;
  const callbackUrl = (provider: string) => `${url}${BASE_PATH}/auth/oidc/${provider}/callback`;
  const features = createFeatures({
    config,
    adapters,
    log,
    version,
    closing: closing.signal,
    fileUrl,
    callbackUrl,
    serviceUrl: () => url,
  });
  await openFeatures(config, adapters, features, log, resources);
  const { http, close } = await openDoors(config, features, log);
  resources.defer(close);
  const { port } = await http.listen(config.port, config.host);
  void adapters.counter.load();
  if (url === '') url = `http://${config.host === '::' ? 'localhost' : config.host}:${port}`;
  announce({ url, callbackUrl, version, config, adapters }, log);
  return {
    url,
    adapters,
    close: async () => {
      closing.abort();
      await Promise.all([close(), features.runner.drain(REPLY_GRACE_MS)]);
      await resources.disposeAsync();
    },
  };
}

async function openFeatures(
  config: Config,
  { database }: Adapters,
  { admins, oneTimeCodes, secondFactor, usage, uploads, runner, recovery }: Features,
  log: Log,
  resources: AsyncDisposableStack,
): Promise<void> {
  // This process holds the lock of the embedded database, so no other process can be working on anything unfinished in it.
  if (database.embedded) await Promise.all([usage.expireAllLeases(), uploads.service.expireAllLeases()]);
  await secondFactor.reseal();
  await recovery.sweep();
  recovery.open();
  resources.defer(() => recovery.close());
  uploads.sweep.open();
  resources.defer(() => uploads.sweep.close());
  await runner.open();
  resources.defer(() => runner.drain(0));
  await oneTimeCodes.work();
  if (config.admin === undefined) return;
  const outcome = await admins.ensureAdmin(config.admin.email, config.admin.password);
  if (outcome === 'created') log.info({}, 'made the administrator of ADMIN_EMAIL');
  if (outcome === 'taken') log.warn({}, 'ADMIN_EMAIL belongs to a user who is no administrator: nothing was changed');
}

/** Opens all doors on one port, with one context factory and one error map for all, and a pipeline per schema. */
async function openDoors(
  config: Config,
  features: Features,
  log: Log,
): Promise<{ http: HttpServer; close: () => Promise<void> }> {
  const schema = buildSchema(features.resolvers);
  const mapError = createErrorMap(log);
  const noteViewer = (requestId: string, userId: string) => {
    http.noteViewer(requestId, userId);
  };
  const makeContext = contextFactory(features, createClientOf(config.trustedProxies), noteViewer);
  const pipelineOptions = { mapError, renewContext };
  const pipeline = createPipeline(schema, pipelineOptions);
  // Room for the file, the fields before it and the multipart framing.
  const uploadLimit = config.uploads.maxBytes + BODY_LIMIT;
  const graphql = await createGraphQLDoor({
    pipeline,
    makeContext,
    mapError,
    log,
    graphiql: createGraphiqlPage('Flynkle API'),
    uploadLimit,
  });
  const rest = createRestDoor({
    schema,
    pipelineFor: (view) => createPipeline(view, pipelineOptions),
    makeContext,
    mapError,
    bodyLimit: BODY_LIMIT,
    uploadLimit,
    isSecure: config.publicUrl?.startsWith('https:') === true,
  });
  const webSocket = createWebSocketDoor({
    pipeline,
    makeContext,
    mapError,
    log,
    corsOrigins: config.corsOrigins,
    follow: features.watch.follow,
  });
  const http: HttpServer = createHttpServer({
    graphql: (request, response, requestId) => graphql.handle(request, response, requestId),
    files: createFilesDoor({ open: (key) => features.uploads.service.open(key), mapError }),
    rest: (request, response, requestId) => rest.handle(request, response, requestId),
    upgrade: (request, socket, head) => {
      webSocket.upgrade(request, socket, head);
    },
    log,
    corsOrigins: config.corsOrigins,
  });
  let closed: Promise<void> | undefined;
  const { endStreams: endRestStreams } = rest;
  const close = () => (closed ??= closeDoors({ http, graphql, webSocket, endRestStreams }, REQUEST_GRACE_MS));
  return { http, close };
}

function contextFactory(
  features: Features,
  clientOf: ReturnType<typeof createClientOf>,
  noteViewer: (requestId: string, userId: string) => void,
): MakeContext {
  const { sessions, watch, internalCalls } = features;
  return ({ requestId, peer, signal, credentials, latestViewer }) => {
    const client = clientOf(peer);
    let viewer: ReturnType<RequestContext['viewer']> | undefined;
    const authenticate = async () => {
      const authenticated = await sessions.authenticate(credentials, client);
      noteViewer(requestId, authenticated.userId);
      return authenticated;
    };
    return {
      requestId,
      client,
      signal,
      viewer: () => (viewer ??= authenticate()),
      latestViewer,
      whileSignedIn: (whose, events) => watch.endWhenRevoked(whose, events),
      recordInternalCall: (caller, call) => internalCalls.note(caller, call),
      once: onceMap(),
    };
  };
}

/** Gives each event of a subscription a fresh cache: data loaded for one event is stale for the next. */
function renewContext(context: RequestContext): RequestContext {
  return { ...context, once: onceMap() };
}

function onceMap(): RequestContext['once'] {
  const made = new Map<object, unknown>();
  return <Value>(key: object, make: () => Value): Value => {
    if (!made.has(key)) made.set(key, make());
    return made.get(key) as Value;
  };
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
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
  const { database, model, files, mailer, sharedState } = adapters;
  const lines = [
    `Flynkle API ${version} listens on ${url}`,
    `GraphiQL: ${url}/graphql   REST: ${url}/api/v1, described at ${url}/docs`,
    `database: ${database.description}${database.embedded ? ' (embedded; DATABASE_URL replaces it by PostgreSQL)' : ''}`,
    `events and rate limits: ${sharedState}`,
    `uploaded files: ${files.description}${config.uploads.s3 === undefined ? ' (MINIO_ENDPOINT and the like replace it by S3)' : ''}`,
    `model: ${model.description}${model.status === 'configured' ? '' : ' (OPENAI_API_KEY or OPENAI_BASE_URL sets one)'}`,
    `mail: ${mailer.description}${config.mail.smtpUrl === undefined ? ' (SMTP_URL sends it)' : ''}`,
    ...config.loginProviders.providers.map(
      ({ name, label }) => `login at ${label}: it must know the redirect URI ${callbackUrl(name)}`,
    ),
  ];
  for (const line of lines) log.info({}, line);
  if (config.production && config.mail.smtpUrl === undefined) {
    log.warn({}, 'SMTP_URL is not set: codes for new passwords and for e-mail addresses reach nobody');
  }
  if (model.status === 'missing') log.warn({}, 'no language model is configured: chat is refused with 503');
  if (config.production && config.publicUrl === undefined) {
    log.warn({}, `PUBLIC_URL is not set: the addresses of uploaded files begin with ${url}`);
  }
  if (config.secrets === undefined) {
    log.info({}, `tokens are signed with ${config.dataDirectory}/secret-key (made for you; SECRET_KEY replaces it)`);
  }
}
