import { describe, expect, it } from '@jest/globals';
import { newUserRules, password, userChangesRules } from './accounts.rules.js';

const faultsOf = (rules: typeof newUserRules | typeof userChangesRules, input: object) =>
  rules
    .safeParse({ input })
    .error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`)
    .sort() ?? [];

describe('the rules of a new user', () => {
  it('names every fault at once', () => {
    const input = {
      provider: ' ',
      password: 'short',
      email: 'nobody',
      phoneNumber: 'x',
      providerId: 'y'.repeat(256),
      profile: { text: 'z'.repeat(16_384) },
    };
    expect(faultsOf(newUserRules, input)).toEqual([
      'input.email must be an e-mail address',
      'input.password must be at least 8 characters',
      'input.phoneNumber must be a phone number',
      'input.profile must be at most 16384 bytes as JSON',
      'input.provider must not be empty',
      'input.providerId must be at most 255 characters',
    ]);
  });

  it('takes null for left out, and passes the fields that have no rules', () => {
    const input = { provider: 'email', password: 'long enough', email: null, isAdmin: true, isVerified: null };
    expect(newUserRules.parse({ input })).toEqual({ input });
  });
});

describe('the rules of changes', () => {
  it('takes null where it clears, and refuses it elsewhere', () => {
    expect(faultsOf(userChangesRules, { email: null, phoneNumber: null, providerId: null, verifiedAt: null })).toEqual(
      [],
    );
    const names = ['provider', 'profile', 'password', 'isVerified', 'isActive', 'isSuspended', 'isAdmin', 'plan'];
    expect(faultsOf(userChangesRules, Object.fromEntries(names.map((name) => [name, null])))).toEqual(
      names.map((name) => `input.${name} must not be null`).sort(),
    );
  });

  it('passes a date and what is left out as they came', () => {
    const input = { verifiedAt: new Date(0), isAdmin: false, profile: { a: [1, null] } };
    expect(userChangesRules.parse({ input })).toEqual({ input });
    expect(userChangesRules.parse({ input: {} })).toEqual({ input: {} });
  });
});

describe('a password', () => {
  it.each([
    ['seven characters', 'a'.repeat(7), false],
    ['eight', 'a'.repeat(8), true],
    ['256', 'a'.repeat(256), true],
    ['257', 'a'.repeat(257), false],
    ['256 of two UTF-16 units each', '🦜'.repeat(256), true],
    ['257 of two units', '🦜'.repeat(257), false],
    ['seven of two units', '🦜'.repeat(7), false],
    ['eight that are four when composed', 'e\u0301'.repeat(4), false],
    ['a megabyte', 'a'.repeat(1_000_000), false],
  ])('of %s', (_, value, isGood) => {
    expect(password().safeParse(value).success).toBe(isGood);
  });

  it.each(['password', 'PassWord1', '12345678', 'qwertyuiop', 'ｐａｓｓｗｏｒｄ', 'iloveyou', 'trustno1'])(
    'that most people have: %s',
    (value) => {
      expect(password().safeParse(value).error?.issues).toMatchObject([{ message: 'is too common' }]);
    },
  );

  it.each(['correct horse', 'password of mine', 'pässword', ' password'])('that hardly anyone has: %s', (value) => {
    expect(password().safeParse(value).success).toBe(true);
  });

  it('has one fault at a time: a short one is not common as well', () => {
    expect(password().safeParse('123456').error?.issues).toMatchObject([{ message: 'must be at least 8 characters' }]);
  });
});
