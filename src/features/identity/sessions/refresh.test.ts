import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AccountsFixture, CLIENT } from '../../../../test/support/accounts.js';
import { testDatabases } from '../../../../test/support/database.js';
import { Unauthenticated } from '../../../kernel/errors.js';

const INVALID_TOKEN = new Unauthenticated('Invalid token');
const HOUR = 3_600_000;

describe.each(testDatabases())('a refresh ($name)', (kind) => {
  let database: Awaited<ReturnType<typeof kind.open>>;
  let fixture: AccountsFixture;
  beforeAll(async () => {
    database = await kind.open();
    fixture = new AccountsFixture(database);
  });
  afterEach(() => {
    fixture.clock.time = Date.now();
  });
  afterAll(() => database.drop());

  const SECOND = 1000;
  const refresh = (token: string) => fixture.sessions.refresh(token, CLIENT);

  it('gives new tokens of the same session', async () => {
    const { tokens, viewer } = await fixture.person();
    const next = await refresh(tokens.refreshToken);
    expect(next.refreshToken).not.toBe(tokens.refreshToken);
    await expect(fixture.authenticate(next.accessToken)).resolves.toMatchObject({ sessionId: viewer.sessionId });
    await expect(refresh(next.refreshToken)).resolves.toMatchObject({ expiresIn: 3600 });
  });

  it('gives a hundred at once the same successor, which is good once more', async () => {
    const { tokens, viewer } = await fixture.person();
    const all = await Promise.all(Array.from({ length: 100 }, () => refresh(tokens.refreshToken)));
    const successors = new Set(all.map(({ refreshToken }) => refreshToken));
    expect(successors.size).toBe(1);
    const [successor = ''] = successors;
    const again = await Promise.all(Array.from({ length: 100 }, () => refresh(successor)));
    expect(new Set(again.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    expect(again[0]?.refreshToken).not.toBe(successor);
    await expect(fixture.sessions.list(viewer)).resolves.toHaveLength(1);
  });

  it('gives the same successor for ten seconds, and ends the session after that', async () => {
    const { tokens } = await fixture.person();
    const { refreshToken } = await refresh(tokens.refreshToken);
    fixture.clock.time += 10 * SECOND - 1;
    const repeated = await refresh(tokens.refreshToken);
    expect(repeated.refreshToken).toBe(refreshToken);
    fixture.clock.time += 1;
    await expect(refresh(tokens.refreshToken)).rejects.toThrow(INVALID_TOKEN);
    await expect(refresh(refreshToken)).rejects.toThrow(INVALID_TOKEN);
    await expect(fixture.authenticate(repeated.accessToken)).rejects.toThrow(INVALID_TOKEN);
  });

  it('does not let a session live longer for a token that is sent again', async () => {
    const { tokens } = await fixture.person();
    const { refreshToken } = await refresh(tokens.refreshToken);
    fixture.clock.time += 5 * SECOND;
    await refresh(tokens.refreshToken);
    fixture.clock.time += 7 * 24 * HOUR - 5 * SECOND;
    await expect(refresh(refreshToken)).rejects.toThrow(INVALID_TOKEN);
  });

  it.each([1, 2, 5])('ends the session for a token whose successor was used, %d further back', async (generations) => {
    const { user, tokens, viewer } = await fixture.person();
    const other = await fixture.login(user);
    let latest = await refresh(tokens.refreshToken);
    for (let i = 0; i < generations; i++) latest = await refresh(latest.refreshToken);
    await expect(refresh(tokens.refreshToken)).rejects.toThrow(INVALID_TOKEN);
    await expect(refresh(latest.refreshToken)).rejects.toThrow(INVALID_TOKEN);
    await expect(fixture.authenticate(latest.accessToken)).rejects.toThrow(INVALID_TOKEN);
    const { rows } = await database.query('SELECT revocation_reason AS reason FROM sessions WHERE id = $1', [
      viewer.sessionId,
    ]);
    expect(rows).toEqual([{ reason: 'REFRESH_TOKEN_REUSED' }]);
    const { refreshToken } = await refresh(other.refreshToken);
    await expect(refresh(refreshToken)).resolves.toMatchObject({ expiresIn: 3600 });
  });

  it('ends the session, and no other, for a token that was made up of one of its', async () => {
    const [ada, eve] = [await fixture.person(), await fixture.person()];
    const [family] = ada.tokens.refreshToken.split('.');
    await expect(refresh(`${family}.${eve.tokens.refreshToken.split('.')[1]}`)).rejects.toThrow(INVALID_TOKEN);
    await expect(refresh(ada.tokens.refreshToken)).rejects.toThrow(INVALID_TOKEN);
    await expect(refresh(eve.tokens.refreshToken)).resolves.toMatchObject({ expiresIn: 3600 });
  });

  it('of a session from before there were families goes on, with a family from then on', async () => {
    const { viewer, tokens } = await fixture.person();
    const [old = ''] = tokens.refreshToken.split('.');
    await database.query('UPDATE sessions SET family_hash = NULL, refresh_token_hash = $2 WHERE id = $1', [
      viewer.sessionId,
      createHash('sha256').update(old).digest(),
    ]);
    const all = await Promise.all(Array.from({ length: 10 }, () => refresh(old)));
    expect(new Set(all.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    const next = await refresh(all[0]?.refreshToken ?? '');
    await expect(fixture.authenticate(next.accessToken)).resolves.toMatchObject({ sessionId: viewer.sessionId });
    await expect(refresh(old)).rejects.toThrow(INVALID_TOKEN);
    await expect(refresh(next.refreshToken)).rejects.toThrow(INVALID_TOKEN);
  });

  it('keeps a session alive for seven days from the latest refresh', async () => {
    const { tokens } = await fixture.person();
    fixture.clock.time += 7 * 24 * HOUR - 1;
    const next = await fixture.sessions.refresh(tokens.refreshToken, CLIENT);
    fixture.clock.time += 7 * 24 * HOUR;
    await expect(fixture.sessions.refresh(next.refreshToken, CLIENT)).rejects.toThrow(INVALID_TOKEN);
  });

  it('refuses what is no refresh token, and that of a session that has ended', async () => {
    const { tokens, viewer } = await fixture.person();
    for (const token of [
      '',
      'x',
      tokens.accessToken,
      `${tokens.refreshToken}=`,
      'A'.repeat(43),
      `${'A'.repeat(43)}.${'A'.repeat(43)}`,
    ]) {
      await expect(fixture.sessions.refresh(token, CLIENT)).rejects.toThrow(INVALID_TOKEN);
    }
    await fixture.sessions.logout(viewer, null);
    await expect(fixture.sessions.refresh(tokens.refreshToken, CLIENT)).rejects.toThrow(INVALID_TOKEN);
  });

  it('stores no token', async () => {
    const { tokens, viewer } = await fixture.person();
    const { rows } = await database.query('SELECT s::text AS row FROM sessions s WHERE id = $1', [viewer.sessionId]);
    const next = await refresh(tokens.refreshToken);
    const { rows: rotated } = await database.query('SELECT s::text AS row FROM sessions s WHERE id = $1', [
      viewer.sessionId,
    ]);
    const stored = JSON.stringify([rows, rotated]);
    for (const part of [tokens, next].flatMap(({ refreshToken }) => refreshToken.split('.'))) {
      for (const form of [part, Buffer.from(part).toString('hex'), Buffer.from(part, 'base64url').toString('hex')]) {
        expect(stored).not.toContain(form);
      }
    }
  });
});
