import type { IncomingMessage } from 'node:http';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Log } from '../kernel/log.js';
import { pathOf } from './request-target.js';
import { PROBES_PATH } from './probes.js';

export interface LoadLimits {
  /** Requests that wait for their answer at once; streams whose events have begun are not counted. */
  readonly requests: number;
  /** By how many milliseconds the event loop may be late. */
  readonly lagMs: number;
}

/** The share of the limits up to which requests without credentials are taken: they are refused first, which costs least. */
const ANONYMOUS_SHARE = 0.75;
/** Seconds after which a client that was refused may try again. */
export const RETRY_SECONDS = 2;
const WINDOW_MS = 500;
const RESOLUTION_MS = 20;
const REST_HEALTH = '/api/v1/health';

/** Seconds without a question, and with a loop that mostly waits, after which nothing is sampled. */
const QUIET_SECONDS = 2;
/** The share of its time that such a loop may be at work. */
const QUIET_SHARE = 0.25;

/**
 * How late the event loop is: the median of half a second, of the better of the last two, so that one long task is no overload.
 * Sampling wakes the process fifty times a second, so it goes on only while somebody asks, or while there is much to do.
 */
export function measureLag(): { readonly now: () => number; readonly stop: () => void } {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let [earlier, latest] = [0, 0];
  let timer: NodeJS.Timeout | undefined;
  let quietWindows = 0;
  let worked = performance.eventLoopUtilization();
  const begin = () => {
    quietWindows = 0;
    worked = performance.eventLoopUtilization();
    histogram.reset();
    histogram.enable();
    timer = setInterval(look, WINDOW_MS).unref();
  };
  const end = () => {
    clearInterval(timer);
    timer = undefined;
    histogram.disable();
    [earlier, latest] = [0, 0];
  };
  const look = () => {
    earlier = latest;
    latest = histogram.count === 0 ? 0 : Math.max(0, histogram.percentile(50) / 1e6 - RESOLUTION_MS);
    histogram.reset();
    const before = worked;
    worked = performance.eventLoopUtilization();
    const isAtWork = performance.eventLoopUtilization(worked, before).utilization > QUIET_SHARE;
    quietWindows = isAtWork ? 0 : quietWindows + 1;
    if (quietWindows * WINDOW_MS >= QUIET_SECONDS * 1_000) end();
  };
  return {
    now: () => {
      if (timer === undefined) begin();
      quietWindows = 0;
      return Math.min(earlier, latest);
    },
    stop: end,
  };
}

/**
 * Refuses requests while there is more to do than can be done, before anything is done for them: those who were taken get their
 * answers, and those who were not learn at once that they should come back.
 */
export class LoadShedding {
  #isShedding = false;

  constructor(
    private readonly limits: LoadLimits,
    private readonly lagNow: () => number,
    private readonly log: Pick<Log, 'info' | 'warn'>,
  ) {}

  /** @param waiting requests that wait for their answer, this one not included */
  admits(request: IncomingMessage, waiting: number): boolean {
    // They come every few seconds, and would keep the lag measured.
    if (isHealth(request)) return true;
    const lagMs = this.lagNow();
    const load = Math.max(waiting / this.limits.requests, lagMs / this.limits.lagMs);
    if (load < ANONYMOUS_SHARE) {
      if (this.#isShedding) this.log.info({}, 'no more requests are refused');
      this.#isShedding = false;
      return true;
    }
    if (load < 1 && hasCredentials(request)) return true;
    if (!this.#isShedding) {
      const figures = { waiting, lagMs: Math.round(lagMs) };
      this.log.warn(figures, 'requests are refused: MAX_REQUESTS or MAX_EVENT_LOOP_LAG_MS is reached');
    }
    this.#isShedding = true;
    return false;
  }
}

/** Whether a client says who it is. Whether that is true is not looked at: that would cost what is to be saved. */
function hasCredentials({ headers, url }: IncomingMessage): boolean {
  const { authorization, upgrade } = headers;
  // A WebSocket says so later.
  return (
    authorization !== undefined ||
    upgrade !== undefined ||
    headers['x-internal-key'] !== undefined ||
    headers['x-refresh-token'] !== undefined ||
    (url ?? '').includes('ticket=')
  );
}

function isHealth({ url }: IncomingMessage): boolean {
  const path = pathOf(url);
  return path !== null && (path.startsWith(PROBES_PATH) || path === REST_HEALTH);
}
