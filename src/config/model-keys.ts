import type { ModelDeclaration } from '../features/chat/models/model-settings.js';
import { isOpen, readNamedKeys, type NamedKeys } from './named-keys.js';
import type { Environment } from './setting.js';

/** Reads the key of each model. */
export function readModelKeys(
  models: readonly ModelDeclaration[],
  environment: Environment,
  production: boolean,
): NamedKeys {
  return readNamedKeys('MODELS', models, environment, production, ({ name, baseUrl }) =>
    production && baseUrl !== undefined && isOpen(baseUrl)
      ? [`MODELS: the baseUrl of ${name} must be an https: URL in production, since its key is sent there`]
      : [],
  );
}
