import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
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

  it('say of each decision its number, when it was taken, whether it holds, and what follows from it', () => {
    const decisions = FILES.filter((file) => file.startsWith('docs/decisions/'));
    expect(decisions.length).toBeGreaterThan(60);
    const isWhole = (file: string) => {
      const number = Number(/\d{4}/.exec(file)?.[0]).toString();
      const head = new RegExp(
        `^# ${number}\\. .+\\n\\n- Date: \\d{4}-\\d\\d-\\d\\d.*\\n- Status: (?:Accepted|Superseded by)\\b`,
      );
      return head.test(prose(file)) && /^## Context$.*^## Decision$.*^## Consequences$/ms.test(prose(file));
    };
    expect(decisions.filter((file) => !isWhole(file))).toEqual([]);
  });

  it('draw every feature, and no other', () => {
    const house = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
    for (const wing of ['chat', 'identity', 'operations']) {
      const [, drawn = ''] = new RegExp(`\\[${wing}: ([^\\]]+)\\]`).exec(house) ?? [];
      expect(drawn.split(', ').sort()).toEqual(readdirSync(join(ROOT, 'src/features', wing)).sort());
    }
  });
});
