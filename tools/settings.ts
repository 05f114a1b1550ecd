// Writes .env.example from the declarations in src/config/. With --check it writes nothing, and fails when the file differs, or
// when the settings section of the README names a setting that does not exist.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { envExample } from '../src/config/env-example.js';
import { settingsIn } from '../src/config/setting.js';
import { allSettings, topics } from '../src/config/topics.js';

const pathOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const read = (name: string) => readFileSync(pathOf(name), 'utf8');

const text = envExample(topics);
if (process.argv.includes('--check')) {
  const faults = [...difference(), ...unknownNames()];
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
} else {
  writeFileSync(pathOf('.env.example'), text);
}

function difference(): string[] {
  return read('.env.example') === text
    ? []
    : ['.env.example differs from the code: run "npm run schema" and commit it.'];
}

function unknownNames(): string[] {
  const known = new Set(settingsIn(allSettings).map(({ name }) => name));
  const section = /^## Settings$(.*?)^## /ms.exec(read('README.md'))?.[1] ?? '';
  const named = Array.from(section.matchAll(/`([A-Z][A-Z0-9_]+)`/g), ([, name = '']) => name);
  if (named.length === 0) return ['README.md has no section "Settings" that names any.'];
  return named
    .filter((name) => !known.has(name))
    .map((name) => `README.md names a setting that does not exist: ${name}`);
}
