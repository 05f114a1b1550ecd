import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request of the service's, by what it is for. */
export type Step =
  'start' | 'put' | 'begin' | 'part 1' | 'part 2' | 'complete' | 'abort' | 'head' | 'get' | 'list' | 'delete';

function stepOf({ method = '', url = '' }: IncomingMessage): Step | 'location' {
  const { pathname, searchParams } = new URL(url, 'http://s3');
  if (searchParams.has('location')) return 'location';
  if (searchParams.has('partNumber')) return `part ${searchParams.get('partNumber')}` as Step;
  if (method === 'POST') return searchParams.has('uploadId') ? 'complete' : 'begin';
  if (method === 'DELETE') return searchParams.has('uploadId') ? 'abort' : 'delete';
  if (searchParams.has('uploads')) return 'list';
  if (/^\/files\/?$/.test(pathname)) return 'start';
  if (method === 'HEAD') return 'head';
  return method === 'PUT' ? 'put' : 'get';
}

const ANSWERS: Partial<Record<Step | 'location', string>> = {
  location: '<LocationConstraint>us-east-1</LocationConstraint>',
  begin: '<InitiateMultipartUploadResult><UploadId>the-upload</UploadId></InitiateMultipartUploadResult>',
  complete:
    '<CompleteMultipartUploadResult><Location>l</Location><Bucket>files</Bucket><Key>k</Key><ETag>"e"</ETag></CompleteMultipartUploadResult>',
  list: '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>',
};

/** As much of S3 as the store needs: every request succeeds, but for a step at which the server says nothing more, or fails. */
export class StallingS3 {
  readonly steps: string[] = [];
  readonly stallsAt = new Set<Step | 'location'>();
  failsAt: Step | undefined;
  /** In the middle of an answer's body. */
  breaksOffAt: Step | undefined;
  #server: Server | undefined;

  /** @returns its address as host:port */
  async start(): Promise<string> {
    this.#server = createServer((request, response) => {
      void this.#answer(request, response);
    }).listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Stalls, fails and breaks off no more. */
  behave(): void {
    this.stallsAt.clear();
    this.failsAt = undefined;
    this.breaksOffAt = undefined;
  }

  async close(): Promise<void> {
    if (this.#server === undefined) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const step = stepOf(request);
    this.steps.push(step);
    if (this.stallsAt.has(step)) return;
    await once(request.resume(), 'end');
    if (step === this.failsAt) {
      response.writeHead(403).end('<Error><Code>AccessDenied</Code><Message>Not you</Message></Error>');
      return;
    }
    const body = ANSWERS[step] ?? '';
    const headers = { etag: '"e"', 'content-length': step === 'head' || step === 'get' ? 11 : Buffer.byteLength(body) };
    response.writeHead(step === 'delete' || step === 'abort' ? 204 : 200, headers);
    if (step === 'get') response.write('hello ');
    if (step !== this.breaksOffAt) response.end(step === 'get' ? 'world' : body);
  }
}
