/** Where a call comes in. `page` is every path that is none of the other doors. */
export type Door = 'graphql' | 'rest' | 'websocket' | 'files' | 'health' | 'page';

/** A GraphQL operation that is over, whichever door it came by; a subscription, that has begun or was refused. */
export interface EndedOperation {
  readonly door: Door;
  /** The name of its root field, `several`, or `invalid` where the document was refused: never a name that clients choose. */
  readonly operation: string;
  /** `ok`, or the code of its first error, as `QUOTA_EXCEEDED`. */
  readonly outcome: string;
  readonly seconds: number;
}

/** An HTTP request that is over. */
export interface EndedRequest {
  readonly door: Door;
  /** The id of REST's operation, as `getMe`; empty at every other door, and where a request came to no operation. */
  readonly operation: string;
  /** The status; null where the client left before it had the whole answer. */
  readonly status: number | null;
  readonly seconds: number;
}

/** What a model's answer took, once that is stored in the ledger. */
export interface SettledAnswer {
  /** The kind of its entry in the ledger, as `REPLY`. */
  readonly kind: string;
  /** The name of the model; null where it is not known. */
  readonly model: string | null;
  readonly promptTokens: number | null;
  readonly cachedTokens: number | null;
  readonly completionTokens: number | null;
  /** In whole units of the currency, as a decimal; null where the model has no price. */
  readonly cost: string | null;
}

/** How a model's answer came. */
export interface WrittenAnswer {
  readonly model: string;
  /** As `STOP` or `FAILED`. */
  readonly finishReason: string;
  /** From the question to the first text; null where none came. */
  readonly firstTextSeconds: number | null;
}

/** A server of the service's. */
export type Server = 'redis' | 'store';

/** A call of a server that is over. */
export interface EndedCall {
  readonly server: Server;
  readonly call: string;
  readonly hasFailed: boolean;
  readonly seconds: number;
}

/** Is told of what happens, and counts it. No method throws or waits. */
export interface Metrics {
  operationEnded(operation: EndedOperation): void;
  requestEnded(request: EndedRequest): void;
  answerWritten(answer: WrittenAnswer): void;
  answerSettled(answer: SettledAnswer): void;
  callEnded(call: EndedCall): void;
  /** Events of replies that were given to their readers' log. */
  eventsWritten(count: number): void;
}

/** What there is at a moment, on this instance but for the queues, which all instances share. */
export interface Gauges {
  readonly runningReplies: number;
  readonly openStreams: number;
  readonly openWebSockets: number;
  /** Connections to the database. */
  readonly pool: { readonly size: number; readonly idle: number; readonly waiting: number };
  /** By the level of the line, as `error`: those of `warn` and above. */
  readonly logLines: ReadonlyMap<string, number>;
  /** By the name of the model. */
  readonly breakers: Readonly<Record<string, 'closed' | 'half_open' | 'open'>>;
}

/** The jobs of a queue. */
export interface QueueFigures {
  readonly queue: string;
  /** Jobs that wait for their first or their next try. */
  readonly waiting: number;
  readonly running: number;
  /** Jobs that were given up in the last two weeks. */
  readonly dead: number;
  /** Seconds for which the oldest that waits has been due; 0 where none is. */
  readonly oldestSeconds: number;
}
