import { settingsIn } from '../../src/config/setting.js';
import { allSettings } from '../../src/config/topics.js';

const known = new Set(
  settingsIn(allSettings).flatMap(({ name, isSecret }) => (isSecret ? [name, `${name}_FILE`] : [name])),
);

/** Those of the names that no setting of the service has. */
export function unknownSettings(names: Iterable<string>): string[] {
  return [...names].filter((name) => !known.has(name));
}
