import { pino, type Logger } from 'pino';
import type { Config } from './config.js';

/** Keys of credentials, redacted wherever they appear: a second safeguard, since credentials are never logged on purpose. */
const REDACTED = ['authorization', 'password', 'accessToken', 'refreshToken', 'apiKey', 'cookie'];

/** Logs to standard output: one JSON object per line, or coloured text on a terminal outside production. */
export function createLog({ logLevel, production }: Pick<Config, 'logLevel' | 'production'>): Logger {
  const pretty = process.stdout.isTTY && !production;
  return pino({
    level: logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: REDACTED.flatMap((key) => [key, `*.${key}`]),
    ...(pretty && {
      transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', translateTime: 'HH:MM:ss' } },
    }),
  });
}
