import type { HeldSetting } from '../kernel/installation.js';
import { settingsIn, sourceOf, type Environment, type Setting } from './setting.js';
import { allSettings } from './topics.js';

/**
 * Every setting with its text and where that is from, in the order of `.env.example`.
 * @param fromFile the variables that `.env` has set
 */
export function heldSettings(environment: Environment, fromFile: ReadonlySet<string>): readonly HeldSetting[] {
  return settingsIn(allSettings).map((setting) => {
    const source = sourceOf(setting, environment);
    if ('fault' in source) return { name: setting.name, value: null, source: source.fault };
    const { text } = source;
    const value = text === undefined ? null : setting.isSecret ? masked(text) : text;
    return { name: setting.name, value, source: originOf(setting, source, environment, fromFile) };
  });
}

function originOf(
  setting: Setting<unknown>,
  { name, isDefault }: { readonly name: string; readonly isDefault: boolean },
  environment: Environment,
  fromFile: ReadonlySet<string>,
): string {
  if (isDefault) return setting.default === undefined ? 'not set' : 'default';
  const place = fromFile.has(name) ? '.env' : 'environment';
  return name === setting.name ? place : `${place}: the file ${environment[name] ?? ''}`;
}

/** A URL is shown without user, password and query; any other text is not. */
function masked(text: string): string {
  if (!URL.canParse(text)) return '(set)';
  const { protocol, host, pathname, username } = new URL(text);
  return `${protocol}//${username === '' ? '' : '***@'}${host}${pathname}`;
}
