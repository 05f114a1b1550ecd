import { z } from 'zod';
import { text, uuid } from '../../../kernel/rules.js';

/** Longer than any that a browser takes to an address of ours. */
const MOST_URL_LENGTH = 2_048;
const MOST_CODE_LENGTH = 4_096;

const provider = text(32, 1);
/** As the settings' addresses are written. */
const url = text(MOST_URL_LENGTH, 1).transform((value) => (URL.canParse(value) ? new URL(value).href : value));
const challenge = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a SHA-256 in base64url');

export const startRules = z.object({
  input: z.object({
    provider,
    redirectUri: url.nullish(),
    returnUrl: url.nullish(),
    codeChallenge: challenge.nullish(),
    secret: text(128).nullish(),
  }),
});

export const finishRules = z.object({
  input: z.object({
    provider,
    state: text(128),
    secret: text(128),
    code: text(MOST_CODE_LENGTH).nullish(),
    iss: text(MOST_URL_LENGTH).nullish(),
    error: text(256).nullish(),
  }),
});

export const redeemRules = z.object({ input: z.object({ code: text(128), codeVerifier: text(128) }) });

/** Twice the longest password that there can be, in UTF-16 units. */
const password = text(512);

export const startLinkRules = z.object({
  input: z.object({ provider, redirectUri: url, password: password.nullish() }),
});

export const idRules = z.object({ id: uuid() });
