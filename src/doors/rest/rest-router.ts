import createRouter from 'find-my-way';
import type { RestFileRoute, RestMethod, RestStreamRoute } from '../../rest/route.js';
import type { SendFile } from '../compressed-file.js';
import { originForm } from '../request-target.js';
import type { Endpoint } from './exchange.js';
import { Unreadable } from './request-body.js';
import { BASE_PATH, toColonPath } from './sofa-operations.js';

/** A fixed answer of the REST door, such as a page, which no operation gives. */
export interface StaticAnswer {
  readonly path: string;
  readonly send: SendFile;
}

/** The handlers of a path and method. With both an operation and a stream, a query parameter selects one. */
export interface RouteTarget {
  readonly operation?: Endpoint;
  readonly stream?: Endpoint<RestStreamRoute>;
  readonly file?: Endpoint<RestFileRoute>;
  readonly answer?: StaticAnswer;
}

export interface FoundRoute {
  readonly target: RouteTarget;
  readonly pathParameters: Readonly<Record<string, string | undefined>>;
  readonly query: string;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const satisfies readonly RestMethod[];
/** Registered for each method that a path does not have. */
const NO_METHOD: RouteTarget = {};
/** A longer path parameter is answered with 404. An id has 36 characters, each of which may be percent-encoded as three. */
const MAX_PARAMETER_LENGTH = 500;

/** Finds the route of a request. @throws Unreadable 404 for an unknown path, 405 for a method that the path does not have */
export type FindRoute = (method: string, url: string) => FoundRoute;

export function createRestRouter(
  operations: readonly Endpoint[],
  streams: readonly Endpoint<RestStreamRoute>[],
  files: readonly Endpoint<RestFileRoute>[],
  answers: readonly StaticAnswer[],
): FindRoute {
  const targets = new Map<string, { method: RestMethod; path: string; target: RouteTarget }>();
  const add = (method: RestMethod, path: string, target: RouteTarget) => {
    const key = `${method} ${path}`;
    const known = targets.get(key)?.target;
    if (known && Object.keys(target).some((kind) => kind in known)) throw new Error(`Two REST routes are ${key}`);
    targets.set(key, { method, path, target: { ...known, ...target } });
  };
  for (const answer of answers) add('GET', answer.path, { answer });
  for (const endpoint of operations) {
    const { method, path } = endpoint.operation.route;
    add(method, `${BASE_PATH}${path}`, { operation: endpoint });
  }
  for (const endpoint of streams) {
    const { method, path, beside } = endpoint.operation.route;
    add(method, `${BASE_PATH}${path}`, { stream: endpoint });
    if (beside) add(method, `${BASE_PATH}${beside.path}`, { stream: endpoint });
  }
  for (const endpoint of files) {
    const { method, path, beside } = endpoint.operation.route;
    add(method, `${BASE_PATH}${path}`, { file: endpoint });
    if (beside !== undefined) add(method, `${BASE_PATH}${beside}`, { file: endpoint });
  }

  const router = createRouter({
    ignoreTrailingSlash: true,
    maxParamLength: MAX_PARAMETER_LENGTH,
    // The query is parsed later, and only for operations that have query parameters.
    querystringParser: (text) => text,
  });
  for (const { method, path, target } of targets.values()) {
    router.on(method, toColonPath(path), nothing, target);
  }
  // Otherwise `PUT /users/me` would match `PUT /users/{user_id}`, and change the user with the id "me".
  const paths = new Set([...targets.values()].map(({ path }) => path).filter((path) => !path.includes('{')));
  for (const path of paths) {
    for (const method of METHODS) {
      if (!targets.has(`${method} ${path}`)) router.on(method, path, nothing, NO_METHOD);
    }
  }

  return (method, url) => {
    const target = originForm(url);
    const find = (candidate: RestMethod) => {
      const found = router.find(candidate, target);
      return found?.store === NO_METHOD ? null : found;
    };
    const found = find(method === 'HEAD' ? 'GET' : (method as RestMethod));
    if (found) {
      const route = found.store as RouteTarget;
      if (method !== 'HEAD' || takesHead(route)) {
        return {
          target: route,
          pathParameters: found.params,
          query: found.searchParams as unknown as string,
        };
      }
    }
    const allowed = METHODS.flatMap((candidate) => {
      const store = find(candidate)?.store as RouteTarget | undefined;
      if (store === undefined) return [];
      return candidate === 'GET' && takesHead(store) ? ['GET', 'HEAD'] : [candidate];
    });
    if (allowed.length === 0) throw new Unreadable(404, 'Not found');
    throw new Unreadable(405, 'Method not allowed', { allow: allowed.join(', ') });
  };
}

const nothing = () => undefined;

/** Whether HEAD is answered like GET, without the body. */
function takesHead({ operation, stream, file }: RouteTarget): boolean {
  return stream === undefined && file === undefined && operation?.operation.route.navigation === undefined;
}
