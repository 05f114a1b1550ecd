import type { Mail } from '../../../ports/mailer.js';
import { layMailOut } from '../mails/mail-layout.js';
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
  const { subject, lead, unasked } = WORDS[purpose];
  return layMailOut({ subject, lead, code, advice: [`${LIMITS} ${SECRECY}`, unasked] });
}
