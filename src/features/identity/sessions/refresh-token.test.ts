import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import {
  RETRY_MS,
  newRefreshToken,
  newSuccessorSalt,
  readRefreshToken,
  repeatedSuccessor,
  successorOf,
} from './refresh-token.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest();
const used = newRefreshToken();
const salt = newSuccessorSalt();
const successor = successorOf(used, salt);

describe('a refresh token', () => {
  it('is read as it was made', () => {
    for (const token of [used, successor]) expect(readRefreshToken(token.token)).toEqual(token);
  });

  it('of a session from before there were families is its own family', () => {
    const token = 'x'.repeat(43);
    expect(readRefreshToken(token)).toEqual({ token, hash: sha256(token), familyHash: sha256(token) });
  });

  it.each(['', '.', 'x'.repeat(42), 'x'.repeat(44), `${'x'.repeat(43)}.`, `${used.token}=`, `${used.token}.x`, 'é'])(
    'is not %j',
    (token) => {
      expect(readRefreshToken(token)).toBeNull();
    },
  );
});

describe('a successor', () => {
  it('is of the same family, and the same for the same salt', () => {
    expect(successor.familyHash).toEqual(used.familyHash);
    expect(successor.hash).not.toEqual(used.hash);
    expect(successorOf(used, salt)).toEqual(successor);
  });

  it('takes both the token and the salt', () => {
    expect(successorOf(used, newSuccessorSalt()).token).not.toBe(successor.token);
    const [family = ''] = used.token.split('.');
    const sibling = readRefreshToken(`${family}.${'x'.repeat(43)}`);
    if (sibling === null) throw new Error('no token');
    expect(successorOf(sibling, salt).token).not.toBe(successor.token);
  });
});

describe('what a used token gives again', () => {
  const rotatedAt = new Date('2026-01-01T00:00:00Z');
  const rotation = { previousTokenHash: used.hash, successorSalt: salt, rotatedAt };
  const after = (milliseconds: number) => new Date(rotatedAt.getTime() + milliseconds);

  it('is its successor, for ten seconds', () => {
    expect(RETRY_MS).toBe(10_000);
    expect(repeatedSuccessor(used, rotation, after(0))).toEqual(successor);
    expect(repeatedSuccessor(used, rotation, after(RETRY_MS - 1))).toEqual(successor);
    expect(repeatedSuccessor(used, rotation, after(RETRY_MS))).toBeNull();
  });

  it('is its successor on an instance whose clock is behind', () => {
    expect(repeatedSuccessor(used, rotation, after(-1_000))).toEqual(successor);
  });

  it('is nothing once another token was the latest to be used, or when none was', () => {
    expect(repeatedSuccessor(used, { ...rotation, previousTokenHash: successor.hash }, after(1))).toBeNull();
    const none = { previousTokenHash: null, successorSalt: null, rotatedAt: null };
    expect(repeatedSuccessor(used, none, after(1))).toBeNull();
  });
});
