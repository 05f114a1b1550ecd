import { describe, expect, it } from '@jest/globals';
import { vouchedUser } from './identity.js';
import { isToken, newToken, sha256 } from '../../../kernel/token.js';
import { bindingOf, matchesChallenge } from './provider-login.js';

const REDIRECT_URI = 'https://chat.example.com/callback';
/** RFC 7636, appendix B. */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

describe('a login at a provider', () => {
  it('has a nonce and a verifier that only its secret and state give', () => {
    const [state, secret] = [newToken(), newToken()];
    const binding = bindingOf(state, secret, REDIRECT_URI);
    expect(bindingOf(state, secret, REDIRECT_URI)).toEqual(binding);
    const others = [bindingOf(newToken(), secret, REDIRECT_URI), bindingOf(state, newToken(), REDIRECT_URI)];
    const values = [binding, ...others].flatMap(({ nonce, codeVerifier }) => [nonce, codeVerifier]);
    expect(new Set(values).size).toBe(6);
    for (const value of values) expect(isToken(value)).toBe(true);
    expect(values).not.toContain(secret);
    expect(values).not.toContain(sha256(secret).toString('base64url'));
  });

  it('has tokens of 256 bits', () => {
    const tokens = Array.from({ length: 100 }, newToken);
    expect(new Set(tokens).size).toBe(100);
    expect(tokens.every(isToken)).toBe(true);
    for (const text of ['', 'short', `${newToken()}=`, `${newToken()}\n`, `${newToken()}a`])
      expect(isToken(text)).toBe(false);
  });

  it('takes the verifier of its challenge, as RFC 7636 has it', () => {
    expect(matchesChallenge(CHALLENGE, VERIFIER)).toBe(true);
  });

  it.each([
    [CHALLENGE, `${VERIFIER.slice(0, -1)}j`],
    [CHALLENGE, CHALLENGE],
    [CHALLENGE, ''],
    [CHALLENGE, 'short'],
    [CHALLENGE, 'x'.repeat(129)],
    [CHALLENGE, `${VERIFIER}\n`],
    ['', VERIFIER],
    ['', ''],
    [VERIFIER, VERIFIER],
  ])('takes for %j no %j', (challenge, verifier) => {
    expect(matchesChallenge(challenge, verifier)).toBe(false);
  });
});

describe('someone whom a provider vouches for', () => {
  const user = { issuer: 'https://accounts.example.com', subject: '1', isEmailVerified: true };

  it('has an address that an account could have, or none', () => {
    expect(vouchedUser('house', { ...user, email: ' Ada@example.com ' })).toEqual({
      ...user,
      provider: 'house',
      email: 'Ada@example.com',
    });
    for (const email of [
      null,
      '',
      'ada',
      'ada@localhost',
      'a@b.example, c@d.example',
      `${'a'.repeat(250)}@b.example`,
    ]) {
      expect(vouchedUser('house', { ...user, email })).toMatchObject({ email: null, isEmailVerified: false });
    }
  });
});
