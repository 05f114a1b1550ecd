import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const FILES = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT });

/** A document without its blocks of code. */
const prose = (file: string) => readFileSync(join(ROOT, file), 'utf8').replaceAll(/^```.*?^```$/gms, '');

/** The address that GitHub gives to a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');

describe('the documents', () => {
  it('have no link that leads nowhere', () => {
    const links = FILES.flatMap((file) =>
      [...prose(file).matchAll(/\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)]
        .filter(([, path = '']) => !/^[a-z]+:/.test(path))
        .map(([, path = '', heading]) => ({
          file,
          to: path === '' ? file : normalize(join(dirname(file), path)),
          heading,
        })),
    );
    expect(links.length).toBeGreaterThan(100);
    const isDead = ({ to, heading }: (typeof links)[number]) =>
      !existsSync(join(ROOT, to)) ||
      (heading !== undefined &&
        ![...prose(to).matchAll(/^#+ (.+)$/gm)].some(([, words = '']) => anchor(words) === heading));
    expect(links.filter(isDead)).toEqual([]);
  });

  it('have no row of a table outside of a table', () => {
    const isRow = (line: string | undefined) => line?.startsWith('|') === true;
    const tables = FILES.flatMap((file) => {
      const lines = prose(file).split('\n');
      return lines.flatMap((line, index) =>
        isRow(line) && !isRow(lines[index - 1]) ? [{ file, line, below: lines[index + 1] }] : [],
      );
    });
    expect(tables.length).toBeGreaterThan(20);
    expect(tables.filter(({ below }) => below === undefined || !/^\|[ :|-]+\|$/.test(below))).toEqual([]);
  });
});
