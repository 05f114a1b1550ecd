import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../../../kernel/errors.js';
import { PasswordHasher } from './password-hasher.js';

describe('PasswordHasher', () => {
  const hasher = new PasswordHasher();

  it('makes argon2id hashes that its password alone verifies', async () => {
    const hash = await hasher.hash('correct horse');
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,(p=1,t=2|t=2,p=1)\$/);
    expect(await hasher.verify(hash, 'correct horse')).toBe(true);
    expect(await hasher.verify(hash, 'correct horsf')).toBe(false);
    expect(await hasher.hash('correct horse')).not.toBe(hash);
  });

  it('verifies nothing for a user who does not exist', async () => {
    expect(await hasher.verify(null, 'correct horse')).toBe(false);
    expect(await hasher.verify(null, '')).toBe(false);
  });

  it('refuses more than may wait, and serves the others', async () => {
    const small = new PasswordHasher({ concurrency: 1, maxWaiting: 2 });
    const results = await Promise.allSettled([1, 2, 3, 4, 5].map(() => small.verify(null, 'x')));
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(results[4]).toMatchObject({ reason: expect.any(Unavailable) });
    expect(await small.verify(null, 'x')).toBe(false);
  });

  it('goes on after a hash that cannot be made', async () => {
    const single = new PasswordHasher({ concurrency: 1 });
    await expect(single.hash(undefined as unknown as string)).rejects.toThrow(TypeError);
    expect(await single.verify(null, 'x')).toBe(false);
  });
});
