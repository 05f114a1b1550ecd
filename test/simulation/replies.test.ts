import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../../src/kernel/errors.js';
import { ReplyRecovery } from '../../src/features/chat/replies/reply-recovery.js';
import type { DatabaseConnection } from './fake-database.js';
import { ReplySimulation, type Change } from './reply-simulation.js';
import { scheduleOf } from './schedule.js';
import type { Host } from './virtual-time.js';

/** How many schedules are tried, and the seed of the first. */
const SCHEDULES = Number(process.env['SIMULATED_SCHEDULES'] ?? 2_000);
const FIRST_SEED = Number(process.env['SIMULATED_FROM'] ?? 1);

/** @returns the report of the first schedule in which something does not hold; null when there is none */
async function firstFault(change?: Change): Promise<string | null> {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
    const schedule = scheduleOf(seed);
    if ((await new ReplySimulation(schedule, change).run()).length === 0) continue;
    const traced = new ReplySimulation(schedule, change, true);
    await traced.run();
    return traced.report;
  }
  return null;
}

class HastyRecovery extends ReplyRecovery {
  override sweep(): Promise<number> {
    return super.sweep(true);
  }
}

/** Says that an end is stored when it is not yet, and stores it in the background for 9 s. */
function toldBeforeItIsStored(connection: DatabaseConnection, host: Host): DatabaseConnection {
  const { transaction } = connection.database;
  const store: typeof transaction = async (work) => {
    const until = host.time.now + 9_000;
    for (;;) {
      try {
        return await transaction(work);
      } catch (error) {
        if (host.time.now > until) throw error;
        await host.timers.sleep(200);
      }
    }
  };
  return {
    ...connection,
    database: {
      ...connection.database,
      transaction: (work) => {
        store(work).catch(() => undefined);
        return Promise.resolve('stored' as Awaited<ReturnType<typeof work>>);
      },
    },
  };
}

/** Fails for good what fails for 9 s. */
function storedFor9Seconds(connection: DatabaseConnection, host: Host): DatabaseConnection {
  const { transaction } = connection.database;
  let since: number | undefined;
  return {
    ...connection,
    database: {
      ...connection.database,
      transaction: async (work) => {
        try {
          const result = await transaction(work);
          since = undefined;
          return result;
        } catch (error) {
          since ??= host.time.now;
          if (error instanceof Unavailable && host.time.now - since > 9_000)
            throw new Error('given up', { cause: error });
          throw error;
        }
      },
    },
  };
}

const TAKEN_OUT: readonly (readonly [part: string, change: Change])[] = [
  [
    'the numbers that the writer gives its events',
    {
      log: (log) => {
        log.numbersItself = true;
      },
    },
  ],
  [
    'the refusal of events that do not follow on what the log has',
    {
      log: (log) => {
        log.takesGaps = true;
      },
    },
  ],
  ['the order of storing and telling an end', { writer: toldBeforeItIsStored }],
  ['the patience with which an end is stored', { writer: storedFor9Seconds }],
  [
    'the log, where recovery looks for text',
    {
      recoveryLog: (log) => ({
        ...log,
        takeOver: async (stream) => ({ ...(await log.takeOver(stream)), entries: [] }),
      }),
    },
  ],
  [
    'the fence between a frozen writer and the log',
    {
      log: (log) => {
        log.hasNoFences = true;
      },
    },
  ],
  ['the second look at a lease', { recovery: HastyRecovery }],
  ['the exception of what runs in the same process', { ownEntries: true }],
  [
    'the row that keeps the longer text',
    {
      database: (database) => {
        database.keepsLonger = false;
      },
    },
  ],
  [
    'the leases of a clock that was put back',
    {
      database: (database) => {
        database.seesOtherClocks = false;
      },
    },
  ],
];

describe(`the life of a reply, in ${SCHEDULES} schedules of faults`, () => {
  it('is as promised', async () => {
    expect(await firstFault()).toBeNull();
  });

  it.each(TAKEN_OUT)('is not so without %s', async (_part, change) => {
    expect(await firstFault(change)).toContain('FAULT');
  });
});
