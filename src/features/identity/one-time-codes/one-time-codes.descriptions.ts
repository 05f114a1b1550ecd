import { CODE_MINUTES, MAX_TRIES } from './one-time-code.js';

export const descriptions = {
  requestPasswordReset: `Mails a code to the address, if it is that of an account; for \`resetPassword\`, for ${CODE_MINUTES} minutes. The answer is the same for any address. Always true. RATE_LIMITED after too many for an address or from a client.`,

  resetPassword: `Sets a new password with the code of \`requestPasswordReset\`, and ends every session of the user. Unless somebody has proved before to hold the account and to read its mailbox, both at once (\`verifyEmail\` with an access token), it also removes passkeys, linked providers and the second factor: another person may have made the account and be waiting there. It logs nobody in. BAD_USER_INPUT \`Invalid OTP\` when the code is wrong, used, replaced or too old, or after ${MAX_TRIES} tries. Always true.`,

  requestEmailVerification: `Mails a code to the address, if it is that of an account that \`verifyEmail\` can still do something for; for \`verifyEmail\`, for ${CODE_MINUTES} minutes. The answer is the same for any address. Always true. RATE_LIMITED after too many for an address or from a client.`,

  verifyEmail: `Marks the account as verified with the code of \`requestEmailVerification\`. With an access token of the same account, it also proves that whoever reads the mailbox holds the account: from then on \`resetPassword\` keeps passkeys, linked providers and the second factor, and a login at a provider is linked to the account as it is. Any other token counts as none. BAD_USER_INPUT \`Invalid OTP\` when the code is wrong, used, replaced or too old, or after ${MAX_TRIES} tries. Always true.`,
} as const;
