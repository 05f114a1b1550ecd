import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RECORD = 'docs/decisions/0016-prisma-client-or-sql.md';

/** Names of methods; the record writes `every method` for a repository that has only one kind. */
interface Access {
  readonly sql: readonly string[] | 'every method';
  readonly prisma: readonly string[] | 'every method';
}

/** The methods and functions of a repository file whose text uses `.query`, `.lists` or `prisma`, and its shared reads, which are SQL. */
function accessIn(file: string) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const access = { sql: [] as string[], prisma: [] as string[] };
  const visit = (node: ts.Node): void => {
    if ((ts.isMethodDeclaration(node) || ts.isFunctionDeclaration(node)) && node.name !== undefined) {
      if (/\.(?:query|lists)\b/.test(node.getText())) access.sql.push(node.name.getText());
      if (/\bprisma\b/.test(node.getText())) access.prisma.push(node.name.getText());
    }
    if (ts.isBinaryExpression(node) && ts.isPropertyAccessExpression(node.left)) {
      if (/\.sharedRead\b/.test(node.right.getText())) access.sql.push(node.left.name.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return access;
}

/** The access that the decision record's table lists for each repository. */
function recordedAccess(): ReadonlyMap<string, Access> {
  const rows = readFileSync(join(ROOT, RECORD), 'utf8').matchAll(/^\| ([a-z][a-z-]*) +\| (.+?) +\| (.+?) +\| .+ \|$/gm);
  const namesIn = (cell = '') =>
    cell.trim() === 'every method' ? 'every method' : [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
  return new Map([...rows].map(([, name = '', sql, prisma]) => [name, { sql: namesIn(sql), prisma: namesIn(prisma) }]));
}

describe('the choice between Prisma Client and SQL', () => {
  it(`is, for each method of each repository, what ${RECORD} says`, async () => {
    const recorded = recordedAccess();
    const found = new Map<string, Access>();
    for await (const file of glob('src/features/**/*.repository.ts', { cwd: ROOT })) {
      const name = basename(file, '.repository.ts');
      const { sql, prisma } = accessIn(join(ROOT, file));
      const record = recorded.get(name);
      found.set(name, {
        sql: record?.sql === 'every method' && sql.length > 0 ? 'every method' : sql,
        prisma: record?.prisma === 'every method' && prisma.length > 0 ? 'every method' : prisma,
      });
    }
    expect(found.size).toBeGreaterThan(0);
    const sorted = (map: ReadonlyMap<string, Access>) => Object.fromEntries([...map].sort());
    expect(sorted(found)).toEqual(sorted(recorded));
  });

  it('is made in repositories alone', async () => {
    const others: string[] = [];
    for await (const file of glob('src/features/**/*.ts', { cwd: ROOT })) {
      if (/\.(repository|test)\.ts$/.test(file)) continue;
      if (/\.prisma\.|(database|sql)\.query\b/i.test(readFileSync(join(ROOT, file), 'utf8'))) others.push(file);
    }
    expect(others).toEqual([]);
  });
});
