import { isObjectType, type GraphQLResolveInfo } from 'graphql';
import { Arg, ID, Info, Query, Resolver } from 'type-graphql';
import { isUuid } from '../kernel/ids.js';
import type { Viewer } from '../kernel/viewer.js';
import { Node, type NodeRow } from './node.js';
import { CurrentViewer, Operation } from './operation.js';
import { mayRead } from './token-access.js';

/** Finds objects of one type by id, if the viewer may see them. */
export interface NodeFinder {
  readonly typeName: string;
  /** Whether an id can belong to this type. By default: whether it is a UUID. */
  readonly accepts?: (id: string) => boolean;
  readonly find: (viewer: Viewer, id: string) => Promise<{ readonly id: string } | null>;
}

@Resolver()
export class NodeResolver {
  /** @param finders tried in this order; the types asked for most should come first */
  constructor(private readonly finders: readonly NodeFinder[]) {}

  @Operation('any token')
  @Query(() => Node, { nullable: true, description: 'The object with this id; null where the caller sees none.' })
  async node(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @Info() { schema }: GraphQLResolveInfo,
  ): Promise<NodeRow | null> {
    const isOpen = (typeName: string) => {
      const type = schema.getType(typeName);
      return viewer.token === undefined || (isObjectType(type) && mayRead(viewer.token, type));
    };
    for (const { typeName, find, accepts = isUuid } of this.finders) {
      if (!accepts(id) || !isOpen(typeName)) continue;
      const row = await find(viewer, id);
      if (row !== null) return { ...row, __typename: typeName };
    }
    return null;
  }
}
