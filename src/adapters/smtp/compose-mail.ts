import type { Mail } from '../../ports/mailer.js';

/** A mail ready to send: the envelope, and the message (RFC 5322). */
export interface ComposedMail {
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  readonly message: Buffer;
}

/**
 * @param from the sender, as `Flynkle <no-reply@example.com>`
 * @returns null when the mail would go to anyone but exactly `mail.to`. An address with a line break or a comma in it puts
 * no header into the message, but another recipient into the envelope.
 */
export async function composeMail(from: string, { to, subject, text, html }: Mail): Promise<ComposedMail | null> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const node = new MailComposer({
    from,
    to: { name: '', address: to },
    subject,
    text,
    html,
    // Suppresses automatic replies such as "out of office" (RFC 3834).
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile();
  const envelope = node.getEnvelope();
  const [recipient, ...others] = envelope.to;
  if (envelope.from === false || recipient !== to || others.length > 0) return null;
  return { envelope: { from: envelope.from, to: [recipient] }, message: await node.build() };
}
