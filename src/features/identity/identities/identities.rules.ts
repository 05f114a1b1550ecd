import { z } from 'zod';
import { text } from '../../../kernel/rules.js';
import { presentPassword } from '../accounts/accounts.rules.js';
import { MAX_PROVIDER_NAME_LENGTH } from './login-provider-settings.js';
import { MAX_VERIFIER_LENGTH } from './provider-login.js';

/** Maximum characters of a URL. No address of a client or provider is as long. */
const MAX_URL_LENGTH = 2_048;
const MAX_PROVIDER_CODE_LENGTH = 4_096;

const MAX_ERROR_LENGTH = 256;
/** Maximum length of states, secrets and login codes, all of which this service generates. */
const MAX_TOKEN_LENGTH = 128;

const provider = text(MAX_PROVIDER_NAME_LENGTH, 1);
/** Normalised in the same way as the addresses in the settings. */
const url = text(MAX_URL_LENGTH, 1).transform((value) => (URL.canParse(value) ? new URL(value).href : value));
const challenge = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a SHA-256 in base64url');

export const startRules = z.object({
  input: z.object({
    provider,
    redirectUri: url.nullish(),
    returnUrl: url.nullish(),
    codeChallenge: challenge.nullish(),
    secret: text(MAX_TOKEN_LENGTH).nullish(),
  }),
});

export const finishRules = z.object({
  input: z.object({
    provider,
    state: text(MAX_TOKEN_LENGTH),
    secret: text(MAX_TOKEN_LENGTH),
    code: text(MAX_PROVIDER_CODE_LENGTH).nullish(),
    iss: text(MAX_URL_LENGTH).nullish(),
    error: text(MAX_ERROR_LENGTH).nullish(),
  }),
});

export const redeemRules = z.object({
  input: z.object({ code: text(MAX_TOKEN_LENGTH), codeVerifier: text(MAX_VERIFIER_LENGTH) }),
});

export const startLinkRules = z.object({
  input: z.object({ provider, redirectUri: url, password: presentPassword().nullish() }),
});
