import { CODE_MINUTES, MAX_TRIES } from './one-time-code.js';

export const descriptions = {
  requestPasswordReset: `Mails a code to the address, if it is that of an account; for \`resetPassword\`, for ${CODE_MINUTES} minutes. The answer is the same for any address: always true. RATE_LIMITED after too many for an address or from a client.`,

  resetPassword: `Sets a new password with the code of \`requestPasswordReset\`, and ends every session of the user. It logs nobody in. BAD_USER_INPUT \`Invalid OTP\` when the code is wrong, used, replaced or too old, or after ${MAX_TRIES} tries. Always true.`,

  requestEmailVerification: `Mails a code to the address, if it is that of an account and not verified yet; for \`verifyEmail\`, for ${CODE_MINUTES} minutes. The answer is the same for any address: always true. RATE_LIMITED after too many for an address or from a client.`,

  verifyEmail: `Marks the account as verified with the code of \`requestEmailVerification\`. BAD_USER_INPUT \`Invalid OTP\` when the code is wrong, used, replaced or too old, or after ${MAX_TRIES} tries. Always true.`,
} as const;
