import type { ServerResponse } from 'node:http';
import contentDisposition from 'content-disposition';
import type { ResultStream } from '../../graphql/event-stream.js';
import { FILE_FORMATS, type RestFileRoute } from '../../rest/route.js';
import type { Fault } from '../../kernel/errors.js';
import { sendEnvelope } from '../envelope.js';
import { preferredType } from '../headers/accept.js';
import { errorAnswer, type MappedError } from './envelope.js';
import { admitRequest, sendThrown, type Endpoint, type Exchange } from './exchange.js';
import type { OpenStream, StreamOptions } from './serve-stream.js';
import { breakOff, writeTo } from '../write.js';

type Format = keyof typeof FILE_FORMATS;

interface FileEvent {
  readonly __typename: string;
  readonly [field: string]: unknown;
}

/** Answers a request with a file download, which is written as the subscription's events arrive. Never rejects. */
export async function serveFile(
  endpoint: Endpoint<RestFileRoute>,
  exchange: Exchange,
  options: StreamOptions,
): Promise<void> {
  const { operation, pipeline, prepared } = endpoint;
  const { response } = exchange;
  const refuse = (error: MappedError) => {
    sendEnvelope(response, errorAnswer(error, operation.route.errors ?? [], operation.plan.toWireField));
  };
  try {
    const faults: Fault[] = [];
    const format = formatOf(exchange, faults);
    const { call } = await admitRequest(endpoint, { ...exchange, faults }, options);
    const result = await pipeline.subscribe(prepared, call);
    if (!(Symbol.asyncIterator in result)) {
      refuse(result.errors?.[0] ?? options.mapError(new Error('A file did not begin'), exchange.requestId));
      return;
    }
    response.once('close', () => void result.return());
    const open: OpenStream = {
      end: () => {
        breakOff(response);
      },
    };
    options.openStreams.add(open);
    try {
      await writeFile(endpoint.operation.route, format, response, result, refuse);
    } finally {
      options.openStreams.delete(open);
    }
  } catch (error) {
    sendThrown(error, operation, exchange, options);
  }
}

/** The format in `?format=`, otherwise the one that `Accept` prefers; JSON by default. */
function formatOf({ wire }: Exchange, faults: Fault[]): Format {
  const given = new URLSearchParams(wire.query).getAll('format');
  const [first] = given;
  if (given.length > 1) faults.push({ field: 'format', message: 'must be given once' });
  if (first === 'json' || first === 'ndjson') return first;
  if (first !== undefined) faults.push({ field: 'format', message: 'must be one of json, ndjson' });
  const preferred = preferredType(wire.request, Object.values(FILE_FORMATS));
  return preferred === FILE_FORMATS.ndjson ? 'ndjson' : 'json';
}

async function writeFile(
  route: RestFileRoute,
  format: Format,
  response: ServerResponse,
  stream: ResultStream,
  refuse: (error: MappedError) => void,
): Promise<void> {
  const text = new FileText(route, format);
  for await (const result of stream) {
    const [error] = result.errors ?? [];
    if (error !== undefined) {
      if (response.headersSent) breakOff(response);
      else refuse(error);
      return;
    }
    begin(route, format, response);
    await writeTo(response, text.after(result.data?.[route.operationId] as FileEvent));
  }
  begin(route, format, response);
  response.end(text.end());
}

function begin({ filename }: RestFileRoute, format: Format, response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(200, {
    'content-type': `${FILE_FORMATS[format]}; charset=utf-8`,
    'content-disposition': contentDisposition(`${filename}.${format}`),
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
}

/** Writes items as a JSON list, or one per line. The rows of an item become its last field. */
class FileText {
  private items = 0;
  private rows = 0;

  constructor(
    private readonly route: RestFileRoute,
    private readonly format: Format,
  ) {}

  after(event: FileEvent): string {
    const { item, rows } = this.route;
    return event.__typename === item.event
      ? this.item(event[item.field] as object)
      : this.row(event[rows.field] as readonly unknown[]);
  }

  end(): string {
    const closed = this.closed();
    if (this.format === 'ndjson') return closed === '' ? '' : `${closed}\n`;
    return this.items === 0 ? '[]' : `${closed}]`;
  }

  private item(fields: object): string {
    const between = this.format === 'ndjson' ? '\n' : ',\n';
    const before = this.items === 0 ? (this.format === 'json' ? '[' : '') : `${this.closed()}${between}`;
    this.items++;
    this.rows = 0;
    return `${before}${JSON.stringify(fields).slice(0, -1)},${JSON.stringify(this.route.rows.field)}:[`;
  }

  private row(rows: readonly unknown[]): string {
    const text = rows.map((row) => JSON.stringify(row)).join(',');
    const before = this.rows === 0 ? '' : ',';
    this.rows += rows.length;
    return rows.length === 0 ? '' : `${before}${text}`;
  }

  private closed(): string {
    return this.items === 0 ? '' : ']}';
  }
}
