import { z } from 'zod';

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

  constructor(name: string, schema: z.ZodType<T>, texts: SettingTexts) {
    this.name = name;
    this.schema = schema;
    this.description = texts.description;
    this.default = texts.default;
    this.example = texts.example;
  }
}

interface SettingTexts {
  readonly description: string;
  readonly default?: string;
  readonly example?: string;
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

/** All settings of a tree, in order of declaration. */
export function settingsIn(tree: SettingTree): Setting<unknown>[] {
  return Object.values(tree).flatMap((entry) => (entry instanceof Setting ? [entry] : settingsIn(entry)));
}

/**
 * Reads the variables of a tree's settings. An empty variable counts as not set.
 * @returns the values, or every fault as `NAME: message`
 */
export function readSettings<Tree extends SettingTree>(
  tree: Tree,
  environment: Environment,
): { readonly values: ValuesOf<Tree> } | { readonly faults: readonly string[] } {
  const settings = settingsIn(tree);
  const schema = z.object(Object.fromEntries(settings.map((setting) => [setting.name, setting.schema])));
  const parsed = schema.safeParse(
    Object.fromEntries(settings.map((setting) => [setting.name, textOf(setting, environment)])),
  );
  if (parsed.success) return { values: assemble(tree, parsed.data) as ValuesOf<Tree> };
  return { faults: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) };
}

function textOf(setting: Setting<unknown>, environment: Environment): string | undefined {
  const text = environment[setting.name];
  return text === undefined || text.trim() === '' ? setting.default : text;
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
