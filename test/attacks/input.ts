import type { Attack, AttackKind, Service } from './attack.js';
import { send, signUp } from './attack.js';

/** Values for one field of a body. None may be answered with a fault of the service. */
const VALUES: readonly (readonly [string, string])[] = [
  ['a NUL', '"a\\u0000b"'],
  ['a lone surrogate', '"\\ud800"'],
  ['a bidi override', '"\\u202egnp.exe"'],
  ['200,000 characters', JSON.stringify('x'.repeat(200_000))],
  ['a huge number', '1e400'],
  ['an empty list', '[]'],
  ['an object with __proto__', '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}'],
  ['a deep object', `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`],
];
/** Values for a path or query parameter, percent-encoded. */
const TEXTS = ['%00', '%27%20OR%201%3D1--', '..%2f..%2f', '%F0%9F%92%A9', '-1', '1e9', 'x'.repeat(3_000)] as const;

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, OpenApiSchema>> };
}
interface OpenApiOperation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: OpenApiSchema }>> };
}
interface OpenApiSchema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
}

/** Operations that end the session or the account of the attacker, which the other attacks need. */
const SPARED = /^(deleteMe|deleteUser|logout|updateMe|updateUser|replaceUser|revoke|end)/i;
const UNKNOWN_ID = '01999999-9999-7999-8999-999999999999';

export const input: AttackKind = {
  name: 'input',
  async attacks(service) {
    const { headers } = await signUp(service);
    const { json } = await send(service, 'GET', '/api/v1/openapi.json');
    const { paths, components } = json as OpenApi;
    return Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, operation]) => {
        if (SPARED.test(operation.operationId)) return [];
        const at = (name: string, text: string) =>
          `/api/v1${path.replaceAll(/\{(\w+)\}/g, (_all, parameter: string) => (parameter === name ? text : UNKNOWN_ID))}`;
        const attack = (name: string, address: string, body?: string): Attack => ({
          name: `${operation.operationId}: ${name}`,
          run: () => staysWhole(service, method.toUpperCase(), address, headers, body),
        });
        const parameters = (operation.parameters ?? []).flatMap((parameter) =>
          TEXTS.map((text) => {
            const address =
              parameter.in === 'path' ? at(parameter.name, text) : `${at('', '')}?${parameter.name}=${text}`;
            return attack(`${parameter.name} = ${text.slice(0, 20)}`, address);
          }),
        );
        const given = operation.requestBody?.content['application/json']?.schema;
        const schema = given?.$ref === undefined ? given : components.schemas[given.$ref.split('/').at(-1) ?? ''];
        const bodies = Object.keys(schema?.properties ?? {}).flatMap((field) =>
          VALUES.map(([what, value]) =>
            attack(`${field} is ${what}`, at('', ''), `{${JSON.stringify(field)}:${value}}`),
          ),
        );
        const whole =
          given === undefined
            ? []
            : ['null', '[]', '{', '"x"', '{"a":1}{"b":2}', ''].map((body) =>
                attack(`the body ${body}`, at('', ''), body),
              );
        return [...parameters, ...bodies, ...whole];
      }),
    );
  },
};

async function staysWhole(
  service: Service,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<string | undefined> {
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await send(service, method, path, {
    headers: { ...headers, ...type },
    ...(body === undefined ? {} : { body }),
  });
  const isOurs = answer.status < 500 || answer.status === 502 || answer.status === 503;
  const leaks =
    /at \S+ \(|node_modules|SELECT |prisma/i.test(answer.text) && !answer.headers.get('content-type')?.includes('html');
  return isOurs && !leaks ? undefined : `answered ${answer.status.toString()} ${answer.text.slice(0, 120)}`;
}
