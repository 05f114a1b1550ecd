import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { keepFreeOfSecrets } from './secrets/suite-secrets.js';

type AttributeValue = string | number | boolean | readonly AttributeValue[];
type Attributes = Readonly<Record<string, AttributeValue>>;

/** A span as it was sent. Ids are hexadecimal; `parentId` is empty for a root. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[];
  readonly hasFailed: boolean;
  readonly traceState: string;
  readonly resource: Attributes;
}

export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** The headers of each export. */
  readonly exports: readonly IncomingHttpHeaders[];
  /** All bytes that came. */
  readonly bytes: Buffer;
  /** While it is set, this answers, and nothing is kept. */
  answer: ((response: ServerResponse) => void) | undefined;
  close(): Promise<void>;
}

/** A collector of OpenTelemetry's protocol over HTTP, in protobuf, on a socket. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const exports: IncomingHttpHeaders[] = [];
  const chunks: Buffer[] = [];
  const http = createServer((request, response) => {
    void buffer(request).then((body) => {
      exports.push(request.headers);
      if (receiver.answer !== undefined) {
        receiver.answer(response);
        return;
      }
      const isRight = request.url === '/v1/traces' && request.headers['content-type'] === 'application/x-protobuf';
      if (!isRight) {
        response.writeHead(404).end();
        return;
      }
      chunks.push(body);
      spans.push(...spansIn(body));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  keepFreeOfSecrets(() => spans.map((span) => JSON.stringify(span, withoutContent)).join('\n'));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    spans,
    exports,
    get bytes() {
      return Buffer.concat(chunks);
    },
    answer: undefined,
    close: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  return receiver;
}

/** What OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT alone has a span hold: the text of messages. */
const CONTENT = new Set(['gen_ai.input.messages', 'gen_ai.output.messages']);
const withoutContent = (key: string, value: unknown) => (CONTENT.has(key) ? undefined : value);

const KINDS = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
/** STATUS_CODE_ERROR */
const FAILED = 2;

/** The fields of a message by their numbers; https://github.com/open-telemetry/opentelemetry-proto has the numbers used below. */
type Fields = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

function spansIn(request: Buffer): ReceivedSpan[] {
  return messages(fieldsOf(request), 1).flatMap((resourceSpans) => {
    const resource = attributesOf(messages(resourceSpans, 1)[0] ?? new Map(), 1);
    return messages(resourceSpans, 2)
      .flatMap((scopeSpans) => messages(scopeSpans, 2))
      .map((span) => spanOf(span, resource));
  });
}

function spanOf(span: Fields, resource: Attributes): ReceivedSpan {
  return {
    traceId: bytesOf(span, 1).toString('hex'),
    id: bytesOf(span, 2).toString('hex'),
    traceState: bytesOf(span, 3).toString(),
    parentId: bytesOf(span, 4).toString('hex'),
    name: bytesOf(span, 5).toString(),
    kind: KINDS[Number(span.get(6)?.[0] ?? 0)] ?? 'internal',
    attributes: attributesOf(span, 9),
    events: messages(span, 11).map((event) => ({
      name: bytesOf(event, 2).toString(),
      attributes: attributesOf(event, 3),
    })),
    hasFailed: messages(span, 15).some((status) => Number(status.get(3)?.[0] ?? 0) === FAILED),
    resource,
  };
}

function attributesOf(message: Fields, field: number): Attributes {
  return Object.fromEntries(
    messages(message, field).map((pair) => [bytesOf(pair, 1).toString(), valueOf(messages(pair, 2)[0] ?? new Map())]),
  );
}

function valueOf(value: Fields): AttributeValue {
  const [field] = value.keys();
  const [content] = [...value.values()][0] ?? [];
  if (field === 2) return content === 1n;
  if (field === 3) return Number(content);
  if (field === 4) {
    const bits = Buffer.alloc(8);
    bits.writeBigUInt64LE(content as bigint);
    return bits.readDoubleLE();
  }
  if (field === 5) return messages(fieldsOf(content as Buffer), 1).map(valueOf);
  return Buffer.isBuffer(content) ? content.toString() : '';
}

const messages = (message: Fields, field: number): Fields[] =>
  (message.get(field) ?? []).map((bytes) => fieldsOf(bytes as Buffer));

const bytesOf = (message: Fields, field: number): Buffer => (message.get(field)?.[0] ?? Buffer.alloc(0)) as Buffer;

/** Reads protobuf's wire format. */
function fieldsOf(bytes: Buffer): Fields {
  const fields = new Map<number, (bigint | Buffer)[]>();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const contentOf = (wireType: bigint): bigint | Buffer => {
    if (wireType === 0n) return varint();
    if (wireType === 1n) return bytes.readBigUInt64LE((at += 8) - 8);
    if (wireType === 5n) return BigInt(bytes.readUInt32LE((at += 4) - 4));
    const length = Number(varint());
    return bytes.subarray((at += length) - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Number(tag >> 3n);
    fields.set(field, [...(fields.get(field) ?? []), contentOf(tag & 7n)]);
  }
  return fields;
}
