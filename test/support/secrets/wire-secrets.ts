import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Secret } from './secret-search.js';
import { secretsInAnswer, secretsInHead, secretsInJson } from './secrets-in.js';

/** More of a body is about something else. */
const MAX_LENGTH = 256 * 1024;

/** The secrets in what clients send to the HTTP servers of this process, and get from them. */
export class WireSecrets {
  readonly #secrets = new Map<string, Secret>();

  constructor() {
    diagnostics.subscribe('http.server.request.start', (message) => {
      const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
      this.add(secretsInHead(request));
      this.#readRequest(request);
      this.#readAnswer(response);
    });
  }

  add(secrets: Iterable<Secret>): void {
    for (const secret of secrets) this.#secrets.set(secret.value, secret);
  }

  /** All since the last time. */
  take(): Secret[] {
    const secrets = [...this.#secrets.values()];
    this.#secrets.clear();
    return secrets;
  }

  #readRequest(request: IncomingMessage): void {
    if (!isJson(request.headers['content-type'])) return;
    const body = new Beginning();
    const push = request.push.bind(request);
    request.push = (chunk: Uint8Array | null, ...rest) => {
      if (chunk === null) this.add(secretsInJson(body.text()));
      else body.add(chunk);
      return push(chunk, ...rest);
    };
  }

  #readAnswer(response: ServerResponse): void {
    const body = new Beginning();
    const keep = (chunk: unknown) => {
      if (!isJson(response.getHeader('content-type'))) return;
      if (typeof chunk === 'string') body.add(Buffer.from(chunk));
      if (chunk instanceof Uint8Array) body.add(chunk);
    };
    const write = response.write.bind(response) as (...parameters: unknown[]) => boolean;
    const end = response.end.bind(response) as (...parameters: unknown[]) => ServerResponse;
    response.write = (...parameters: unknown[]) => {
      keep(parameters[0]);
      return write(...parameters);
    };
    response.end = (...parameters: unknown[]) => {
      keep(parameters[0]);
      this.add(secretsInAnswer(body.text()));
      return end(...parameters);
    };
  }
}

/** The beginning of what is added piece by piece. */
class Beginning {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  add(chunk: Uint8Array): void {
    if (this.#length < MAX_LENGTH) this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

function isJson(contentType: unknown): boolean {
  return typeof contentType === 'string' && /\bjson\b/.test(contentType);
}
