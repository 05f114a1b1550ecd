import { setTimeout as delay } from 'node:timers/promises';

/**
 * What `read` gives once `isThere` holds of it: for what a test can see only by looking again. However long it takes: how
 * busy a machine is says nothing about the program, and Jest's time limit ends a wait for what never comes.
 */
export async function eventually<Value>(
  read: () => Promise<Value>,
  isThere: (value: Value) => boolean,
): Promise<Value> {
  for (;;) {
    const value = await read();
    if (isThere(value)) return value;
    await delay(20);
  }
}

/**
 * A call's answer once it is not that the database is too busy, which many calls at once may make it on a busy machine: such a call
 * has done nothing, and comes again.
 */
export function unlessBusy<Answer extends { readonly status: number }>(call: () => Promise<Answer>): Promise<Answer> {
  return eventually(call, ({ status }) => status !== 503);
}

/** Does `work` over and over until the promise is settled: for a first event that tells that a subscription is live. */
export async function untilSettled(promise: Promise<unknown>, work: () => Promise<unknown>): Promise<void> {
  const state = { isSettled: false };
  const settle = () => {
    state.isSettled = true;
  };
  promise.then(settle, settle);
  while (!state.isSettled) await work();
}
