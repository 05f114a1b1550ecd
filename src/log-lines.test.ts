import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const GUIDE = readFileSync(`${ROOT}docs/operations.md`, 'utf8');

/** The texts of lines of level error: those of the calls, and those that a call is handed. */
const TEXTS = [
  /\blog(?:ger)?\.error\(\s*\{[^}]*(?:\}[^}']*)?\},\s*'([^']+)'/g,
  /^ +logged: '([^']+)'/gm,
  /'(the end of a reply cannot be stored[^']+|a reply that another instance ended cannot be settled)'/g,
];

describe('the guide for operators', () => {
  it('lists every line of level error', () => {
    const files = globSync('src/**/*.ts', { cwd: ROOT }).filter((file) => !file.endsWith('.test.ts'));
    const sources = files.map((file) => readFileSync(`${ROOT}${file}`, 'utf8'));
    const texts = TEXTS.flatMap((text) =>
      sources.flatMap((source) => [...source.matchAll(text)].map(([, found]) => found)),
    );
    // As many as there are calls, but for those whose text is a variable: three of a handed one, and Apollo Server's.
    const calls = sources.flatMap((source) => [...source.matchAll(/\blog(?:ger)?\.error\(/g)]);
    expect(texts.length).toBeGreaterThanOrEqual(calls.length);
    expect(texts.filter((text) => !GUIDE.includes(`\`${text ?? ''}\``))).toEqual([]);
  });
});
