import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { StartupError } from './kernel/startup-error.js';
import { startApp } from './app.js';
import { ConfigError, readConfig, type Config } from './config.js';
import { createLog } from './log.js';

// Variables that are already set win over .env.
if (existsSync('.env')) process.loadEnvFile('.env');
const config = configOrExit();
const log = createLog(config);

try {
  const app = await startApp(config, log);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'shutting down: no new requests; running ones may end');
      app.close().then(
        () => {
          log.info('shut down');
          process.exit(0);
        },
        (error: unknown) => {
          exitWith(error, 'shutting down failed');
        },
      );
    });
  }
} catch (error) {
  exitWith(error, 'the service could not start');
}

function configOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // There is no log yet, since its level is one of the settings.
    console.error(error.message);
    process.exit(1);
  }
}

/** Prints the message only for faults that an operator can fix; any other error is a defect, and is printed with its stack. */
function exitWith(error: unknown, message: string): never {
  const isForOperator = error instanceof StartupError || isAddressFault(error);
  (log satisfies Logger).fatal(isForOperator ? {} : { err: error }, isForOperator ? error.message : message);
  process.exit(1);
}

function isAddressFault(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');
}
