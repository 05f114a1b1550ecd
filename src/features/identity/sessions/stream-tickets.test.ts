import { describe, expect, it } from '@jest/globals';
import { forgerOf } from '../../../../test/support/forged-tokens.js';
import { newId } from '../../../kernel/ids.js';
import { AccessTokens } from './access-tokens.js';
import { SigningKeys } from './signing-keys.js';
import { StreamTickets } from './stream-tickets.js';

const SECRET = 'a secret of thirty-two bytes, or more';
const OTHER_SECRET = 'another secret of thirty-two bytes too';
const NOW = Date.UTC(2026, 0, 1);
const at = (milliseconds: number, secrets = [SECRET]) =>
  new StreamTickets({ keys: new SigningKeys(secrets), clock: { now: () => new Date(milliseconds) } });
const subject = { userId: newId(), sessionId: newId(), messageId: newId() };
const ticket = await at(NOW).issue(subject);
const accessTokens = new AccessTokens({
  secrets: [SECRET],
  lifetimeMinutes: 60,
  clock: { now: () => new Date(NOW) },
});

describe('StreamTickets', () => {
  it('are good for ten minutes, again and again', async () => {
    const expiresAt = new Date(NOW + 600_000);
    for (const time of [NOW, NOW, NOW + 599_999]) {
      expect(await at(time).verify(ticket)).toEqual({ ...subject, expiresAt });
    }
    expect(await at(NOW + 600_000).verify(ticket)).toBeNull();
  });

  it('have no session where they were made for an internal caller', async () => {
    const internal = { ...subject, sessionId: null };
    expect(await at(NOW).verify(await at(NOW).issue(internal))).toMatchObject(internal);
  });

  it('are good with a key that no longer signs, and not with one that is gone', async () => {
    expect(await at(NOW, [OTHER_SECRET, SECRET]).verify(ticket)).toMatchObject(subject);
    expect(await at(NOW, [OTHER_SECRET]).verify(ticket)).toBeNull();
  });

  it('are no access tokens, and access tokens are no tickets', async () => {
    expect(await accessTokens.verify(ticket)).toBeNull();
    expect(await at(NOW).verify(await accessTokens.issue(subject))).toBeNull();
  });

  it.each(forgerOf(ticket, SECRET).forgeries)('refuse a ticket with %s', async (_, forged) => {
    expect(await at(NOW).verify(forged)).toBeNull();
  });
});
