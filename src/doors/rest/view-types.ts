import {
  GraphQLInputObjectType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLUnionType,
  defaultFieldResolver,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isUnionType,
  parseType,
  specifiedScalarTypes,
  typeFromAST,
  type GraphQLField,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigArgumentMap,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import { noteShortcut, shortcutOf } from '../../graphql/shortcuts.js';
import { ARGUMENTS_AT_OPENING, usesArgumentsAtOpening } from '../../graphql/subscription.js';
import type { RequestContext } from '../../graphql/context.js';
import type { RestFieldOptions } from '../../rest/field.js';
import type { RestRoute } from '../../rest/route.js';
import type { InputPlan } from './input-plan.js';
import { toSnakeCase } from './wire-names.js';

export type ViewField = GraphQLField<unknown, RequestContext>;
type FieldConfig = GraphQLFieldConfig<unknown, RequestContext>;

/** The type of a route's own `data`: any JSON, as the route's metadata makes it from the result. */
const RestJson = new GraphQLScalarType({ name: 'RestJson', serialize: (value) => value });

/** The view's types, each made once from the main schema's type. Scalars and enums are used in both. */
export class ViewTypes {
  private readonly outputs = new Map<string, GraphQLObjectType | GraphQLUnionType>();
  private readonly inputs = new Map<string, GraphQLInputObjectType>();

  constructor(private readonly main: GraphQLSchema) {}

  rootField(field: ViewField, route: RestRoute, plan: InputPlan): FieldConfig {
    const resolve = field.resolve ?? defaultFieldResolver;
    const { type, present } = this.dataOf(field, route);
    const isKept = route.version !== undefined || nodesOf(field.type) !== undefined;
    return {
      type,
      description: field.description,
      args: this.argumentsOf(plan),
      resolve: (source, args: Record<string, unknown>, context, info) => {
        const part = route.pages && (context as Kept)[PART];
        const result: unknown = resolve(source, { ...plan.toArguments(args), ...part }, context, info);
        if (isKept) return keepResult(result, context, present);
        if (present === undefined) return result;
        return result instanceof Promise ? result.then(present) : present(result);
      },
    };
  }

  subscriptionField(field: ViewField, plan: InputPlan): FieldConfig {
    const { subscribe, resolve } = field;
    if (subscribe === undefined) throw new Error(`${field.name} has a REST stream and no source of events`);
    const union = getNamedType(field.type);
    if (!isUnionType(union)) throw new Error(`${field.name} has a REST stream and gives no union of events`);
    return {
      type: this.output(field.type),
      description: field.description,
      args: this.argumentsOf(plan),
      subscribe: (source, args: Record<string, unknown>, context, info) =>
        subscribe(source, plan.toArguments(args), context, info),
      resolve: (event, args: Record<string, unknown>, context, info) => {
        // The view's union has no resolveType: the main schema's is called here.
        const typed = (resolved: unknown) => {
          const type = union.resolveType?.(resolved, context, info, union);
          const named = (__typename: unknown) => ({ ...(resolved as object), __typename });
          return type instanceof Promise ? type.then(named) : named(type);
        };
        if (resolve === undefined || usesArgumentsAtOpening(field)) return typed(event);
        const resolved: unknown = resolve(event, plan.toArguments(args), context, info);
        return resolved instanceof Promise ? resolved.then(typed) : typed(resolved);
      },
      extensions: usesArgumentsAtOpening(field) ? { ...ARGUMENTS_AT_OPENING } : {},
    };
  }

  /** The type of a route's data, and how to get them from the field's result; `present` is undefined if they are the result. */
  private dataOf(
    field: ViewField,
    route: RestRoute,
  ): { type: GraphQLOutputType; present?: (result: unknown) => unknown } {
    if (route.navigation) return { type: RestJson, present: navigationReader(route) };
    if (route.data) return { type: RestJson, present: route.data.from as (result: unknown) => unknown };
    const named = getNamedType(field.type);
    if (route.field !== undefined) {
      const part = isObjectType(named) ? named.getFields()[route.field] : undefined;
      if (part === undefined) throw new Error(`${named.name} has no field ${route.field} for ${route.operationId}`);
      return { type: this.output(part.type), present: propertyReader(part.name) };
    }
    const nodes = nodesOf(field.type);
    return nodes
      ? { type: this.output(nodes.type), present: propertyReader(nodes.name) }
      : { type: this.output(field.type) };
  }

  private argumentsOf({ inputs }: InputPlan): GraphQLFieldConfigArgumentMap {
    return Object.fromEntries(
      inputs.map((input) => {
        const type = this.input(input.type);
        // Without default values: the router sends them, since compiled queries do not apply them.
        return [
          input.variable,
          {
            type: isNonNullType(type) && !input.required && input.fallback === undefined ? type.ofType : type,
            description: input.description,
          },
        ];
      }),
    );
  }

  private input(type: GraphQLInputType): GraphQLInputType {
    if (isNonNullType(type)) return new GraphQLNonNull(this.input(type.ofType));
    if (isListType(type)) return new GraphQLList(this.input(type.ofType));
    if (!isInputObjectType(type)) return type;
    const known = this.inputs.get(type.name);
    if (known) return known;
    const made = new GraphQLInputObjectType({
      name: type.name,
      description: type.description,
      fields: () =>
        Object.fromEntries(
          Object.values(type.getFields()).map((field) => [
            toSnakeCase(field.name),
            {
              type:
                isNonNullType(field.type) && field.defaultValue !== undefined
                  ? this.input(field.type.ofType)
                  : this.input(field.type),
              description: field.description,
            },
          ]),
        ),
    });
    this.inputs.set(type.name, made);
    return made;
  }

  private output(type: GraphQLOutputType): GraphQLOutputType {
    if (isNonNullType(type)) return new GraphQLNonNull(this.output(type.ofType));
    if (isListType(type)) return new GraphQLList(this.output(type.ofType));
    if (isScalarType(type) || isEnumType(type)) return type;
    const known = this.outputs.get(type.name);
    if (known) return known;
    const made = isUnionType(type) ? this.union(type) : this.object(type);
    this.outputs.set(type.name, made);
    return made;
  }

  private union(type: GraphQLUnionType): GraphQLUnionType {
    return new GraphQLUnionType({
      name: type.name,
      types: () => type.getTypes().map((member) => this.output(member) as GraphQLObjectType),
    });
  }

  private object(type: GraphQLOutputType): GraphQLObjectType {
    if (!isObjectType(type)) throw new Error(`${String(type)} has no form in REST: give the route its own data`);
    return new GraphQLObjectType({
      name: type.name,
      description: type.description,
      fields: () => Object.fromEntries(fieldsOf(type).flatMap((field) => this.objectField(type, field))),
    });
  }

  private objectField(parent: GraphQLObjectType, field: ViewField): [string, FieldConfig][] {
    const options = field.extensions['restField'] as RestFieldOptions | 'hidden' | undefined;
    if (options === 'hidden') return [];
    const name = options?.name ?? toSnakeCase(field.name);
    const described = {
      description: options?.description ?? field.description,
      extensions: { schema: options?.schema },
    };
    if (options?.value) {
      const read = options.value.from as (parent: unknown) => unknown;
      const resolve = noteShortcut((row: unknown) => read(row), { read });
      return [[name, { ...described, type: this.scalar(options.value.type), resolve }]];
    }
    if (options === undefined && leadsElsewhere(field.type)) return [];
    if (field.args.some((argument) => isNonNullType(argument.type) && argument.defaultValue === undefined)) {
      throw new Error(`${parent.name}.${field.name} asks for arguments that REST does not give: hide it`);
    }
    const defaults = Object.fromEntries(
      field.args.flatMap(({ name: argument, defaultValue }): [string, unknown][] =>
        defaultValue === undefined ? [] : [[argument, defaultValue]],
      ),
    );
    const { resolve } = field;
    const nodes = nodesOf(field.type);
    if (nodes) throw new Error(`${parent.name}.${field.name} is a connection: hide it, or give a plain value`);
    return [
      [
        name,
        {
          ...described,
          type: this.output(field.type),
          ...(resolve
            ? { resolve: withDefaults(resolve, defaults) }
            : name !== field.name && {
                resolve: noteShortcut(propertyReader(field.name), { property: field.name }),
              }),
        },
      ],
    ];
  }

  private scalar(sdl: string): GraphQLOutputType {
    const type = typeFromAST(this.main, parseType(sdl));
    const builtIn = specifiedScalarTypes.find((scalar) => scalar.name === sdl.replace(/\W/g, ''));
    const found = type ?? (builtIn && (sdl.endsWith('!') ? new GraphQLNonNull(builtIn) : builtIn));
    if (found === undefined || !isScalarType(getNamedType(found)))
      throw new Error(`${sdl} is no scalar type of the schema`);
    return found as GraphQLOutputType;
  }
}

/** Arguments of a root field that the door gives, which no client sends. */
const PART = Symbol('part');
/** The result of a root field, of which an answer's headers tell more than its data. */
const RESULT = Symbol('result');

type Kept = RequestContext & { [PART]?: Readonly<Record<string, unknown>>; [RESULT]?: unknown };

/** Has a field that is read by pages read the one of these arguments next. */
export function givePart(context: RequestContext, part: Readonly<Record<string, unknown>>): void {
  (context as Kept)[PART] = part;
}

/** What the root field's resolver returned, for a list or a route with a version. */
export function resultIn(context: RequestContext): unknown {
  return (context as Kept)[RESULT];
}

async function keepResult(
  result: unknown,
  context: RequestContext,
  present: (result: unknown) => unknown = (whole) => whole,
): Promise<unknown> {
  const settled = await result;
  (context as Kept)[RESULT] = settled;
  return present(settled);
}

/** The result of a navigation route: its data, redirect and cookie. */
export interface NavigationResult {
  readonly data: unknown;
  readonly location: string | null;
  readonly cookie: string | undefined;
}

function navigationReader({ operationId, data, navigation }: RestRoute): (result: unknown) => NavigationResult {
  const from = data?.from as ((result: unknown) => unknown) | undefined;
  const location = navigation?.location as ((result: unknown) => string | null) | undefined;
  const cookie = navigation?.cookie?.value as ((result: unknown) => string) | undefined;
  if (from === undefined || location === undefined)
    throw new Error(`${operationId} leads on and has no data of its own`);
  return (result) => ({ data: from(result), location: location(result), cookie: cookie?.(result) });
}

function withDefaults(
  resolve: NonNullable<ViewField['resolve']>,
  defaults: Readonly<Record<string, unknown>>,
): NonNullable<ViewField['resolve']> {
  const resolveField: typeof resolve = (row, _none, context, info) => resolve(row, { ...defaults }, context, info);
  const shortcut = shortcutOf(resolve);
  return shortcut === undefined ? resolveField : noteShortcut(resolveField, shortcut);
}

function propertyReader(name: string): (row: unknown) => unknown {
  return (row) => (row as Readonly<Record<string, unknown>>)[name];
}

/** The `nodes` field of a connection; undefined for other types. */
function nodesOf(type: GraphQLOutputType): ViewField | undefined {
  const named = getNullableType(type);
  if (!isObjectType(named)) return undefined;
  const fields = named.getFields();
  return fields['edges'] && fields['pageInfo'] ? fields['nodes'] : undefined;
}

/** Whether a field of this type leads to another object, which has its own URL in REST. */
function leadsElsewhere(type: GraphQLOutputType): boolean {
  const named = getNamedType(type);
  if (isInterfaceType(named) || isUnionType(named)) return true;
  return (
    isObjectType(named) && (nodesOf(named) !== undefined || named.getInterfaces().some(({ name }) => name === 'Node'))
  );
}

export function fieldsOf(type: GraphQLObjectType | null | undefined): ViewField[] {
  return type ? Object.values(type.getFields() as Readonly<Record<string, ViewField>>) : [];
}
