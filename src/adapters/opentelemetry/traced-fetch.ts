import type { Tracing } from '../../ports/tracing.js';
import { serverAddress } from './server-address.js';

/**
 * `fetch` that tells of each call, and tells the server which trace the call belongs to. The path is left out: that of some servers is
 * a secret.
 */
export function tracedFetch(send: typeof fetch, tracing: Tracing): typeof fetch {
  return (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const { method = 'GET' } = init;
    const attributes = {
      'http.request.method': method,
      'url.scheme': url.protocol.slice(0, -1),
      ...serverAddress(url),
    };
    return tracing.during(method, { kind: 'client', attributes }, async (span) => {
      const headers = new Headers(init.headers);
      for (const [name, value] of Object.entries(tracing.context())) headers.set(name, value as string);
      const response = await send(input, { ...init, headers });
      span?.set({ 'http.response.status_code': response.status });
      if (response.status >= 400) span?.fail(String(response.status));
      return response;
    });
  };
}
