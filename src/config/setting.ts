import { readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';
import { codeOf } from '../kernel/error-code.js';

/** Settings are declared once each; parsing, the type Config and `.env.example` are derived from the declarations. */

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The declaration of one setting. */
export class Setting<T> {
  /** The name of the environment variable. */
  readonly name: string;
  /** Parses the variable's text. */
  readonly schema: z.ZodType<T>;
  /** The meaning, with the unit. `.env.example` adds ranges and choices, which it takes from the schema. */
  readonly description: string;
  /** The text that is parsed when the variable is not set. */
  readonly default: string | undefined;
  /** The value in `.env.example` when there is no default. Secrets have none. */
  readonly example: string | undefined;
  /** Whether `<name>_FILE` may name a file that holds the text: what other users must not see is no environment variable. */
  readonly isSecret: boolean;

  constructor(name: string, schema: z.ZodType<T>, texts: SettingTexts) {
    this.name = name;
    this.schema = schema;
    this.description = texts.description;
    this.default = texts.default;
    this.example = texts.example;
    this.isSecret = texts.secret === true;
  }
}

interface SettingTexts {
  readonly description: string;
  readonly default?: string;
  readonly example?: string;
  readonly secret?: boolean;
}

/** Settings by their keys in Config. */
export interface SettingTree {
  readonly [key: string]: Setting<unknown> | SettingTree;
}

/** Settings that form a section of `.env.example`. */
export interface Topic {
  readonly title: string;
  readonly settings: SettingTree;
}

/** The type of a tree's values. */
export type ValuesOf<Tree> = {
  readonly [Key in keyof Tree]: Tree[Key] extends Setting<infer T> ? T : ValuesOf<Tree[Key]>;
};

/** A setting that always has a value. */
export function withDefault<T>(
  name: string,
  schema: z.ZodType<T>,
  texts: SettingTexts & { readonly default: string },
): Setting<T> {
  return new Setting(name, schema, texts);
}

/** A setting whose value is undefined when its variable is not set. */
export function optional<T>(
  name: string,
  schema: z.ZodType<T>,
  texts: Omit<SettingTexts, 'default'>,
): Setting<T | undefined> {
  return new Setting(name, schema.optional(), texts);
}

/** An optional setting that holds a secret. */
export function secret<T>(
  name: string,
  schema: z.ZodType<T>,
  texts: Omit<SettingTexts, 'default' | 'secret'>,
): Setting<T | undefined> {
  return new Setting(name, schema.optional(), { ...texts, secret: true });
}

/** All settings of a tree, in order of declaration. */
export function settingsIn(tree: SettingTree): Setting<unknown>[] {
  return Object.values(tree).flatMap((entry) => (entry instanceof Setting ? [entry] : settingsIn(entry)));
}

export interface ReadSettings<Values> {
  /** A setting with a fault has the value of one that is not set. */
  readonly values: Values;
  /** As `NAME: message`, in the order of the settings. */
  readonly faults: readonly Fault[];
}

export interface Fault {
  /** The name of the setting. */
  readonly name: string;
  readonly text: string;
}

/** Reads the variables of a tree's settings. An empty variable counts as not set. */
export function readSettings<Tree extends SettingTree>(
  tree: Tree,
  environment: Environment,
): ReadSettings<ValuesOf<Tree>> {
  const faults: Fault[] = [];
  const values = settingsIn(tree).map((setting) => {
    const { value, faults: found } = readSetting(setting, environment);
    faults.push(...found.map((text) => ({ name: setting.name, text })));
    return [setting.name, value] as const;
  });
  return { values: assemble(tree, Object.fromEntries(values)) as ValuesOf<Tree>, faults };
}

function readSetting(setting: Setting<unknown>, environment: Environment) {
  const source = sourceOf(setting, environment);
  if ('fault' in source) return { value: setting.schema.safeParse(setting.default).data, faults: [source.fault] };
  const parsed = setting.schema.safeParse(source.text);
  if (parsed.success) return { value: parsed.data, faults: [] };
  const faults = parsed.error.issues.map(({ path, message }) => `${[source.name, ...path].join('.')}: ${message}`);
  return { value: setting.schema.safeParse(setting.default).data, faults };
}

type Source =
  | { readonly name: string; readonly text: string | undefined; readonly isDefault: boolean }
  /** As `NAME: message`. */
  | { readonly fault: string };

/** The text of a setting, and the variable that it is from. */
export function sourceOf({ name, isSecret, default: standard }: Setting<unknown>, environment: Environment): Source {
  const text = given(environment[name]);
  const fileName = `${name}_FILE`;
  const file = isSecret ? given(environment[fileName]) : undefined;
  if (file === undefined) return { name, text: text ?? standard, isDefault: text === undefined };
  if (text !== undefined) return { fault: `${name}, ${fileName}: set one of them` };
  return fileSource(fileName, file);
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text;
}

const MAX_FILE_BYTES = 65_536;

/** The line end that editors put after the last line is not part of the text. */
function fileSource(name: string, file: string): Source {
  try {
    const status = statSync(file);
    if (status.isFile() && status.size > MAX_FILE_BYTES) return { fault: `${name}: the file ${file} is too long` };
    const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    return text.trim() === '' ? { fault: `${name}: the file ${file} is empty` } : { name, text, isDefault: false };
  } catch (error) {
    const code = codeOf(error);
    const reason = typeof code === 'string' ? code : 'unreadable';
    return { fault: `${name}: the file ${file} cannot be read (${reason})` };
  }
}

/** The tree with each setting replaced by its value. */
function assemble(tree: SettingTree, values: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(
    Object.entries(tree).map(([key, entry]) => [
      key,
      entry instanceof Setting ? values[entry.name] : assemble(entry, values),
    ]),
  );
}
