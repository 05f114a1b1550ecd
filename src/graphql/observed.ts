import { Kind, type ExecutionResult } from 'graphql';
import type { Metrics } from '../ports/metrics.js';
import type { Span, Tracing } from '../ports/tracing.js';
import type { ResultStream } from './event-stream.js';
import type { Pipeline, PipelineCall, Prepared, PreparedOperation } from './pipeline.js';
import { Refusal } from './refusal.js';

interface Observers {
  readonly metrics: Pick<Metrics, 'operationEnded'> | undefined;
  readonly tracing: Pick<Tracing, 'begin' | 'receive'> | undefined;
}

/** What is told of an operation: never a name that clients choose. */
interface Known {
  /** The name of its root field, `several`, or `invalid` where the document was refused. */
  readonly name: string;
  readonly kind: PreparedOperation['kind'] | undefined;
}

const INVALID: Known = { name: 'invalid', kind: undefined };

/** The pipeline, which tells of each operation: metrics when it is over, and traces also what is a part of it. */
export function observed(pipeline: Pipeline, { metrics, tracing }: Observers): Pipeline {
  const known = new WeakMap<PreparedOperation, Known>();
  const of = (prepared: Prepared, { operationName }: PipelineCall): Known => {
    if (prepared.errors.length > 0) return INVALID;
    const operation = prepared.operation(operationName);
    if (operation instanceof Refusal) return INVALID;
    const found = known.get(operation) ?? { name: rootFieldOf(operation), kind: operation.kind };
    known.set(operation, found);
    return found;
  };
  const begin = ({ name, kind }: Known, { context: { door, trace } }: PipelineCall): Span | undefined => {
    if (tracing === undefined) return undefined;
    const title = kind === undefined ? name : `${kind} ${name}`;
    const attributes = { 'graphql.operation.type': kind, 'flynkle.operation': name, 'flynkle.door': door };
    // Over a WebSocket, an operation is part of no request.
    if (door !== 'websocket') return tracing.begin(title, { attributes });
    return tracing.receive(title, trace ?? {}, { kind: 'server', attributes });
  };
  /** Begins an operation. @returns what ends it */
  const start = (prepared: Prepared, call: PipelineCall) => {
    const began = performance.now();
    const operation = of(prepared, call);
    const span = begin(operation, call);
    const end = <Result extends ExecutionResult | ResultStream>(result: Result): Result => {
      const { door = 'graphql' } = call.context;
      const outcome = outcomeOf(result);
      const seconds = (performance.now() - began) / 1_000;
      metrics?.operationEnded({ door, operation: operation.name, outcome, seconds });
      if (outcome !== 'ok') span?.fail(outcome);
      span?.end();
      return result;
    };
    return { span, end };
  };
  return {
    ...pipeline,
    execute(prepared, call) {
      const { span, end } = start(prepared, call);
      const execute = () => pipeline.execute(prepared, call);
      const result = span === undefined ? execute() : span.run(execute);
      return result instanceof Promise ? result.then(end) : end(result);
    },
    async subscribe(prepared, call) {
      const { span, end } = start(prepared, call);
      const subscribe = () => pipeline.subscribe(prepared, call);
      return end(await (span === undefined ? subscribe() : span.run(subscribe)));
    },
  };
}

function rootFieldOf({ node }: PreparedOperation): string {
  const [first, ...others] = node.selectionSet.selections;
  return first?.kind === Kind.FIELD && others.length === 0 ? first.name.value : 'several';
}

function outcomeOf(result: ExecutionResult | ResultStream): string {
  const [error] = 'errors' in result ? (result.errors ?? []) : [];
  if (error === undefined) return 'ok';
  const { code } = error.extensions;
  return typeof code === 'string' ? code : 'INTERNAL_SERVER_ERROR';
}
