import type { Mail } from '../../../ports/mailer.js';
import { CODE_MINUTES, type OneTimeCodePurpose } from './one-time-code.js';

interface Words {
  readonly subject: string;
  readonly lead: string;
  readonly unasked: string;
}

const WORDS: Readonly<Record<OneTimeCodePurpose, Words>> = {
  PASSWORD_RESET: {
    subject: 'Your code for a new Flynkle password',
    lead: 'Enter this code to set a new password:',
    unasked: 'If you did not ask for it, ignore this mail: your password stays as it is.',
  },
  EMAIL_VERIFICATION: {
    subject: 'Your code to confirm your e-mail address',
    lead: 'Enter this code to confirm that this e-mail address is yours:',
    unasked: 'If you did not ask for it, ignore this mail: nothing happens without the code.',
  },
};

const LIMITS = `It is good for ${CODE_MINUTES} minutes, and for one use.`;
const SECRECY = 'Give it to nobody: we never ask for it.';

/** The mail with a code. The subject does not contain the code, since lock screens show subjects. */
export function codeMail(purpose: OneTimeCodePurpose, code: string): Omit<Mail, 'to'> {
  const words = WORDS[purpose];
  return { subject: words.subject, text: textOf(words, code), html: htmlOf(words, code) };
}

function textOf({ lead, unasked }: Words, code: string): string {
  return `${lead}\n\n    ${code}\n\n${LIMITS} ${SECRECY}\n\n${unasked}\n\nFlynkle\n`;
}

/**
 * One column and inline styles, since mail clients drop almost everything else. Sets both text and background colours,
 * so that a client in dark mode does not make the text unreadable.
 */
function htmlOf({ subject, lead, unasked }: Words, code: string): string {
  const font = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
  const paragraph = 'margin:0 0 16px;font-size:16px;line-height:24px';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light">
<title>${subject}</title>
</head>
<body style="margin:0;padding:24px;background:#f4f4f7;color:#1f2333;${font}">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:480px;background:#ffffff;border-radius:12px">
<tr><td style="padding:32px;text-align:left">
<p style="margin:0 0 24px;font-size:20px;line-height:28px;font-weight:700">Flynkle</p>
<p style="${paragraph}">${lead}</p>
<p style="margin:0 0 16px;padding:16px;background:#eef0fb;border-radius:8px;text-align:center;font-size:32px;line-height:40px;font-weight:700;letter-spacing:8px;font-family:ui-monospace,Menlo,Consolas,monospace">${code}</p>
<p style="${paragraph}">${LIMITS} ${SECRECY}</p>
<p style="margin:0;font-size:14px;line-height:20px;color:#5b6072">${unasked}</p>
</td></tr></table>
</td></tr></table>
</body>
</html>
`;
}
