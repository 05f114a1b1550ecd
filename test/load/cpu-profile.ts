import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SAMPLING_US, type CallFrame, type CpuProfile } from '../support/inspector.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A function of the sources, as the bundle's maps say where it came from. */
export interface Frame {
  readonly name: string;
  /** File and line, relative to the repository. */
  readonly place: string;
  /** A package, `node`, an area of src, or what V8 does beside. */
  readonly part: string;
}

/** Calls from the outside in, with the microseconds in each and below. */
export interface CallTree extends Frame {
  readonly selfUs: number;
  readonly totalUs: number;
  readonly children: readonly CallTree[];
}

export function callTree(profile: CpuProfile): CallTree {
  const spent = new Map<number, number>();
  profile.samples.forEach((id, index) => {
    // The time since the sample before; a longer one is that of another process, which had the core meanwhile.
    const us = Math.min(Math.max(0, profile.timeDeltas[index] ?? 0), 2 * SAMPLING_US);
    spent.set(id, (spent.get(id) ?? 0) + us);
  });
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const frameOf = frames();
  const build = (ids: readonly number[]): CallTree[] => {
    // Calls of one function from different lines are one.
    const groups = Map.groupBy(
      ids.flatMap((id) => nodes.get(id) ?? []),
      ({ callFrame }) => Object.values(frameOf(callFrame)).join(' '),
    );
    return [...groups.values()].map((group) => {
      const selfUs = group.reduce((sum, { id }) => sum + (spent.get(id) ?? 0), 0);
      const children = build(group.flatMap(({ children = [] }) => children));
      const totalUs = children.reduce((sum, child) => sum + child.totalUs, selfUs);
      const [first] = group;
      if (first === undefined) throw new Error('a group has members');
      return { ...frameOf(first.callFrame), selfUs, totalUs, children: children.sort(byTotal) };
    });
  };
  const [root] = build(profile.nodes.slice(0, 1).map(({ id }) => id));
  if (root === undefined) throw new Error('the profile is empty');
  // Waiting is no work.
  const children = root.children.filter(({ name }) => name !== '(idle)');
  return { ...root, children, totalUs: children.reduce((sum, child) => sum + child.totalUs, 0) };
}

const byTotal = (one: CallTree, other: CallTree) => other.totalUs - one.totalUs;

/** Microseconds of their own, by function or by part, the largest first. */
export function selfTimes(tree: CallTree, by: (frame: Frame) => string): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>();
  const walk = (node: CallTree) => {
    const key = by(node);
    sums.set(key, (sums.get(key) ?? 0) + node.selfUs);
    node.children.forEach(walk);
  };
  tree.children.forEach(walk);
  return [...sums].sort(([, one], [, other]) => other - one);
}

/** Finds functions in the sources. */
export function frames(): (frame: CallFrame) => Frame {
  const maps = new Map<string, SourceMap | undefined>();
  const mapOf = (file: string) => {
    if (!maps.has(file)) {
      const map = `${file}.map`;
      maps.set(file, existsSync(map) ? new SourceMap(JSON.parse(readFileSync(map, 'utf8')) as never) : undefined);
    }
    return maps.get(file);
  };
  return ({ functionName, url, lineNumber, columnNumber }) => {
    const name = functionName === '' ? '(anonymous)' : functionName;
    if (url.startsWith('node:')) return { name, place: url, part: 'node' };
    if (!url.startsWith('file:')) return { name, place: '', part: name.startsWith('(') ? name : 'node' };
    const file = fileURLToPath(url);
    const entry = mapOf(file)?.findEntry(lineNumber, columnNumber);
    const source =
      entry !== undefined && 'originalSource' in entry ? resolve(dirname(file), entry.originalSource) : file;
    const line = entry !== undefined && 'originalLine' in entry ? entry.originalLine : lineNumber;
    const place = relative(ROOT, source);
    return { name, place: `${place}:${line + 1}`, part: partOf(place) };
  };
}

function partOf(place: string): string {
  const [, last] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(place) ?? [];
  if (last !== undefined) return last;
  return /^src\/(?:features\/[^/]+\/[^/]+|adapters\/[^/]+|[^/]+)/.exec(place)?.[0] ?? place;
}
