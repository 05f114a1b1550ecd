/**
 * Aborts a controller when a signal aborts, for as long as something is under way that either may end. `AbortSignal.any` of the two would
 * keep more, and go over both whenever it is asked.
 * @returns ends that
 */
export function abortWith(signal: AbortSignal, controller: AbortController): () => void {
  const abort = () => {
    controller.abort(signal.reason);
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return () => {
    signal.removeEventListener('abort', abort);
  };
}
