import { Secret, TOTP } from 'otpauth';

/** The RFC 6238 defaults: some authenticator apps silently ignore any other values. */
export const TOTP_PARAMETERS = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
/** RFC 4226, section 4: 128 bits at least, 160 recommended. */
export const TOTP_SECRET_BYTES = 20;
/** Steps before and after the present one whose codes are taken: clocks of phones are off by seconds. */
const WINDOW = 1;
const ISSUER = 'Flynkle';

export function newTotpSecret(): Uint8Array {
  return new Secret({ size: TOTP_SECRET_BYTES }).bytes;
}

/** The secret in base32 (RFC 4648), for a person to type who cannot scan. */
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

/** @returns the number of the time step whose code this is, counted from 1970; null when it is none's */
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

/** Six digits, with the spaces that apps show in them. @returns null for anything else */
export function readTotpCode(text: string): string | null {
  const code = text.replace(/\s/g, '');
  return /^[0-9]{6}$/.test(code) ? code : null;
}

function secretOf(bytes: Uint8Array): Secret {
  return new Secret({ buffer: Uint8Array.from(bytes).buffer });
}
