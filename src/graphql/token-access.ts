import {
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type SelectionNode,
} from 'graphql';
import { Extensions } from 'type-graphql';
import { MissingScope } from '../kernel/errors.js';
import { grants, type TokenScope } from '../kernel/token-scopes.js';
import type { PersonalToken, Viewer } from '../kernel/viewer.js';
import { BARE_FIELDS } from './bare-fields.js';
import { onceForField } from './once-for-field.js';

/**
 * What a personal access token needs to call an operation: a scope, or none (`any`). It may not call one that is `closed`, as
 * everything is that concerns the security of an account.
 */
export type TokenAccess = TokenScope | 'any' | 'closed';

/** @throws MissingScope when the viewer has a personal access token, and that may not call an operation of this access */
export function requireTokenAccess({ token }: Pick<Viewer, 'token'>, access: TokenAccess): void {
  if (token === undefined || access === 'any') return;
  if (access === 'closed') throw new MissingScope(null);
  if (!grants(token.scopes, access)) throw new MissingScope(access);
}

/**
 * Marks a type that is a Node with the scope that a token needs to read it, wherever it is reached from: fields lead from an
 * account to its conversations, and back. A Node without the mark is closed to tokens.
 */
export function ReadableBy(scope: TokenScope | 'any'): ClassDecorator & PropertyDecorator & MethodDecorator {
  return Extensions({ readableBy: scope });
}

/** @throws MissingScope when the operation's field leads to a Node that the token may not read */
export function requireReadable(token: PersonalToken, info: GraphQLResolveInfo): void {
  for (const type of nodesBelow(info)) {
    requireTokenAccess({ token }, accessTo(type));
  }
}

/** Whether the token may read objects of this type. */
export function mayRead({ scopes }: PersonalToken, type: GraphQLObjectType): boolean {
  const access = accessTo(type);
  return access === 'any' || (access !== 'closed' && grants(scopes, access));
}

function accessTo(type: GraphQLObjectType): TokenAccess {
  return (type.extensions['readableBy'] ?? 'closed') as TokenAccess;
}

/** The types of Nodes that the field's selection reads more of than their ids. */
const nodesBelow = onceForField(findNodesBelow);

function findNodesBelow({
  fieldNodes,
  fragments,
  returnType,
  schema,
}: GraphQLResolveInfo): readonly GraphQLObjectType[] {
  const found = new Set<GraphQLObjectType>();
  const visit = (type: GraphQLNamedType, selections: readonly SelectionNode[]) => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        if (BARE_FIELDS.has(selection.name.value)) continue;
        if (isNode(type)) found.add(type);
        const field = hasFields(type) ? type.getFields()[selection.name.value] : undefined;
        if (field === undefined || selection.selectionSet === undefined) continue;
        const below = getNamedType(field.type);
        const listed = listedIn(below);
        if (listed !== undefined) found.add(listed);
        visit(below, selection.selectionSet.selections);
      } else {
        const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value];
        const condition = fragment?.typeCondition?.name.value;
        const narrowed = condition === undefined ? type : schema.getType(condition);
        if (fragment !== undefined && narrowed !== undefined) visit(narrowed, fragment.selectionSet.selections);
      }
    }
  };
  const root = getNamedType(returnType);
  for (const { selectionSet } of fieldNodes) visit(root, selectionSet?.selections ?? []);
  return [...found];
}

function hasFields(type: GraphQLNamedType): type is GraphQLObjectType | GraphQLInterfaceType {
  return isObjectType(type) || isInterfaceType(type);
}

function isNode(type: GraphQLNamedType): type is GraphQLObjectType {
  if (!isObjectType(type)) return false;
  return type.extensions['readableBy'] !== undefined || type.getInterfaces().some(({ name }) => name === 'Node');
}

/** A connection says something of what it lists, if only how many they are. */
function listedIn(type: GraphQLNamedType): GraphQLObjectType | undefined {
  const field = isObjectType(type) && type.name.endsWith('Connection') ? type.getFields()['nodes'] : undefined;
  const node = field && getNamedType(field.type);
  return node !== undefined && isNode(node) ? node : undefined;
}
