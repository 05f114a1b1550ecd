import pg from 'pg';
import type { Span, Tracing } from '../../ports/tracing.js';
import { GuardedClient, type GuardedConfig } from './guarded-client.js';

/** Maximum characters of a statement that is told. */
const MAX_TEXT_LENGTH = 2_000;

type Done = (error: Error | null | undefined, result: unknown) => void;
interface Statement {
  readonly text?: string;
  readonly name?: string;
  /** A statement that submits itself. */
  readonly submit?: unknown;
  callback?: Done;
}
type Lent = (...lent: unknown[]) => void;
type Query = (...parameters: unknown[]) => unknown;

/** A pool that tells of each statement as a part of the work that sent it: with its text, which has no values, and never these. */
export function tracedPool(config: pg.PoolConfig, tracing: Tracing): pg.Pool {
  class TracedClient extends GuardedClient {
    constructor(settings?: string | GuardedConfig) {
      super(settings);
      const send = this.query.bind(this) as Query;
      this.query = ((...parameters: unknown[]) => {
        const span = beginStatement(parameters[0], tracing);
        return span === undefined ? send(...parameters) : sendTraced(send, parameters, span);
      }) as pg.Client['query'];
    }
  }
  const pool = new pg.Pool({ ...config, Client: TracedClient });
  const lend = pool.connect.bind(pool) as (done?: Lent) => unknown;
  // A connection that was waited for comes from whoever gave it back, and is used for whom it was asked for.
  pool.connect = ((done?: Lent) => {
    if (done === undefined) return lend();
    const asNow = tracing.keep();
    return lend((...lent) => {
      asNow(() => {
        done(...lent);
      });
    });
  }) as pg.Pool['connect'];
  return pool;
}

function beginStatement(statement: unknown, tracing: Tracing): Span | undefined {
  const { text = '', name } =
    typeof statement === 'string' ? { text: statement, name: undefined } : (statement as Statement);
  const operation = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? 'UNKNOWN';
  // Names that Prisma's statements have are hashes.
  const known = name === undefined || name === '' || name.startsWith('prisma_') ? undefined : name;
  return tracing.begin(known ?? operation, {
    kind: 'client',
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
      'db.query.text': text.slice(0, MAX_TEXT_LENGTH),
    },
  });
}

/** `pg` takes a statement with a callback of its own, with one beside it, or with none, and then gives a promise. */
function sendTraced(send: Query, parameters: readonly unknown[], span: Span): unknown {
  const [statement, ...others] = parameters;
  const ending =
    (done: Done): Done =>
    (error, result) => {
      if (error != null) span.fail(error);
      span.end();
      done(error, result);
    };
  const own = typeof statement === 'object' ? (statement as Statement) : {};
  if (typeof own.submit === 'function' && own.callback !== undefined) {
    own.callback = ending(own.callback);
    return send(...parameters);
  }
  const given = others.map((other) => (typeof other === 'function' ? ending(other as Done) : other));
  const answer = send(statement, ...given);
  if (!(answer instanceof Promise)) return answer;
  return answer.then(
    (result: unknown) => {
      span.end();
      return result;
    },
    (error: unknown) => {
      span.fail(error);
      span.end();
      throw error;
    },
  );
}
