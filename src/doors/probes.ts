import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError } from '../kernel/errors.js';
import { refusesWrite, sendEnvelope } from './envelope.js';
import { pathOf } from './request-target.js';

/** The path prefix of what orchestrators and proxies ask. */
export const PROBES_PATH = '/health/';

export interface ProbesDoorOptions {
  /** @throws when the service cannot serve requests at present */
  readonly check: () => Promise<unknown>;
  /** Whether the provider of each model is asked at present, by its name: a model that is left alone is no reason to go elsewhere. */
  readonly models: () => Readonly<Record<string, string>>;
  /** The state of every part, which clients are not told: it names servers. */
  readonly parts?: () => Promise<readonly object[]>;
}

/**
 * Answers `/health/live` with 200 for as long as the process answers at all: restarting it would help against nothing else.
 * `/health/ready` is 503 while requests should go elsewhere: the database is away, or the service is about to stop. It says why. It also says which models are left alone, since their providers fail: the others answer.
 */
export function createProbesDoor({ check, models, parts }: ProbesDoorOptions) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = pathOf(request.url);
    if (path !== LIVE && path !== READY) {
      sendEnvelope(response, { status: 404, message: 'Not found' });
      return;
    }
    if (refusesWrite(request, response)) return;
    const [reason, states] = path === LIVE ? [null] : await Promise.all([whyNotReady(check), parts?.()]);
    const told = states === undefined ? {} : { parts: states };
    if (reason === null) {
      const data = { status: 'ok', ...(path === READY && { models: models() }), ...told };
      sendEnvelope(response, { status: 200, message: 'Success', data, headers: NOT_KEPT });
    } else sendEnvelope(response, { status: 503, message: 'Not ready', data: { reason, ...told }, headers: NOT_KEPT });
  };
}

const LIVE = `${PROBES_PATH}live`;
const READY = `${PROBES_PATH}ready`;
const NOT_KEPT = { 'cache-control': 'no-store' };

/** A domain error's message is for clients; others may hold anything. */
async function whyNotReady(check: ProbesDoorOptions['check']): Promise<string | null> {
  try {
    await check();
    return null;
  } catch (error) {
    return error instanceof DomainError ? error.message : 'Unknown';
  }
}
