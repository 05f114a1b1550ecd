import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AnnouncementRow } from './announcement.js';
import { CurrentAnnouncements } from './current-announcements.js';

const NOW = new Date('2026-01-31T12:00:00Z');
const row = (text: string): AnnouncementRow => {
  return {
    id: text,
    text,
    level: 'INFO',
    startsAt: NOW,
    endsAt: null,
    state: 'CURRENT',
    createdAt: NOW,
    updatedAt: NOW,
  };
};

describe('what everyone sees', () => {
  let now: number;
  let reads: number;
  let stored: Promise<readonly AnnouncementRow[]>;
  let shown: CurrentAnnouncements;
  beforeEach(() => {
    now = 0;
    reads = 0;
    stored = Promise.resolve([row('one')]);
    shown = new CurrentAnnouncements({
      repository: {
        current: () => {
          reads++;
          return stored;
        },
      },
      timers: { now: () => now },
    });
  });
  const texts = async () => (await shown.get()).map(({ text }) => text);

  it('is read once a second, however many ask', async () => {
    expect(await Promise.all(Array.from({ length: 100 }, texts))).toEqual(Array(100).fill(['one']));
    stored = Promise.resolve([row('two')]);
    now = 999;
    expect(await texts()).toEqual(['one']);
    expect(reads).toBe(1);
    now = 1_000;
    expect(await texts()).toEqual(['two']);
    expect(reads).toBe(2);
  });

  it('is read anew once something has changed here, also while a read is under way', async () => {
    const early = Promise.withResolvers<readonly AnnouncementRow[]>();
    stored = early.promise;
    const asked = texts();
    stored = Promise.resolve([row('two')]);
    shown.forget();
    expect(await texts()).toEqual(['two']);
    early.resolve([row('one')]);
    expect(await asked).toEqual(['one']);
    expect(await texts()).toEqual(['two']);
  });

  it('is read again after a read that failed', async () => {
    stored = Promise.reject(new Error('away'));
    await expect(shown.get()).rejects.toThrow('away');
    stored = Promise.resolve([row('one')]);
    expect(await texts()).toEqual(['one']);
  });
});
