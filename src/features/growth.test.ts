import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { GROWING_READS, OTHER_READS } from '../../test/support/growing-reads.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Reads of counts that are kept. */
const KEPT = ['messages.count', 'plans.holdings'];
/** What a read of a list, a search or a count has in its text. */
const READS_MANY = /ORDER BY|LIMIT|\bcount\(\*\)|\.count\(|findMany\(|(?:search|count)_messages/;

/** The methods and functions of a repository's file that read many rows. */
function readsIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isMethodDeclaration(node) || ts.isFunctionDeclaration(node)) && node.body && node.name) {
      if (READS_MANY.test(node.body.getText()))
        found.push(`${basename(file, '.repository.ts')}.${node.name.getText()}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe('the reads of lists', () => {
  it('are all compared at 1,000 messages and at many, or bounded by what they read', async () => {
    const found: string[] = [];
    for await (const file of glob('src/features/**/*.repository.ts', { cwd: ROOT }))
      found.push(...readsIn(join(ROOT, file)));
    const known = new Set([...GROWING_READS.map(({ of }) => of), ...Object.keys(OTHER_READS), ...KEPT]);
    expect([...new Set([...found, ...KEPT])].sort()).toEqual([...known].sort());
  });
});
