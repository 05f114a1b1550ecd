import type { JsonSchema } from '../../rest/json-schema.js';
import type { Components } from './openapi-components.js';

type Paths = Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;

interface Target {
  readonly operationId: string;
  readonly parameter: string;
  readonly summary: string;
  readonly isForAdmins: boolean;
}

/**
 * Adds to each answer with an object the operations that an id in it leads to: what was made can be read, changed and deleted.
 * An operation is led to by the one path parameter that it has.
 */
export function addLinks(paths: Paths, components: Components): Paths {
  const targets = Object.entries(paths).flatMap(([path, methods]) => {
    const [parameter, ...more] = parametersIn(path);
    if (parameter === undefined || more.length > 0) return [];
    return Object.values(methods).map((operation): Target => ({
      operationId: String(operation['operationId']),
      parameter,
      summary: String(operation['summary']),
      isForAdmins: isForAdmins(operation),
    }));
  });
  const linked = (path: string, method: string, operation: JsonSchema): JsonSchema => {
    const { 200: answer, ...others } = operation['responses'] as Record<string, JsonSchema>;
    if (answer === undefined || method === 'delete') return operation;
    const ids = idsIn(answer, components).filter((name) => !parametersIn(path).includes(name));
    const links = targets
      .filter((target) => ids.includes(target.parameter) && (!target.isForAdmins || isForAdmins(operation)))
      .map(({ operationId, parameter, summary }): [string, JsonSchema] => [
        operationId,
        { operationId, description: summary, parameters: { [parameter]: `$response.body#/data/${parameter}` } },
      ]);
    if (links.length === 0) return operation;
    return { ...operation, responses: { 200: { ...answer, links: Object.fromEntries(links) }, ...others } };
  };
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, operation]) => [method, linked(path, method, operation)]),
      ),
    ]),
  );
}

function parametersIn(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) => name ?? []);
}

function isForAdmins({ tags }: JsonSchema): boolean {
  return (tags as readonly string[]).includes('Admin');
}

/** The fields of the answer's object that hold an id in any case. */
function idsIn(answer: JsonSchema, { all }: Components): readonly string[] {
  const resolve = (schema: unknown): JsonSchema | undefined => {
    const reference = (schema as JsonSchema | undefined)?.['$ref'];
    return typeof reference === 'string' ? all.get(reference.replace(/^.*\//, '')) : undefined;
  };
  const { schema } = (answer['content'] as Record<string, JsonSchema> | undefined)?.['application/json'] ?? {};
  const data = resolve((resolve(schema)?.['properties'] as JsonSchema | undefined)?.['data']);
  const fields = Object.entries((data?.['properties'] ?? {}) as Record<string, JsonSchema>);
  return fields.filter(([, { type, format }]) => type === 'string' && format === 'uuid').map(([name]) => name);
}
