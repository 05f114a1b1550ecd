import { inconsistencies } from './config/consistency.js';
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
  const read = readSettings(allSettings, environment);
  if ('faults' in read) throw new ConfigError(read.faults);
  const faults = inconsistencies(read.values);
  if (faults.length > 0) throw new ConfigError(faults);
  return complete(read.values);
}

/** Adds values that are derived from several settings. */
function complete({ environment, ...settings }: Settings) {
  const production = environment === 'production';
  return {
    ...settings,
    production,
    /** The address to listen on. */
    host: settings.host ?? (production ? '::' : 'localhost'),
    /** The first administrator. */
    admin: adminOf(settings.admin),
    webAuthn: { ...settings.webAuthn, rpId: relyingPartyOf(settings) },
    mail: { ...settings.mail, from: settings.mail.from ?? DEFAULT_MAIL_FROM },
    uploads: { ...settings.uploads, s3: s3Of(settings.uploads.s3) },
  };
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
