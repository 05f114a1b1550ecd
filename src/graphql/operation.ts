import { OperationTypeNode, type GraphQLResolveInfo } from 'graphql';
import { Extensions, createMethodMiddlewareDecorator, createParameterDecorator, type ResolverData } from 'type-graphql';
import type { z, ZodType } from 'zod';
import { Invalid, type Fault } from '../kernel/errors.js';
import type { TokenScope } from '../kernel/token-scopes.js';
import type { Viewer } from '../kernel/viewer.js';
import type { RequestContext } from './context.js';
import { requireReadable, requireTokenAccess, type TokenAccess } from './token-access.js';

/** Who may call an operation. What they may see or change is decided by the service's policy. */
export type Access = 'anyone' | 'user' | 'admin';

/** The extension that {@link Operation} sets on a root field, for the REST door and the authorisation tests. */
export interface OperationExtension {
  readonly access: Access;
  readonly token: TokenAccess;
  readonly rules: ZodType<object> | undefined;
}

/**
 * Marks a root field with who may call it, and with the rules of its arguments (a zod object over all of them), which are
 * checked together before the resolver runs. A scope stands for users who logged in and for their personal access tokens with
 * that scope, `any token` for users and all their tokens; `user` and `admin` are closed to tokens. Credentials are checked first, so that an anonymous client learns nothing about
 * the rules. The resolver gets the arguments as the rules return them.
 */
export function Operation(callers: Access | TokenScope | 'any token', rules?: ZodType<object>): MethodDecorator {
  const extension: OperationExtension = { ...accessOf(callers), rules };
  const annotate = Extensions({ operation: extension });
  const guard = createMethodMiddlewareDecorator<RequestContext>(async (data, next) => {
    await admit(extension, data);
    const result: unknown = await next();
    return result;
  });
  return (target, property, descriptor) => {
    annotate(target, property, descriptor);
    guard(target, property, descriptor);
  };
}

function accessOf(callers: Access | TokenScope | 'any token'): Pick<OperationExtension, 'access' | 'token'> {
  if (callers === 'anyone') return { access: callers, token: 'any' };
  if (callers === 'user' || callers === 'admin') return { access: callers, token: 'closed' };
  return { access: 'user', token: callers === 'any token' ? 'any' : callers };
}

async function admit(
  { access, token, rules }: OperationExtension,
  { context, args, info }: Pick<ResolverData<RequestContext>, 'context' | 'args' | 'info'>,
): Promise<void> {
  const viewer = access === 'anyone' ? null : await context.viewer();
  if (viewer !== null) requireAccess({ token }, viewer, info);
  if (rules !== undefined) Object.assign(args, checkArguments(rules, args));
  if (viewer !== null) await noteInternalCall(context, viewer, info);
}

/** @throws MissingScope when the viewer has a personal access token that is not good for the operation, or for what it asks of it */
export function requireAccess(
  { token }: Pick<OperationExtension, 'token'>,
  viewer: Viewer,
  info: GraphQLResolveInfo,
): void {
  if (viewer.token === undefined) return;
  requireTokenAccess(viewer, token);
  requireReadable(viewer.token, info);
}

/** Records a call by an internal service. For operations that look up the viewer themselves. */
export async function noteInternalCall(
  context: RequestContext,
  viewer: Viewer,
  { fieldName, operation }: GraphQLResolveInfo,
): Promise<void> {
  if (!viewer.isInternal) return;
  const isRead = operation.operation === OperationTypeNode.QUERY;
  await context.recordInternalCall(viewer, { operation: fieldName, isRead });
}

/** The arguments as the rules return them, for a field that is not an operation. @throws Invalid with every fault */
export function checkArguments<Checked extends object>(rules: ZodType<Checked>, args: unknown): Checked {
  const result = rules.safeParse(args, { error: wordsOf });
  if (!result.success) throw new Invalid(faultsOf(result.error));
  return result.data;
}

/** Every fault that `rules` find in `args`; empty when the arguments are valid. */
export function findFaults(rules: ZodType<object>, args: unknown): readonly Fault[] {
  const result = rules.safeParse(args, { error: wordsOf });
  return result.success ? [] : faultsOf(result.error);
}

/** Default messages for faults inside free-form JSON; GraphQL checks the types of everything else. */
function wordsOf(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined) return 'is required';
  if (issue.code === 'invalid_type') return `must be ${JSON_TYPES[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value')
    return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
  return undefined;
}

const JSON_TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a string',
};

function faultsOf(error: {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}): Fault[] {
  return error.issues.map((issue) => ({ field: issue.path.map(String).join('.'), message: issue.message }));
}

/** Passes the authenticated caller to a resolver's parameter. Only for operations whose access is not `anyone`. */
export function CurrentViewer(): ReturnType<typeof createParameterDecorator> {
  return createParameterDecorator<RequestContext>(({ context }) => context.viewer());
}
