import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';
import type { Config } from './config.js';
import { Unavailable } from './kernel/errors.js';

/** Keys of credentials, redacted wherever they appear: a second safeguard, since credentials are never logged on purpose. */
const REDACTED = ['authorization', 'password', 'accessToken', 'refreshToken', 'token', 'apiKey', 'cookie'];

/** Where what failed is foreseen, the stack would say nothing of why. */
function described(error: Error): object {
  if (!(error instanceof Unavailable)) return pino.stdSerializers.err(error);
  const cause = error.cause instanceof Error ? { cause: error.cause.message } : {};
  return { type: error.name, message: error.message, ...cause };
}

/** Maximum characters of lines that wait while they cannot be written; later ones are lost. */
const MAX_WAITING_LENGTH = 1024 * 1024;

/**
 * Standard output. Where it is a file on a full disk, or nobody reads it any more, the service goes on without its log, and
 * what waits is written once that works again. By default such a failure is an event that nobody listens for, which ends the
 * process, and the last line of a process is tried for ever.
 */
function standardOutput(): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true, maxLength: MAX_WAITING_LENGTH });
  output.on('error', () => undefined);
  // Every line is written by the call that logs it: what is left can only be what cannot be written.
  output.flushSync = () => undefined;
  return output;
}

const REDACTION: LoggerOptions = { redact: REDACTED.flatMap((key) => [key, `*.${key}`]) };
const KEYS: ReadonlySet<string> = new Set(REDACTED);

/**
 * Whether a line can hold nothing that is redacted: its values are plain, and none has such a key. Most lines are of this kind, as
 * those of the access log, and to look for a dozen paths in each costs more than to write it.
 */
function isBare(fields: unknown): boolean {
  if (typeof fields !== 'object' || fields === null || fields instanceof Error) return false;
  for (const key in fields) {
    const value = (fields as Readonly<Record<string, unknown>>)[key];
    if (KEYS.has(key) || typeof value === 'function' || (typeof value === 'object' && value !== null)) return false;
  }
  return true;
}

function jsonLog(options: LoggerOptions, output: DestinationStream): Logger {
  const bare = pino(options, output);
  const log: Logger = pino(
    {
      ...options,
      ...REDACTION,
      hooks: {
        // A child has fields of its own in each line.
        logMethod(args, method) {
          method.apply(this === log && isBare(args[0]) ? bare : this, args);
        },
      },
    },
    output,
  );
  return log;
}

/**
 * Logs to standard output: one JSON object per line, or text for people, which a terminal outside production gets by default.
 * @param output in place of standard output
 */
export function createLog(
  { logLevel, logFormat, production }: Pick<Config, 'logLevel' | 'logFormat' | 'production'>,
  output?: DestinationStream,
): Logger {
  const options: LoggerOptions = {
    level: logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: described },
  };
  if (output !== undefined) return jsonLog(options, output);
  const isPretty = logFormat === undefined ? process.stdout.isTTY && !production : logFormat === 'pretty';
  if (!isPretty) return jsonLog(options, standardOutput());
  const readable = { ignore: 'pid,hostname', translateTime: 'HH:MM:ss' };
  return pino({ ...options, ...REDACTION, transport: { target: 'pino-pretty', options: readable } });
}
