import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { settingsIn } from './config/setting.js';
import { allSettings } from './config/topics.js';

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

  const named = (pattern: RegExp) => [...new Set([...GUIDE.matchAll(pattern)].map(([, name = '']) => name))];
  const read = (file: string) => readFileSync(`${ROOT}${file}`, 'utf8');

  it('names settings and values of enums that there are', () => {
    const settings = settingsIn(allSettings).map(({ name }) => name);
    const values = [...read('schema/schema.graphql').matchAll(/^ {2}([A-Z_]+)$/gm)].map(([, value]) => value);
    const known = new Set([...settings, ...values]);
    const names = named(/\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b(?!…)/g);
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  /** The table of what admins do, and by which operations. */
  const [table = ''] = /\| What .*?\n\n/s.exec(GUIDE) ?? [];

  it('names every command, and no other', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: object };
    expect(named(/npm run ([\w:]+)/g).filter((name) => !(name in scripts))).toEqual([]);
    const sources = globSync('src/command-line/*commands.ts', { cwd: ROOT }).map(read).join('');
    const declared = new Set([...sources.matchAll(/(?:command\(|^ {4}name: )'([a-z-]+)/gm)].map(([, name]) => name));
    const ofAdmins = table.split('\n').flatMap(
      (row) =>
        row
          .split('|')
          .at(-2)
          ?.match(/(?<=`)[a-z-]+(?=`)/g) ?? [],
    );
    const names = [...named(/npm run admin -- ([a-z-]+)/g), ...ofAdmins];
    expect(names.length).toBeGreaterThan(10);
    expect([...new Set(names)].sort()).toEqual([...declared].sort());
  });

  it('lists every figure', () => {
    const source = read('src/adapters/prometheus/prometheus-metrics.ts');
    const figures = [...source.matchAll(/'(flynkle_\w+)'/g)].map(([, name = '']) => name);
    expect(figures.length).toBeGreaterThan(15);
    expect(named(/^\| `(flynkle_\w+)`/gm).sort()).toEqual(figures.sort());
  });

  it('names operations and routes that there are', () => {
    const schema = read('schema/schema.graphql');
    const operations = [...table.matchAll(/`([a-z]+[A-Z]\w+)`/g)].map(([, name = '']) => name);
    expect(operations.length).toBeGreaterThan(10);
    expect(operations.filter((name) => !new RegExp(`^  ${name}\\b`, 'm').test(schema))).toEqual([]);
    const { paths } = JSON.parse(read('schema/openapi.json')) as { paths: Readonly<Record<string, object>> };
    const shape = (path: string) => path.replace(/^\/api\/v1/, '').replaceAll(/\{[^}]*\}/g, '{}');
    const known = new Set(Object.keys(paths).map(shape));
    const routes = named(/`(?:GET|POST|PUT|PATCH|DELETE) (\/[^`]+)`/g).filter((route) => route !== '/graphql');
    expect(routes.length).toBeGreaterThan(8);
    expect(routes.filter((route) => !known.has(shape(route)))).toEqual([]);
  });

  it('lists every alert', () => {
    const alerts = [...read('deploy/prometheus/flynkle.rules.yml').matchAll(/alert: (\w+)/g)].map(
      ([, name = '']) => name,
    );
    expect(alerts.length).toBeGreaterThan(5);
    expect(named(/^\| `(Flynkle\w+)`/gm).sort()).toEqual(alerts.sort());
  });
});
