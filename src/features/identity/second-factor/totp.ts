import { Secret, TOTP } from 'otpauth';

/** The RFC 6238 defaults: some authenticator apps silently ignore any other values. */
export const TOTP_PARAMETERS = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
/** RFC 4226, section 4: at least 128 bits, recommended 160. */
export const TOTP_SECRET_BYTES = 20;
/**
 * Time steps before and after the present one whose codes are accepted, since the clocks of phones are off by seconds.
 */
const WINDOW = 1;
const ISSUER = 'Flynkle';

export function newTotpSecret(): Uint8Array {
  return new Secret({ size: TOTP_SECRET_BYTES }).bytes;
}

/** The secret in base32 (RFC 4648), for a person who has to type it instead of scanning the QR code. */
export function totpSecretText(secret: Uint8Array): string {
  return secretOf(secret).base32;
}

/**
 * The content of the QR code for an authenticator app: `otpauth://totp/Flynkle:ada@example.com?…`.
 * @param account the account name that the app shows
 */
export function totpUri(secret: Uint8Array, account: string): string {
  return new TOTP({ ...TOTP_PARAMETERS, issuer: ISSUER, label: account, secret: secretOf(secret) }).toString();
}

/** @returns the number of the time step, counted from 1970, to which this code belongs; null when there is none */
export function totpStepOf(secret: Uint8Array, code: string, now: Date): number | null {
  const timestamp = now.getTime();
  const { digits, ...parameters } = TOTP_PARAMETERS;
  const delta = TOTP.validate({
    ...parameters,
    digits,
    token: code,
    secret: secretOf(secret),
    timestamp,
    window: WINDOW,
  });
  return delta === null ? null : TOTP.counter({ period: TOTP_PARAMETERS.period, timestamp }) + delta;
}

/** Reads six digits, with or without the spaces that apps show. @returns null for anything else */
export function readTotpCode(text: string): string | null {
  const code = text.replace(/\s/g, '');
  return /^[0-9]{6}$/.test(code) ? code : null;
}

function secretOf(bytes: Uint8Array): Secret {
  return new Secret({ buffer: Uint8Array.from(bytes).buffer });
}
