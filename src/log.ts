import { pino, type Logger } from 'pino';
import type { Config } from './config.js';

/** Keys that hold credentials, wherever they turn up. What is logged on purpose has none of them: this is the second lock. */
const REDACTED = ['authorization', 'password', 'accessToken', 'refreshToken', 'apiKey', 'cookie'];

/** JSON lines on standard output, one an event; for a person at a terminal, in colour. */
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
