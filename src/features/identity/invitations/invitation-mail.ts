import type { Mail } from '../../../ports/mailer.js';

const SUBJECT = 'You are invited to Flynkle';

/** The mail with the code of an invitation. The subject does not contain the code, since lock screens show subjects. */
export function invitationMail(code: string, email: string, expiresAt: Date): Omit<Mail, 'to'> {
  const lead = 'You are invited to make an account. Sign up with this e-mail address and this invitation code:';
  const limits = `It is good for one account, for ${email} only, until ${expiresAt.toUTCString()}.`;
  const unasked = 'If you do not know what this is about, ignore this mail: nothing happens without the code.';
  const paragraph = (text: string) => `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`;
  return {
    subject: SUBJECT,
    text: `${lead}\n\n    ${code}\n\n${limits}\n\n${unasked}\n\nFlynkle\n`,
    html: `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${SUBJECT}</title></head>
<body style="margin:0;padding:24px;background:#ffffff;color:#1f2333;font:16px/24px sans-serif">
${paragraph(lead)}
<p style="margin:0 0 16px;padding:16px;background:#eef0fb;font-family:monospace;word-break:break-all">${code}</p>
${paragraph(limits)}
${paragraph(unasked)}
</body>
</html>
`,
  };
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0) ?? 0};`);
