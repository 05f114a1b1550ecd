/** The current time, passed as a parameter so that tests can set it. */
export interface Clock {
  now(): Date;
}

export function minutesFrom(now: Date, minutes: number): Date {
  return new Date(now.getTime() + minutes * 60_000);
}

/** The end of the UTC day, when the limits of a day begin anew. */
export function endOfDay(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1));
}

export const systemClock: Clock = { now: () => new Date() };
