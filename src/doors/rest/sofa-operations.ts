import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  TypeInfo,
  isObjectType,
  parse,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';
import { PRODUCT_FOLDER } from '../../kernel/product-folder.js';
import type { AnyRestRoute } from '../../rest/route.js';
import type { RestOperation, RestView } from './rest-view.js';

/** The path prefix of every route. */
export const BASE_PATH = '/api/v1';

export function toColonPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

/** The document that answers a route: one root field of the view, with every field of its result. */
export interface RouteDocument {
  readonly document: DocumentNode;
  readonly operationName: string;
}

/** A route and its document by SOFA, in the form that is written to a file. */
export interface WrittenOperation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly operationName: string;
  /** The lines of the document, so that a change is easy to read in a diff. */
  readonly document: readonly string[];
}

/** The output of `npm run schema` for the REST view (`emit.ts`). */
export interface EmittedRest {
  readonly operations: readonly WrittenOperation[];
  /** Loads the OpenAPI document as JSON text, when the first client asks for it. */
  readonly loadDocument: () => Promise<string>;
}

const SCHEMA_FOLDER = new URL('schema/', PRODUCT_FOLDER);

/** Reads the product's files, from `schema/`. */
export function readEmittedRest(): EmittedRest {
  const operations = readFileSync(new URL('rest-operations.json', SCHEMA_FOLDER), 'utf8');
  return {
    operations: JSON.parse(operations) as WrittenOperation[],
    loadDocument: async () => {
      const text = await readFile(new URL('openapi.json', SCHEMA_FOLDER), 'utf8');
      return JSON.stringify(JSON.parse(text));
    },
  };
}

/** Returns the document of a route. @throws Error when the files were emitted before the code changed */
export type DocumentOf = (operation: RestOperation<AnyRestRoute>) => RouteDocument;

/**
 * Matches the routes of the view with the documents that SOFA made of them.
 * @throws Error when the files contain a route that the view no longer has
 */
export function pairOperations(view: RestView, written: readonly WrittenOperation[]): DocumentOf {
  const byId = new Map(written.map((operation) => [operation.operationId, operation]));
  const routes = [...view.operations, ...view.streams, ...view.files].map(({ route }) => route);
  const known = new Set(routes.map(({ operationId }) => operationId));
  const stale = written.find(({ operationId }) => !known.has(operationId));
  if (stale !== undefined) throw outdated(stale.operationId);
  return ({ route }) => {
    const found = byId.get(route.operationId);
    if (found?.method !== route.method || found.path !== route.path) throw outdated(route.operationId);
    const document = parse(found.document.join('\n'), { noLocation: true });
    const schema = 'events' in route || 'rows' in route ? view.streamSchema : view.schema;
    if (schema === undefined || !selectsEverything(schema, document)) throw outdated(route.operationId);
    return { document, operationName: found.operationName };
  };
}

function outdated(operationId: string): Error {
  return new Error(`schema/rest-operations.json does not fit ${operationId}: run "npm run schema"`);
}

/** Whether the document passes all arguments and selects all fields, also those added after it was emitted. */
function selectsEverything(schema: GraphQLSchema, document: DocumentNode): boolean {
  const types = new TypeInfo(schema);
  let isWhole = true;
  let depth = 0;
  visit(
    document,
    visitWithTypeInfo(types, {
      Field(node) {
        if ((types.getFieldDef()?.args.length ?? 0) !== (node.arguments?.length ?? 0)) isWhole = false;
      },
      SelectionSet: {
        enter({ selections }) {
          depth += 1;
          const type = types.getParentType();
          // Depth 1 is the route's root field; the root type's other fields are other routes.
          if (depth === 1 || !isObjectType(type)) return;
          const selected = selections.flatMap((selection) => ('name' in selection ? [selection.name.value] : []));
          if (Object.keys(type.getFields()).some((name) => !selected.includes(name))) isWhole = false;
        },
        leave() {
          depth -= 1;
        },
      },
    }),
  );
  return isWhole;
}
