import { inconsistencies } from './config/consistency.js';
import { readModelKeys } from './config/model-keys.js';
import { readNamedKeys, type NamedKeys } from './config/named-keys.js';
import type { ModelDeclaration } from './features/chat/models/model-settings.js';
import { relyingPartyOf } from './config/relying-party.js';
import { readSettings, type Environment } from './config/setting.js';
import { allSettings, type Settings } from './config/topics.js';

/** Reads the settings from the environment, once, at start; no other file does. Each is declared in src/config/. */

export type { Environment };

const DEFAULT_MAIL_FROM = 'Flynkle <no-reply@localhost>';

/** The settings as the program uses them. */
export type Config = Readonly<ReturnType<typeof complete>>;

/** The settings do not allow a start. The message lists every fault, one per line. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      `The settings have ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}

/**
 * Reads the settings. An empty variable counts as not set.
 * @throws ConfigError with every fault
 */
export function readConfig(environment: Environment): Config {
  const { values, faults } = readSettings(allSettings, environment);
  // What follows from a setting that could not be read is no fault of its own.
  const unread = new Set(faults.map(({ name }) => name));
  const others = inconsistencies(values).filter((fault) => !namesIn(fault).some((name) => unread.has(name)));
  const production = values.environment === 'production';
  const ofModels = readModelKeys(values.model.declared ?? [], environment, production);
  const ofServers = readNamedKeys('MCP_SERVERS', values.tools.servers ?? [], environment, production);
  const all = [...faults.map(({ text }) => text), ...others, ...ofModels.faults, ...ofServers.faults];
  if (all.length > 0) throw new ConfigError(all);
  return complete(values, { models: ofModels.keys, servers: ofServers.keys });
}

/** The settings that a fault is about: it begins with them. */
function namesIn(fault: string): string[] {
  return fault.slice(0, fault.indexOf(':')).split(', ');
}

type Keys = Readonly<Record<'models' | 'servers', NamedKeys['keys']>>;

/** Adds values that are derived from several settings. */
function complete({ environment, ...settings }: Settings, keys: Keys) {
  const production = environment === 'production';
  return {
    ...settings,
    production,
    models: modelsOf(settings.model, keys.models, production),
    toolServers: (settings.tools.servers ?? []).map((server) => ({ ...server, key: keys.servers.get(server.name) })),
    /** The address to listen on. */
    host: settings.host ?? (production ? '::' : 'localhost'),
    /** The first administrator. */
    admin: adminOf(settings.admin),
    webAuthn: { ...settings.webAuthn, rpId: relyingPartyOf(settings) },
    mail: { ...settings.mail, from: settings.mail.from ?? DEFAULT_MAIL_FROM },
    uploads: { ...settings.uploads, s3: s3Of(settings.uploads.s3) },
  };
}

/** A model with all that its adapter needs. */
export interface ConfiguredModel extends ModelDeclaration {
  readonly apiKey: string | undefined;
  /** What answers: its provider, or where there is none a stand-in or nothing. */
  readonly status: 'configured' | 'offline' | 'missing';
}

/** The models of MODELS, or the one of OPENAI_MODEL. An OpenAI-compatible server may need no key, so OPENAI_BASE_URL alone selects it. */
function modelsOf(
  { declared, apiKey, baseUrl, name, contextTokens, maxReplyTokens }: Settings['model'],
  keys: NamedKeys['keys'],
  production: boolean,
): readonly [ConfiguredModel, ...ConfiguredModel[]] {
  const [first, ...others] = (declared ?? []).map((model): ConfiguredModel => ({
    ...model,
    apiKey: keys.get(model.name),
    status: 'configured',
  }));
  if (first !== undefined) return [first, ...others];
  const isConfigured = apiKey !== undefined || baseUrl !== undefined;
  const only: ConfiguredModel = {
    name: isConfigured || production ? name : 'offline',
    id: name,
    baseUrl,
    keyVariable: undefined,
    apiKey,
    contextTokens,
    maxReplyTokens,
    takesImages: false,
    takesTools: true,
    price: null,
    plans: null,
    fallback: null,
    isDefault: true,
    status: isConfigured ? 'configured' : production ? 'missing' : 'offline',
  };
  return [only];
}

function adminOf({ email, password }: Settings['admin']) {
  return email === undefined || password === undefined ? undefined : { email, password };
}

/** Undefined when files are kept in a folder of `DATA_DIR`. */
function s3Of({ endpoint, accessKey, secretKey, bucket, useSsl }: Settings['uploads']['s3']) {
  if (endpoint === undefined || accessKey === undefined || secretKey === undefined || bucket === undefined) {
    return undefined;
  }
  return { endpoint, accessKey, secretKey, bucket, useSsl };
}
