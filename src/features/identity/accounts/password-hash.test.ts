import { describe, expect, it } from '@jest/globals';
import argon2 from 'argon2';
import { comparePassword, hashPassword } from './password-hash.js';

/** Made by libxcrypt 4.4 (`crypt(3)`), except those from the Openwall project's test of crypt_blowfish 1.3. */
const BCRYPT = {
  a: '$2a$08$DCq7YPn5Rq63x1Lad4cll.cmvRWXKIjlUU4.GmLDAW9QDFhrXC.Gm',
  b: '$2b$08$DCq7YPn5Rq63x1Lad4cll.cmvRWXKIjlUU4.GmLDAW9QDFhrXC.Gm',
  y: '$2y$08$DCq7YPn5Rq63x1Lad4cll.cmvRWXKIjlUU4.GmLDAW9QDFhrXC.Gm',
} as const;
const COMPOSED = 'caf\u00e9 \ufb01sh';
const DECOMPOSED = 'cafe\u0301 fish';
const NORMAL = 'caf\u00e9 fish';
const BCRYPT_OF_COMPOSED = '$2y$05$N9qo8uLOickgx2ZMRZoMyegGmf22ThcIBZFWNV0B6/h01cRSKYmX2';
const BCRYPT_OF_DECOMPOSED = '$2b$05$N9qo8uLOickgx2ZMRZoMyel4c0l9ygMCP9RSk4h.C5xXnrQjFMLSK';
const BCRYPT_OF_NORMAL = '$2a$05$N9qo8uLOickgx2ZMRZoMyeLcDOe964t2TqBCurXwjJm/4arsCthoi';
const EIGHTY = '0123456789'.repeat(8);
const BCRYPT_OF_EIGHTY = '$2y$05$N9qo8uLOickgx2ZMRZoMyePYv0tHJnI2XYTxIoCvcgXDozvg.7Qu2';

describe('a password and a hash of ours', () => {
  it('are compared as NFKC: the same letters in another composition are the same password', async () => {
    const hash = await hashPassword(COMPOSED);
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,(p=1,t=2|t=2,p=1)\$/);
    for (const spelling of [COMPOSED, DECOMPOSED, NORMAL]) expect(await comparePassword(hash, spelling)).toBe('right');
    for (const other of ['cafe fish', `${NORMAL} `, '']) expect(await comparePassword(hash, other)).toBe('wrong');
  });

  it('differ from another hash of the same password', async () => {
    expect(await hashPassword('correct horse')).not.toBe(await hashPassword('correct horse'));
  });
});

describe('a bcrypt hash', () => {
  it.each([
    ['$2a$', BCRYPT.a, 'correct horse battery'],
    ['$2b$', BCRYPT.b, 'correct horse battery'],
    ['$2y$', BCRYPT.y, 'correct horse battery'],
    ["Openwall's", '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U'],
    ["Openwall's second", '$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK', 'U*U*'],
  ])('(%s) is of its password alone, and outdated', async (_, hash, password) => {
    expect(await comparePassword(hash, password)).toBe('outdated');
    for (const other of [`${password} `, password.slice(1), password.toUpperCase() + 'x', '', `${password}\0`]) {
      expect(await comparePassword(hash, other)).toBe('wrong');
    }
  });

  it('is of the password as it was typed there, or of the same in its normal form', async () => {
    expect(await comparePassword(BCRYPT_OF_COMPOSED, COMPOSED)).toBe('outdated');
    expect(await comparePassword(BCRYPT_OF_DECOMPOSED, DECOMPOSED)).toBe('outdated');
    for (const spelling of [COMPOSED, DECOMPOSED, NORMAL]) {
      expect(await comparePassword(BCRYPT_OF_NORMAL, spelling)).toBe('outdated');
    }
    // A third spelling cannot be derived from the one typed.
    expect(await comparePassword(BCRYPT_OF_COMPOSED, DECOMPOSED)).toBe('wrong');
  });

  it('of more than 72 bytes is right and stays: what is beyond them may be mistyped', async () => {
    expect(await comparePassword(BCRYPT_OF_EIGHTY, EIGHTY)).toBe('right');
    expect(await comparePassword(BCRYPT_OF_EIGHTY, `${EIGHTY.slice(0, 72)} and a slip`)).toBe('right');
    expect(await comparePassword(BCRYPT_OF_EIGHTY, EIGHTY.slice(0, 72))).toBe('outdated');
    expect(await comparePassword(BCRYPT_OF_EIGHTY, EIGHTY.slice(0, 71))).toBe('wrong');
  });

  it('does not take a password that goes on after a NUL, though the algorithm would', async () => {
    const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
    expect(await comparePassword(hash, 'U*U\0U*U')).toBe('wrong');
    expect(await comparePassword(hash, 'U*U\0')).toBe('wrong');
  });
});

describe('an argon2 hash of another service', () => {
  const hashed = (options: object, password = 'correct horse') => argon2.hash(password, options);

  it.each([
    ['less memory', { type: argon2.argon2id, memoryCost: 8_192, timeCost: 2, parallelism: 1 }],
    ['fewer passes', { type: argon2.argon2id, memoryCost: 19_456, timeCost: 1, parallelism: 1 }],
    ['argon2i', { type: argon2.argon2i, memoryCost: 65_536, timeCost: 3, parallelism: 1 }],
    ['the first version', { type: argon2.argon2id, version: 0x10, memoryCost: 65_536, timeCost: 3, parallelism: 1 }],
  ])('with %s is outdated', async (_, options) => {
    const hash = await hashed(options);
    expect(await comparePassword(hash, 'correct horse')).toBe('outdated');
    expect(await comparePassword(hash, 'correct horsf')).toBe('wrong');
  });

  it('that is stronger than ours stays', async () => {
    const hash = await hashed({ type: argon2.argon2id, memoryCost: 65_536, timeCost: 1, parallelism: 4 });
    expect(await comparePassword(hash, 'correct horse')).toBe('right');
  });

  it('of the password as it was typed is outdated, whatever its parameters', async () => {
    const hash = await hashed({ type: argon2.argon2id, memoryCost: 65_536, timeCost: 3, parallelism: 1 }, DECOMPOSED);
    expect(await comparePassword(hash, DECOMPOSED)).toBe('outdated');
    expect(await comparePassword(hash, COMPOSED)).toBe('wrong');
  });
});

describe('what is no hash that we know', () => {
  it.each([
    null,
    '',
    'correct horse',
    '5f4dcc3b5aa765d61d8327deb882cf99',
    '$1$ab$cdefghijkl',
    '$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe',
    '$2b$05$short',
    '$argon2id$',
    '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$',
    '$argon2id$v=19$m=19456$c29tZXNhbHRzb21lc2FsdA$c29tZXNhbHRzb21lc2FsdA',
    `$argon2id$v=19$m=4000000000,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`,
  ])('matches no password: %j', async (hash) => {
    for (const password of ['correct horse', 'U*U', '', 'password']) {
      expect(await comparePassword(hash, password)).toBe('wrong');
    }
  });
});
