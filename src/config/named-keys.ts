import { isOnThisMachine } from '../features/identity/identities/login-provider-settings.js';
import { text } from './readers.js';
import { isPlaceholder } from './secret-strength.js';
import { readSettings, secret, type Environment } from './setting.js';

/** Keys that stand in variables of their own, which a setting names: the setting can then be shown to anyone. */

export interface NamedKeys {
  /** By the name of what has the key; none where it needs none. */
  readonly keys: ReadonlyMap<string, string>;
  /** As `NAME: message`. */
  readonly faults: readonly string[];
}

/** Something of a list in a setting that may have a key. */
export interface KeyHolder {
  readonly name: string;
  /** The name of the environment variable that has the key; undefined for none. */
  readonly keyVariable: string | undefined;
}

/**
 * Reads the key of each from its variable, or from the file that `<variable>_FILE` names.
 * @param setting that has the list
 */
export function readNamedKeys<Holder extends KeyHolder>(
  setting: string,
  holders: readonly Holder[],
  environment: Environment,
  production: boolean,
  faultsWithKey: (holder: Holder) => readonly string[] = () => [],
): NamedKeys {
  const keys = new Map<string, string>();
  const faults: string[] = [];
  for (const holder of holders) {
    const { name, keyVariable } = holder;
    if (keyVariable === undefined) continue;
    const { values, faults: unread } = readSettings(
      { key: secret(keyVariable, text, { description: `The key of ${name}.` }) },
      environment,
    );
    faults.push(...unread.map((fault) => `${setting}: the key of ${name}: ${fault.text}`));
    if (values.key === undefined) {
      if (unread.length > 0) continue;
      faults.push(
        `${setting}: the key of ${name} must be in ${keyVariable} or ${keyVariable}_FILE, and neither is set`,
      );
      continue;
    }
    if (production && isPlaceholder(values.key)) {
      faults.push(
        `${setting}: the key of ${name}, in ${keyVariable}, is an example's; write the one that the provider gave you`,
      );
    }
    faults.push(...faultsWithKey(holder));
    keys.set(name, values.key);
  }
  return { keys, faults };
}

/** Whether what is sent there can be read on the way: not on this machine, nor in a network of containers, whose names have no dots. */
export function isOpen(url: string): boolean {
  return url.startsWith('http:') && !isOnThisMachine(url) && /[.:]/.test(new URL(url).hostname);
}
