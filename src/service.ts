import { existsSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import type { Logger } from 'pino';
import { Unavailable } from './kernel/errors.js';
import { StartupError } from './kernel/startup-error.js';
import type { App } from './app.js';
import { ConfigError, readConfig, type Config } from './config.js';
import { forgetLists } from './config/secret-strength.js';
import { giveMemoryBack } from './give-memory-back.js';
import { createLog } from './log.js';

/** What a start leaves to do in the background is done by then. */
const SETTLED_MS = 1_500;

// Variables that are already set win over .env.
if (existsSync('.env')) process.loadEnvFile('.env');
const config = configOrExit();
forgetLists();
const log = createLog(config);
log.info({}, 'starting');

// A promise that fails while nobody waits for it is a defect, but no request depends on it: it is no reason to end them all.
process.on('unhandledRejection', (error) => {
  log.error({ err: error }, 'something failed that nobody waited for');
});

// For an operator who looks for a fault: everything that there is to say, until the next signal.
process.on('SIGUSR2', () => {
  log.level = log.level === 'debug' ? config.logLevel : 'debug';
  log.info({ to: log.level }, 'the level of the log was changed');
});

let app: App | undefined;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    stop(signal);
  });
}

try {
  // Imported here, since loading all packages takes seconds, and the log should not be silent meanwhile.
  const { startApp } = await import('./app.js');
  app = await startApp(config, log);
  setTimeout(settle, SETTLED_MS, app).unref();
} catch (error) {
  exitWith(error, 'the service could not start');
}

/** Between requests, none of which should wait for it. */
function settle(started: App): void {
  void started.idle().then(() => {
    // Now, since a process that is killed later would keep nothing.
    flushCompileCache();
    giveMemoryBack();
  });
}

/** Before the service has started there is nobody to wait for: that it ends at once is provided for, as a crash is. */
function stop(signal: 'SIGTERM' | 'SIGINT'): void {
  if (app === undefined) process.exit(signal === 'SIGTERM' ? 143 : 130);
  log.info({ signal }, 'shutting down: no new requests; running ones may end');
  app.close(signal === 'SIGTERM').then(
    () => {
      log.info('shut down');
      process.exit(0);
    },
    (error: unknown) => {
      exitWith(error, 'shutting down failed');
    },
  );
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

/** Prints one line for faults that an operator can mend; any other error is a defect, and is printed with its stack. */
function exitWith(error: unknown, message: string): never {
  const explanation = explain(error, message);
  (log satisfies Logger).fatal(explanation === undefined ? { err: error } : {}, explanation ?? message);
  process.exit(1);
}

/** A fault of the settings, of a server, or of what the operating system answered (a full disk, a folder that is read-only). */
function explain(error: unknown, message: string): string | undefined {
  if (error instanceof StartupError) return error.message;
  if (error instanceof Unavailable) {
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    return `${message}: ${error.message}${cause}`;
  }
  return error instanceof Error && 'syscall' in error ? `${message}: ${error.message}` : undefined;
}
