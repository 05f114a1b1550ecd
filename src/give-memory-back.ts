import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** V8's function of `--expose-gc`. */
type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Has V8 give back what a start took and nothing needs any more: garbage, and the room for young objects, which has grown to the
 * largest that it may be, and would stay so until the memory is short. It stops everything for a tenth of a second.
 */
export function giveMemoryBack(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
