import DataLoader from 'dataloader';
import type { RequestContext } from './context.js';

interface Loader<Value> {
  readonly loader: DataLoader<string, Value>;
  /** What was asked for, which is the same promise for all who ask: a list often has one author in all of its rows. */
  readonly asked: Map<string, Promise<Value>>;
}
/** By the JSON of the arguments, and by themselves where all calls share them. */
type Loaders<Value> = Map<object | string, Loader<Value>>;

/** The arguments of fields that lead to a row by its id. It is frozen, as arguments are that all calls share. */
export const BY_ID = Object.freeze({ of: 'id' });

/**
 * Loads a field of many parents with one call of `load`, for all parents that are resolved together with equal arguments.
 * Results are cached for the request.
 * @param scope identifies the field; must be the same object in each call
 * @param load returns its results in the order of the keys
 */
export function batch<Value>(
  context: Pick<RequestContext, 'once'>,
  scope: object,
  args: Readonly<Record<string, unknown>>,
  key: string,
  load: (keys: readonly string[]) => Promise<readonly (Value | Error)[]>,
): Promise<Value> {
  const loaders = context.once<Loaders<Value>>(scope, newMap);
  const { loader, asked } = loaders.get(args) ?? loaderOf(loaders, args, load);
  let value = asked.get(key);
  if (value === undefined) asked.set(key, (value = loader.load(key)));
  return value;
}

const newMap = () => new Map();

function loaderOf<Value>(
  loaders: Loaders<Value>,
  args: object,
  load: (keys: readonly string[]) => Promise<readonly (Value | Error)[]>,
): Loader<Value> {
  const name = JSON.stringify(args);
  const loader = loaders.get(name) ?? {
    loader: new DataLoader(async (keys: readonly string[]) => [...(await load(keys))], { cache: false }),
    asked: new Map(),
  };
  loaders.set(name, loader);
  if (Object.isFrozen(args)) loaders.set(args, loader);
  return loader;
}
