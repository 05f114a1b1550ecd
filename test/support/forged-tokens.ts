import { createHmac, createSign, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { newId } from '../../src/kernel/ids.js';

type Json = Readonly<Record<string, unknown>>;

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const OTHER_SECRET = 'another secret of thirty-two bytes too';
const LIFETIME_SECONDS = 3600;

const encode = (json: unknown) => Buffer.from(JSON.stringify(json)).toString('base64url');
const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json;

export interface Forger {
  /** Signs with the service's own key, so that only the intended change is wrong. */
  readonly sign: (claims?: Json, header?: Json) => string;
  /** Pairs of a fault and a token that has it. */
  readonly forgeries: readonly (readonly [string, string])[];
}

/**
 * Tokens that must be refused, each a valid one with a single fault, made with the service's secret, which no attacker has.
 */
export function forgerOf(good: string, secret: string): Forger {
  const [head = '', payload = '', signature = ''] = good.split('.');
  const [header, claims] = [decode(head), decode(payload)];
  const start = Number(claims['iat']);
  const body = (changedClaims: Json = {}, changedHeader: Json = {}) =>
    `${encode({ ...header, ...changedHeader })}.${encode({ ...claims, ...changedClaims })}`;
  const hmac = (text: string, key: string | Buffer = secret, hash = 'sha256') =>
    `${text}.${createHmac(hash, key).update(text).digest('base64url')}`;
  const sign = (changedClaims: Json = {}, changedHeader: Json = {}) => hmac(body(changedClaims, changedHeader));
  const rsa = (text: string) => `${text}.${createSign('sha256').update(text).sign(privateKey, 'base64url')}`;
  const crit = { crit: ['x'], x: 1 };

  const forgeries: [string, string][] = [
    ['no algorithm', `${body({}, { alg: 'none' })}.`],
    ['no algorithm, in other letters', `${body({}, { alg: 'nOnE' })}.`],
    ['no algorithm, and the signature of another', `${body({}, { alg: 'none' })}.${signature}`],
    ['no algorithm named', sign({}, { alg: undefined })],
    ['HS512 under the same secret', hmac(body({}, { alg: 'HS512' }), secret, 'sha512')],
    ['HS384 under the same secret', hmac(body({}, { alg: 'HS384' }), secret, 'sha384')],
    ['HS512 named, and HS256 used', sign({}, { alg: 'HS512' })],
    ['RS256', rsa(body({}, { alg: 'RS256' }))],
    ['RS256, and its public key sent along', rsa(body({}, { alg: 'RS256', jwk: publicKey.export({ format: 'jwk' }) }))],
    ['RS256 named, and HS256 used', sign({}, { alg: 'RS256' })],
    ['another secret', hmac(body(), OTHER_SECRET)],
    ['an empty secret', hmac(body(), '')],
    ['a key that other uses derive', hmac(body(), Buffer.from(hkdfSync('sha256', secret, '', 'one-time codes', 32)))],
    ['an unknown key id', sign({}, { kid: 'unknown' })],
    ['a key id that is a path', sign({}, { kid: '../../../dev/null' })],
    ['no key id', sign({}, { kid: undefined })],
    ['another type', sign({}, { typ: 'JWT' })],
    ['no type', sign({}, { typ: undefined })],
    ['an unknown critical header', sign({}, crit)],
    [
      'a critical header that the signature does not cover',
      `${encode({ ...header, ...crit })}.${payload}.${signature}`,
    ],
    ['another issuer', sign({ iss: 'someone' })],
    ['no issuer', sign({ iss: undefined })],
    ['another audience', sign({ aud: 'someone' })],
    ['no audience', sign({ aud: undefined })],
    ['an expiry in the past', sign({ iat: start - LIFETIME_SECONDS, exp: start - 1 })],
    ['an expiry just now', sign({ exp: start })],
    ['no expiry', sign({ exp: undefined })],
    ['an expiry that is no number', sign({ exp: 'tomorrow' })],
    ['a start in the future', sign({ iat: start + 60 })],
    ['a start long ago, with an expiry far off', sign({ iat: start - 2 * LIFETIME_SECONDS, exp: start + 36_000 })],
    ['no start', sign({ iat: undefined })],
    ['a time before which it does not hold', sign({ nbf: start + 60 })],
    ['no user', sign({ sub: undefined })],
    ['a user that is no UUID', sign({ sub: 'admin' })],
    ['no session', sign({ sid: undefined })],
    ['a session that is no UUID', sign({ sid: 7 })],
    ['no signature', `${head}.${payload}.`],
    ['a signature that is cut', good.slice(0, -10)],
    ['two parts', `${head}.${payload}`],
    ['four parts', `${good}.x`],
    ['padding', `${good}=`],
    ['other claims under the same signature', `${head}.${encode({ ...claims, sub: newId() })}.${signature}`],
  ];
  return { sign, forgeries };
}

/** Every variant of a token with one flipped bit, in the decoded bytes of a part or in the text itself. */
export function flippedBits(token: string): string[] {
  const parts = token.split('.');
  const ofParts = parts.flatMap((part, index) =>
    flips(Buffer.from(part, 'base64url')).map((bytes) => parts.with(index, bytes.toString('base64url')).join('.')),
  );
  return [...ofParts, ...flips(Buffer.from(token, 'latin1')).map((bytes) => bytes.toString('latin1'))];
}

function flips(bytes: Buffer): Buffer[] {
  return Array.from({ length: bytes.length * 8 }, (_, bit) => {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    return flipped;
  });
}
