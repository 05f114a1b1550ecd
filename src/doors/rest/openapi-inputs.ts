import type { JsonSchema } from '../../rest/json-schema.js';
import type { AnyRestRoute } from '../../rest/route.js';
import { wireCookieName } from './cookies.js';
import type { WireInput } from './input-plan.js';
import { sofaInputs, type SofaInput, type SofaOperation, type SofaSchemas } from './openapi-base.js';
import { pascalCase, type Components } from './openapi-components.js';
import { inputExample } from './openapi-examples.js';
import { described, inputSchema } from './openapi-schemas.js';
import type { Reference } from './reference.js';
import type { RestOperation } from './rest-view.js';

/** An operation of the view, with SOFA's description of it and everything that refines that description. */
export interface Described<Route extends AnyRestRoute = AnyRestRoute> {
  readonly operation: RestOperation<Route>;
  readonly sofa: SofaOperation;
  readonly schemas: SofaSchemas;
  readonly reference: Reference;
  readonly components: Components;
}

/** An input, with SOFA's description of it. */
interface DescribedInput {
  readonly input: WireInput;
  readonly sofa: SofaInput;
}

/**
 * The parameters and the body. SOFA knows only of the path, the query and a JSON body; the actual place of an input, its
 * validation rules and examples come from the route.
 */
export function inputObjects(of: Described, more: readonly JsonSchema[] = []): JsonSchema {
  const { plan } = of.operation;
  const known = sofaInputs(of.sofa);
  const inputs = plan.inputs.map((input): DescribedInput => {
    const sofa = known.get(input.variable);
    if (sofa === undefined) throw new Error(`SOFA knows of no ${input.variable} in ${of.operation.route.operationId}`);
    return { input, sofa };
  });
  const parameters = [
    ...inputs
      .filter(({ input }) => input.in !== 'body' && input.in !== 'file')
      .flatMap((input) => parameterObjects(input, of)),
    ...inputs.flatMap((input) => bodyHeaderObject(input, of)),
    ...more,
  ];
  return {
    ...(parameters.length > 0 && { parameters }),
    ...(plan.hasBody && {
      requestBody: bodyObject(
        inputs.filter(({ input }) => input.in === 'body'),
        of,
      ),
    }),
    ...(plan.file && { requestBody: fileBodyObject(plan.file, of) }),
  };
}

function parameterObjects({ input, sofa }: DescribedInput, of: Described): JsonSchema[] {
  const { route, rules } = of.operation;
  const { operationId } = route;
  const schema = of.components.reference(
    inputSchema(sofa.schema, input, rules, of.schemas),
    pascalCase(`${operationId}_${input.name}`),
  );
  // The view's argument is also required when the REST door supplies its default.
  const required = sofa.required && input.fallback === undefined;
  const parameter = (
    name: string,
    where: string,
    description: string | undefined,
    its: JsonSchema = schema,
  ): JsonSchema => ({
    name,
    in: where,
    ...(required && { required: true }),
    ...(description !== undefined && { description }),
    schema: its,
    ...(required && { example: inputExample(input, operationId, of.reference.examples) }),
  });
  if (input.in === 'if-match')
    return [{ name: input.name, in: 'header', description: input.description, schema: { type: 'string' } }];
  const name = input.in === 'cookie' ? wireCookieName(input.name, true) : input.name;
  const own = parameter(name, input.in, sofa.description ?? of.reference.parameters[name]);
  if (input.header === undefined) return [own];
  // Without the default, which some generated clients send: it would stand before the parameter's value.
  const { default: _, ...inHeader } = schema;
  return [own, parameter(input.header, 'header', `The same as \`${input.name}\`, which it stands before.`, inHeader)];
}

/** The header that a field of the body may be sent in. */
function bodyHeaderObject({ input, sofa }: DescribedInput, of: Described): JsonSchema[] {
  if (input.in !== 'body' || input.header === undefined) return [];
  return [
    {
      name: input.header,
      in: 'header',
      description: `The same as \`${input.name}\` of the body, which it stands before. One of the two is required.`,
      schema: inputSchema(sofa.schema, input, of.operation.rules, of.schemas),
    },
  ];
}

function bodyObject(inputs: readonly DescribedInput[], of: Described): JsonSchema {
  const { route, plan, rules } = of.operation;
  const { examples, requested } = of.reference;
  const required = inputs
    .filter(({ input, sofa }) => sofa.required && input.header === undefined)
    .map(({ input }) => input.name);
  const schema = {
    type: 'object',
    ...(required.length > 0 && { required }),
    properties: {
      ...Object.fromEntries(
        inputs.map(({ input, sofa }) => [
          input.name,
          described(inputSchema(sofa.schema, input, rules, of.schemas), sofa.description),
        ]),
      ),
    },
    ...plan.bodySchema,
  };
  const ownName = `${pascalCase(route.operationId)}Input`;
  return {
    required: required.length > 0,
    content: {
      'application/json': {
        schema: of.components.reference(schema, plan.bodyType ?? ownName, ownName),
        example: Object.fromEntries(
          inputs
            .filter(
              ({ input: { name }, sofa }) =>
                sofa.required || requested.includes(name) || requested.includes(`${route.operationId}.${name}`),
            )
            .map(({ input }) => [input.name, inputExample(input, route.operationId, examples)]),
        ),
      },
    },
  };
}

/** The request body of a file upload: a part of a multipart body, which SOFA does not know of. */
function fileBodyObject({ name, description }: WireInput, { operation, components }: Described): JsonSchema {
  const schema = {
    type: 'object',
    required: [name],
    properties: { [name]: described({ type: 'string', format: 'binary' }, description) },
    additionalProperties: false,
  };
  return {
    required: true,
    content: {
      'multipart/form-data': {
        schema: components.reference(schema, `${pascalCase(operation.route.operationId)}Input`),
      },
    },
  };
}
