/** The current time, passed as a parameter so that tests can set it. */
export interface Clock {
  now(): Date;
}

export function minutesFrom(now: Date, minutes: number): Date {
  return new Date(now.getTime() + minutes * 60_000);
}

export const systemClock: Clock = { now: () => new Date() };
