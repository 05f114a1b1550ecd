import { tracesUrl } from './traces-url.js';

const TIMEOUT_MS = 10_000;

interface Collector {
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Sends a collector no spans at all, as the service sends spans, which the protocol has it take.
 * @returns where it is, for people
 * @throws Error with what is wrong, without the collector's text
 */
export async function verifyCollector({ endpoint, headers = {} }: Collector): Promise<string> {
  const url = tracesUrl(endpoint);
  const { status } = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-protobuf' },
    // A request without fields has no bytes.
    body: new Uint8Array(0),
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error: unknown) => {
    throw new Error(failureAt(url, error), { cause: error });
  });
  if (status >= 200 && status < 300) return url;
  if (status === 401 || status === 403) throw new Error(`${url} refuses OTEL_EXPORTER_OTLP_HEADERS (status ${status})`);
  if (status === 404 || status === 405)
    throw new Error(`${url} takes no traces (status ${status}): OTEL_EXPORTER_OTLP_ENDPOINT names something else`);
  throw new Error(`${url} answers with status ${status}`);
}

function failureAt(url: string, error: unknown): string {
  if (!(error instanceof Error)) return `${url} cannot be reached`;
  if (error.name === 'TimeoutError') return `${url} does not answer within ${TIMEOUT_MS / 1_000} seconds`;
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const isOfTls = /CERT|SSL|TLS|SELF_SIGNED/.test(code);
  return `${url} cannot be reached${isOfTls ? ' by TLS' : ''} (${code === '' ? error.message : code})`;
}
