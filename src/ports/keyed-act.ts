import { AsyncLocalStorage } from 'node:async_hooks';
import type { Sql } from './database.js';

/**
 * The act of a call with an `Idempotency-Key`, for a service whose call goes on when the act is stored: to wait for the model, or to
 * stream. Any other service knows nothing of keys.
 */
export interface KeyedAct {
  /** What an earlier call with this key stored by {@link remember}, to answer from without acting again. Undefined for the first. */
  readonly remembered: unknown;
  /**
   * Stores, in the transaction of the act, what a later call needs to give the same answer: data, with dates.
   * @param replyId the reply that the act begins: if it is forgotten, so is the key
   * @throws when another call has taken the key over, which rolls the act back
   */
  remember(sql: Sql, memento: object, replyId?: string): Promise<void>;
  /** Replaces what was remembered, in another transaction. */
  amend(sql: Sql, memento: object): Promise<void>;
  /** Reads what is remembered at present; undefined when it is no longer kept. */
  reread(): Promise<unknown>;
}

const current = new AsyncLocalStorage<KeyedAct>();

/** The act of the present call; undefined for a call without a key. */
export function keyedAct(): KeyedAct | undefined {
  return current.getStore();
}

export function withKeyedAct<Result>(act: KeyedAct, work: () => Result): Result {
  return current.run(act, work);
}
