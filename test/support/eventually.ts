import { setTimeout as delay } from 'node:timers/promises';

/**
 * Polls `read` until `isThere` accepts its result, for states that have no event to await.
 * @throws when that takes longer than `deadlineMs`
 */
export async function eventually<Value>(
  read: () => Promise<Value>,
  isThere: (value: Value) => boolean,
  deadlineMs = 10_000,
): Promise<Value> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = await read();
    if (isThere(value)) return value;
    if (performance.now() > deadline) throw new Error(`It did not come about; last seen: ${JSON.stringify(value)}`);
    await delay(20);
  }
}

/** @returns the promise's value. @throws when it takes longer than `deadlineMs` */
export async function within<Value>(deadlineMs: number, work: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`It took longer than ${deadlineMs} ms`));
  }, deadlineMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Repeats `work` until the promise settles: for a first event that shows that a subscription is live. */
export async function untilSettled(promise: Promise<unknown>, work: () => Promise<unknown>): Promise<void> {
  const state = { isSettled: false };
  const settle = () => {
    state.isSettled = true;
  };
  promise.then(settle, settle);
  while (!state.isSettled) await work();
}
