import { randomUUID } from 'node:crypto';
import type { OpenApiDocument } from '../../src/doors/rest/openapi.js';
import type { Random } from './random.js';

type Schema = Readonly<Record<string, unknown>>;

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly required?: boolean;
  readonly schema: Schema;
}

/** An operation of the document, with the schemas of its inputs. */
export interface DocumentedOperation {
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** By media type. */
  readonly bodies: Readonly<Record<string, Schema>>;
}

export function operationsOf({ paths, components }: OpenApiDocument): DocumentedOperation[] {
  const resolved = <Value>(value: Value): Value => {
    if (Array.isArray(value)) return value.map(resolved) as Value;
    if (typeof value !== 'object' || value === null) return value;
    if ('$ref' in value) return resolved(components.schemas[String(value.$ref).replace(/^.*\//, '')]) as Value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, resolved<unknown>(part)])) as Value;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const { content = {} } = (operation['requestBody'] ?? {}) as { content?: Record<string, { schema: Schema }> };
      return {
        title: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        parameters: resolved((operation['parameters'] ?? []) as readonly Parameter[]),
        bodies: Object.fromEntries(Object.entries(content).map(([type, { schema }]) => [type, resolved(schema)])),
      };
    }),
  );
}

export interface MadeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** Values of every type, to put in place of a valid one. */
const JUNK: readonly [unknown, ...unknown[]] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 31,
  '',
  ' ',
  'x',
  '\0',
  '\ud800',
  '💥',
  '%00',
  '../..',
  "' OR 1=1 --",
  '1e999',
  'x'.repeat(400),
  [],
  [null],
  {},
  { '\0': 1 },
  { a: { b: [{ c: '\udfff' }] } },
];
const LETTERS = ['a', 'b', 'Z', '0', '9', ' ', '_', '%', '-', 'ä'] as const;
const NAMES = ['__proto__', 'constructor', '', 'id', 'extra field', 'password_hash'] as const;

/** Generates requests of an operation from its description: most are valid, the others broken in one place. */
export class RequestMaker {
  constructor(
    private readonly random: Random,
    /** Ids of existing objects, for paths and bodies. */
    private readonly ids: readonly [string, ...string[]],
  ) {}

  async request(operation: DocumentedOperation): Promise<MadeRequest> {
    let path = `/api/v1${operation.path}`;
    const query = new URLSearchParams();
    const headers: Record<string, string> = {};
    for (const parameter of operation.parameters) {
      if (parameter.in === 'path') {
        path = path.replace(
          `{${parameter.name}}`,
          encodeURIComponent(this.text(parameter.schema, parameter.name) || '-'),
        );
      } else if (this.random.chance(parameter.required === true ? 90 : 40)) {
        const times = parameter.schema['type'] === 'array' ? this.random.below(4) : this.random.chance(5) ? 2 : 1;
        const schema = (parameter.schema['items'] as Schema | undefined) ?? parameter.schema;
        for (let time = 0; time < times; time++) {
          const text = this.text(schema, parameter.name);
          if (parameter.in === 'query') query.append(parameter.name, text);
          else if (parameter.in === 'cookie')
            headers['cookie'] = `${parameter.name}=${text.replace(/[^\x20-\x7e]/g, '?')}`;
          else headers[parameter.name.toLowerCase()] = text.replace(/[^\x20-\x7e]/g, '?');
        }
      }
    }
    if (this.random.chance(5)) query.set(this.random.pick(NAMES), 'x');
    const body = await this.body(operation.bodies);
    return {
      method: operation.method,
      path: query.size > 0 ? `${path}?${query.toString()}` : path,
      headers: { ...headers, ...body?.headers },
      ...(body && { body: body.bytes }),
    };
  }

  private async body(bodies: DocumentedOperation['bodies']) {
    const [[type, schema] = []] = Object.entries(bodies);
    if (type === undefined || schema === undefined || this.random.chance(3)) return undefined;
    if (type === 'multipart/form-data') return this.multipart(schema);
    const text = JSON.stringify(this.random.chance(5) ? this.random.pick(JUNK) : this.value(schema, ''));
    const sent = this.random.chance(4) ? text.slice(0, this.random.below(text.length)) : text;
    const mediaType = this.random.chance(4) ? this.random.pick(['text/plain', 'application/xml', ';']) : type;
    return framed(mediaType, Buffer.from(sent));
  }

  private async multipart({ properties }: Schema) {
    const form = new FormData();
    for (const name of Object.keys(properties ?? {})) {
      if (this.random.chance(10)) form.append(name, 'a text');
      else
        form.append(name, new File(['x'.repeat(this.random.below(2_000))], this.random.pick(['a.txt', 'ü ".png', ''])));
    }
    if (this.random.chance(10)) form.append('other', 'x');
    const response = new Response(form);
    const bytes = Buffer.from(await response.arrayBuffer());
    const cut = this.random.chance(10) ? bytes.subarray(0, this.random.below(bytes.length)) : bytes;
    return framed(response.headers.get('content-type') ?? '', cut);
  }

  /** The value as text for a path, a query or a header. */
  private text(schema: Schema, name: string): string {
    const value = this.value(schema, name);
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text.toWellFormed().slice(0, 150);
  }

  private value(schema: Schema, name: string): unknown {
    if (this.random.chance(name === '' ? 0 : 8)) return this.random.pick(JUNK);
    const types = [schema['type']].flat();
    if (types.includes('null') && this.random.chance(15)) return null;
    switch (types[0]) {
      case 'string':
        return this.string(schema, name);
      case 'integer':
        return this.integer(schema);
      case 'boolean':
        return this.random.chance(50);
      case 'array':
        return Array.from({ length: this.random.below(4) }, () => this.value(schema['items'] as Schema, name));
      case 'object':
        return this.object(schema);
      default:
        return this.random.pick(JUNK);
    }
  }

  private object({ properties = {}, required = [] }: Schema): Record<string, unknown> {
    const names = required as readonly string[];
    const entries = Object.entries(properties as Record<string, Schema>).flatMap(([name, schema]) =>
      this.random.chance(names.includes(name) ? 95 : 35) ? [[name, this.value(schema, name)] as const] : [],
    );
    if (Object.keys(properties as object).length === 0) entries.push(['text', 'hello'], ['n', this.random.below(9)]);
    if (this.random.chance(5)) entries.push([this.random.pick(NAMES), 1]);
    return Object.fromEntries(entries);
  }

  private string({ format, enum: values, minLength = 0, maxLength = 60, pattern }: Schema, name: string): string {
    if (Array.isArray(values)) return String(this.random.pick(values as [unknown]));
    if (format === 'uuid') return this.random.chance(80) ? this.random.pick(this.ids) : randomUUID();
    if (format === 'date-time') return new Date(this.random.below(2 ** 31) * 1000).toISOString();
    if (name === 'email') return `${this.random.below(50)}@example.org`;
    if (name === 'provider') return this.random.pick(['house', 'local']);
    if (name === 'plan') return this.random.pick(['free', 'pro', 'gold']);
    if (name === 'phone_number') return `+49 ${1000 + this.random.below(9000)}`;
    const least = Math.max(Number(minLength), pattern === undefined ? 0 : 1);
    const most = Number(maxLength) + (this.random.chance(3) ? 1 : 0);
    const length = this.random.chance(5) ? Math.min(most, 70_000) : Math.min(most, least + this.random.below(20));
    return Array.from({ length }, () => this.random.pick(LETTERS)).join('');
  }

  private integer({ minimum = -(2 ** 31), maximum = 2 ** 31 - 1 }: Schema): number {
    const [least, most] = [Number(minimum), Number(maximum)];
    const edges: [number, ...number[]] = [least, most, least - 1, most + 1, 0, 1];
    return this.random.chance(30) ? this.random.pick(edges) : least + this.random.below(Math.min(most - least, 50) + 1);
  }
}

/** Node's client does not frame a body of DELETE and the like by itself. */
function framed(mediaType: string, bytes: Buffer) {
  return { headers: { 'content-type': mediaType, 'content-length': String(bytes.length) }, bytes };
}
