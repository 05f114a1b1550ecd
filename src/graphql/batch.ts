import DataLoader from 'dataloader';
import type { RequestContext } from './context.js';

type Loaders<Value> = Map<string, DataLoader<string, Value>>;

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
  const loaders = context.once<Loaders<Value>>(scope, () => new Map());
  const name = JSON.stringify(args);
  let loader = loaders.get(name);
  if (loader === undefined) {
    loader = new DataLoader(async (keys: readonly string[]) => [...(await load(keys))]);
    loaders.set(name, loader);
  }
  return loader.load(key);
}
