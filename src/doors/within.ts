/** Waits for the work, but no longer than this. */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, milliseconds, undefined);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
