import { z } from 'zod';
import { settingsIn, type Setting, type Topic } from './setting.js';

const WIDTH = 120;

const HEADER = comment(
  'Copy to .env: `npm start`, `npm run dev` and `docker compose` read it. Each line shows the default of a setting, or an example where there is none; an empty value counts as not set. In place of a setting that holds a secret, its name with _FILE names a file that holds it. Outside production the service needs none of them.',
);

/** The text of `.env.example`: every setting with its description, commented out. `npm run schema` writes it. */
export function envExample(topics: readonly Topic[]): string {
  return [HEADER, ...topics.map(section)].join('\n');
}

function section({ title, settings }: Topic): string {
  return `${heading(title)}${settingsIn(settings).map(entry).join('')}`;
}

function heading(title: string): string {
  return `${`# --- ${title} `.padEnd(WIDTH, '-')}\n`;
}

function entry(setting: Setting<unknown>): string {
  const meaning = [setting.description, limitsOf(setting.schema), setting.isSecret ? `Or ${setting.name}_FILE.` : '']
    .filter((part) => part !== '')
    .join(' ');
  return `${comment(meaning)}# ${setting.name}=${setting.example ?? setting.default ?? ''}\n`;
}

/** The range of a number or the choices of an enum, taken from the setting's schema. */
function limitsOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodEnum) return `One of ${schema.options.join(', ')}.`;
  if (schema instanceof z.ZodNumber) return `From ${schema.minValue ?? '-∞'} to ${schema.maxValue ?? '∞'}.`;
  return '';
}

/** Wraps a text into lines that begin with `# `. */
function comment(text: string): string {
  const lines = text.split(' ').reduce<string[]>((done, word) => {
    const line = `${done.at(-1) ?? '#'} ${word}`;
    return line.length <= WIDTH ? [...done.slice(0, -1), line] : [...done, `# ${word}`];
  }, []);
  return `${lines.join('\n')}\n`;
}
