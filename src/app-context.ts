import type { Features } from './app-features.js';
import type { Caller, MakeContext } from './doors/caller.js';
import type { InternalCall, KeyedRequest, RequestContext } from './graphql/context.js';
import type { Client, Credentials } from './kernel/caller.js';
import type { Viewer } from './kernel/viewer.js';

type ContextFeatures = Pick<Features, 'idempotency' | 'internalCalls' | 'sessions' | 'streams' | 'watch'>;

/** @param clientOf finds the client behind trusted proxies */
export function contextFactory(features: ContextFeatures, clientOf: (peer: Caller['peer']) => Client): MakeContext {
  return (caller) => {
    const { requestId, door, trace, credentials, peer, signal, latestViewer, idempotencyKey, request } = caller;
    const client = { ...clientOf(peer), requestId };
    const login = new Login(features.sessions, credentials, client, request);
    const keyed = idempotencyKey == null ? undefined : keyedBy(idempotencyKey, caller, features);
    return new OperationContext(features, login, request, client, requestId, door, trace, signal, latestViewer, keyed);
  };
}

function keyedBy(key: string, { signal, onReplay = () => undefined }: Caller, features: ContextFeatures): KeyedRequest {
  return features.idempotency.service.request({ key, signal: signal(), onReplay });
}

/** Gives each event of a subscription a fresh cache: data loaded for one event is stale for the next. */
export function renewContext(context: RequestContext): RequestContext {
  return context instanceof OperationContext ? context.renewed() : context;
}

const NO_CREDENTIALS: Credentials = {
  authorization: null,
  userId: null,
  internalKey: null,
  peerAddress: null,
  isFromBrowser: false,
};

/** The viewer of an operation, who is looked up once. */
class Login {
  known: Viewer | null = null;
  private viewer: Promise<Viewer> | undefined;

  constructor(
    private readonly sessions: ContextFeatures['sessions'],
    private credentials: Credentials,
    private readonly client: Client,
    private readonly notes: Caller['request'],
  ) {}

  ask(): Promise<Viewer> {
    return (this.viewer ??= this.authenticate());
  }

  private async authenticate(): Promise<Viewer> {
    const given = this.credentials;
    // They are needed once: a stream would keep the token for as long as it is open.
    this.credentials = NO_CREDENTIALS;
    this.known = await this.sessions.authenticate(given, this.client);
    this.notes?.noteViewer(this.known);
    return this.known;
  }
}

/** A class, since there is one for each request and open stream: a closure for each method would take more than what it closes over. */
class OperationContext implements RequestContext {
  private made: Map<object, unknown> | undefined;

  constructor(
    private readonly features: ContextFeatures,
    private readonly login: Login,
    private readonly notes: Caller['request'],
    readonly client: Client,
    readonly requestId: string,
    readonly door: Caller['door'],
    readonly trace: Caller['trace'],
    readonly signal: Caller['signal'],
    readonly latestViewer: Caller['latestViewer'],
    readonly keyed: KeyedRequest | undefined,
  ) {}

  /** The same, without what was made once. */
  renewed(): RequestContext {
    const { features, login, notes, client, requestId, door, trace, signal, latestViewer, keyed } = this;
    return new OperationContext(features, login, notes, client, requestId, door, trace, signal, latestViewer, keyed);
  }

  viewer(): Promise<Viewer> {
    return this.login.ask();
  }

  knownViewer(): Viewer | null {
    return this.login.known;
  }

  enterStream(viewer: Viewer): () => void {
    return this.features.streams.enter(viewer);
  }

  whileSignedIn<Event>(whose: () => Viewer, events: AsyncIterable<Event>, onEnd: () => void): AsyncIterable<Event> {
    return this.features.watch.endWhenRevoked(whose, events, onEnd);
  }

  recordInternalCall(viewer: Viewer, call: InternalCall): Promise<void> {
    return this.features.internalCalls.note(viewer, call);
  }

  noteOperation(name: string, route?: string): void {
    this.notes?.noteOperation?.(name, route);
  }

  once<Value>(key: object, make: () => Value): Value {
    const made = (this.made ??= new Map<object, unknown>());
    if (!made.has(key)) made.set(key, make());
    return made.get(key) as Value;
  }
}
