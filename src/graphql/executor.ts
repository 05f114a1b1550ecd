import type { ExecutionResult } from 'graphql';

type MaybePromise<Value> = Value | Promise<Value>;

export interface ExecutionInput {
  readonly rootValue: unknown;
  readonly contextValue: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Whether lists may be text already: see `written-lists.ts`. */
  readonly takesText?: boolean | undefined;
}

/** Executes one operation of a valid document. */
export type Executor = (input: ExecutionInput) => MaybePromise<ExecutionResult>;
