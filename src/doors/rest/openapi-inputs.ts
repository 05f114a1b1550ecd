import type { JsonSchema } from '../../rest/json-schema.js';
import type { AnyRestRoute } from '../../rest/route.js';
import { wireCookieName } from './cookies.js';
import type { WireInput } from './input-plan.js';
import { sofaInputs, type SofaInput, type SofaOperation, type SofaSchemas } from './openapi-base.js';
import { inputExample } from './openapi-examples.js';
import { described, inputSchema, wireWords } from './openapi-schemas.js';
import type { Reference } from './reference.js';
import type { RestOperation } from './rest-view.js';

/** An operation of the view, with SOFA's description of it and everything that refines that description. */
export interface Described<Route extends AnyRestRoute = AnyRestRoute> {
  readonly operation: RestOperation<Route>;
  readonly sofa: SofaOperation;
  readonly schemas: SofaSchemas;
  readonly reference: Reference;
}

const IGNORED: JsonSchema = { description: 'Taken and ignored, for clients that send objects back.' };

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
    ...(plan.file && { requestBody: fileBodyObject(plan.file) }),
  };
}

function parameterObjects({ input, sofa }: DescribedInput, of: Described): JsonSchema[] {
  const { route, rules } = of.operation;
  const schema = inputSchema(sofa.schema, input, rules, of.schemas);
  // The view's argument is also required when the REST door supplies its default.
  const required = sofa.required && input.fallback === undefined;
  const parameter = (name: string, where: string, description: string | undefined): JsonSchema => ({
    name,
    in: where,
    ...(required && { required: true }),
    ...(description !== undefined && { description: wireWords(description) }),
    schema,
    ...(required && { example: inputExample(input, route.operationId, of.reference.examples) }),
  });
  const name = input.in === 'cookie' ? wireCookieName(input.name, true) : input.name;
  const own = parameter(name, input.in, sofa.description);
  return input.header === undefined
    ? [own]
    : [own, parameter(input.header, 'header', `The same as \`${input.name}\`, which it stands before.`)];
}

function bodyObject(inputs: readonly DescribedInput[], of: Described): JsonSchema {
  const { route, plan, rules } = of.operation;
  const { examples } = of.reference;
  const required = inputs.filter(({ sofa }) => sofa.required).map(({ input }) => input.name);
  const ignored = [...plan.readOnly].filter((name) => !inputs.some(({ input }) => input.name === name));
  return {
    required: required.length > 0,
    content: {
      'application/json': {
        schema: {
          type: 'object',
          ...(required.length > 0 && { required }),
          properties: {
            ...Object.fromEntries(
              inputs.map(({ input, sofa }) => [
                input.name,
                described(inputSchema(sofa.schema, input, rules, of.schemas), sofa.description),
              ]),
            ),
            ...Object.fromEntries(ignored.map((name) => [name, IGNORED])),
          },
          additionalProperties: false,
          ...plan.bodySchema,
        },
        example: Object.fromEntries(
          inputs
            .filter(({ input, sofa }) => sofa.required || typeof examples[input.name] === 'string')
            .map(({ input }) => [input.name, inputExample(input, route.operationId, examples)]),
        ),
      },
    },
  };
}

/** The request body of a file upload: a part of a multipart body, which SOFA does not know of. */
function fileBodyObject({ name, description }: WireInput): JsonSchema {
  return {
    required: true,
    content: {
      'multipart/form-data': {
        schema: {
          type: 'object',
          required: [name],
          properties: { [name]: described({ type: 'string', format: 'binary' }, description) },
          additionalProperties: false,
        },
      },
    },
  };
}
