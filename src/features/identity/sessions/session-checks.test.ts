import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabases } from '../../../../test/support/database.js';
import { randomFrom } from '../../../../test/support/random.js';
import { newId } from '../../../kernel/ids.js';
import { SessionsRepository } from './sessions.repository.js';

const KINDS = ['live', 'ended', 'expired', 'suspended', 'disabled', 'deleted', 'unknown'] as const;
type Kind = (typeof KINDS)[number];

interface Checked {
  readonly kind: Kind;
  readonly sessionId: string;
  readonly userId: string;
}

const PAST = new Date('2026-01-01T00:00:00Z');
const FUTURE = new Date('2100-01-01T00:00:00Z');

describe.each(testDatabases())('checks of sessions at once ($name)', ({ open }) => {
  let database: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    database = await open();
  });
  afterAll(() => database.drop());

  /** Statements of two instances: each shares its own. */
  const instances = () => [new SessionsRepository(database), new SessionsRepository(database)] as const;

  async function make(kind: Kind): Promise<Checked> {
    const checked = { kind, sessionId: newId(), userId: newId() };
    if (kind === 'unknown') return checked;
    await database.query(
      `INSERT INTO users (id, provider, plan, is_active, is_suspended, deleted_at) VALUES ($1, 'local', 'free', $2, $3, $4)`,
      [checked.userId, kind !== 'disabled', kind === 'suspended', kind === 'deleted' ? PAST : null],
    );
    await database.query(
      `INSERT INTO sessions (id, user_id, refresh_token_hash, expires_at, revoked_at, revocation_reason)
       VALUES ($1, $2, sha256(convert_to($1::uuid::text, 'UTF8')), $3, $4, $5::"RevocationReason")`,
      [
        checked.sessionId,
        checked.userId,
        kind === 'expired' ? PAST : FUTURE,
        kind === 'ended' ? PAST : null,
        kind === 'ended' ? 'LOGOUT' : null,
      ],
    );
    return checked;
  }

  const expected = ({ kind, userId }: Checked) =>
    kind === 'unknown'
      ? null
      : expect.objectContaining({
          userId,
          isActive: kind !== 'disabled',
          isSuspended: kind === 'suspended',
          isDeleted: kind === 'deleted',
          expiresAt: kind === 'expired' ? PAST : FUTURE,
          revocationReason: kind === 'ended' ? 'LOGOUT' : null,
        });

  it('gives each of a thousand calls the state of its own session', async () => {
    const random = randomFrom(12);
    const sessions = await Promise.all(KINDS.flatMap((kind) => Array.from({ length: 20 }, () => make(kind))));
    const two = instances();
    const calls = Array.from({ length: 1_000 }, async (_, index) => {
      // Over several turns of the event loop, so that some join a statement and some come while it is under way.
      for (let turns = random.below(4); turns > 0; turns--) await pause(0);
      const session = sessions[random.below(sessions.length)] ?? sessions[0];
      if (session === undefined) throw new Error('no session');
      const asked = random.chance(10) ? session.sessionId.toUpperCase() : session.sessionId;
      return { session, state: await two[index % 2 === 0 ? 0 : 1].findState(asked) };
    });
    for (const { session, state } of await Promise.all(calls)) expect(state).toEqual(expected(session));
  });

  it('tells of the end of a session to every call that comes after it, on both instances, amid calls that came before', async () => {
    const two = instances();
    const sessions = await Promise.all(Array.from({ length: 40 }, () => make('live')));
    const early: Promise<unknown>[] = [];
    await Promise.all(
      sessions.map(async ({ sessionId, userId }, index) => {
        for (let call = 0; call <= index % 5; call++) early.push(two[call % 2 === 0 ? 0 : 1].findState(sessionId));
        await two[index % 2 === 0 ? 0 : 1].end({ userId, sessionId }, 'LOGOUT', new Date(), () => Promise.resolve());
        const states = await Promise.all(two.map((instance) => instance.findState(sessionId)));
        expect(states.map((state) => state?.revocationReason)).toEqual(['LOGOUT', 'LOGOUT']);
      }),
    );
    await Promise.all(early);
  });

  it('sees in an act what that has changed, and shows it to nobody else before it is kept', async () => {
    const [mine, other] = instances();
    const { sessionId, userId } = await make('live');
    let inside: unknown;
    let outside: Promise<{ readonly revocationReason: string | null } | null> | undefined;
    await database.act(
      async () => {
        outside = mine.findState(sessionId);
        await outside;
        await mine.end({ userId, sessionId }, 'LOGOUT', new Date(), () => Promise.resolve());
        inside = (await mine.findState(sessionId))?.revocationReason;
      },
      () => Promise.resolve(),
    );
    expect((await outside)?.revocationReason).toBeNull();
    expect(inside).toBe('LOGOUT');
    expect((await other.findState(sessionId))?.revocationReason).toBe('LOGOUT');
  });

  it('is refused inside a transaction, whose own statements it would not see', async () => {
    const [repository] = instances();
    await expect(database.transaction(() => repository.findState(newId()))).rejects.toThrow('Inside a transaction');
  });
});
