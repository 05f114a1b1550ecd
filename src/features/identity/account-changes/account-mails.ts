import { isIP } from 'node:net';
import type { Mail } from '../../../ports/mailer.js';
import type { AccountNotice } from '../accounts/account-notices.js';
import { layMailOut } from '../mails/mail-layout.js';
import { CONFIRM_MINUTES, UNDO_DAYS, type MailedClient } from './account-change.js';
import { clientWords } from './client-words.js';

type Draft = Omit<Mail, 'to'>;

/** When something happened, and by whom: null for somebody else than the user. */
export interface Occasion {
  readonly at: Date;
  readonly client: MailedClient | null;
}

export type MailedNotice = AccountNotice | 'CHANGE_UNDONE';

const NOTICES: Readonly<Record<MailedNotice, { readonly subject: string; readonly lead: string }>> = {
  PASSKEY_ADDED: {
    subject: 'A passkey was added to your Flynkle account',
    lead: 'A passkey was added to your account. Whoever has it can log in without your password.',
  },
  IDENTITY_LINKED: {
    subject: 'A login provider was linked to your Flynkle account',
    lead: 'A login provider was linked to your account. Whoever has the account there can log in here.',
  },
  SECOND_FACTOR_ENABLED: {
    subject: 'The second factor of your Flynkle account is on',
    lead: 'Logins to your account ask for a code of an authenticator app from now on.',
  },
  SECOND_FACTOR_DISABLED: {
    subject: 'The second factor of your Flynkle account is off',
    lead: 'Logins to your account do not ask for a code of an authenticator app any more.',
  },
  RECOVERY_CODES_REPLACED: {
    subject: 'Your Flynkle account has new recovery codes',
    lead: 'New recovery codes were made for your account. The old ones do not work any more.',
  },
  ACCESS_TOKEN_CREATED: {
    subject: 'A personal access token was made for your Flynkle account',
    lead: 'A personal access token was made for your account. Whoever has it can use your account within its scopes, without your password.',
  },
  NEW_DEVICE: {
    subject: 'A new device logged in to your Flynkle account',
    lead: 'Someone logged in to your account from a device or network that it was not used from lately.',
  },
  CHANGE_UNDONE: {
    subject: 'This is no longer the address of your Flynkle account',
    lead: 'An earlier address of the account took it back, with a link that was mailed there when the address was changed.',
  },
};

const NOTICE_ADVICE = [
  'If it was you, there is nothing to do.',
  'If it was not, ask for a code to set a new password with, end the other sessions, and remove what you do not know from your account.',
];

/** The mail about an act. */
export function noticeMail(notice: MailedNotice, occasion: Occasion): Draft {
  return layMailOut({ ...NOTICES[notice], facts: factsOf(occasion), advice: NOTICE_ADVICE });
}

/** What was changed, other than which addresses: a mailbox that is not the user's any more must not learn the new one. */
export interface MailedChange {
  readonly isNewEmail: boolean;
  readonly isNewPassword: boolean;
}

/**
 * The mail to the address from before a change.
 * @param undoUrl null when somebody else made the change
 */
export function changeMail(change: MailedChange, occasion: Occasion, undoUrl: string | null): Draft {
  const { subject, lead } = changeWords(change);
  const facts = factsOf(occasion);
  if (undoUrl === null) {
    return layMailOut({ subject, lead, facts, advice: ['If you did not expect this, ask the administrators.'] });
  }
  return layMailOut({
    subject,
    lead,
    facts,
    link: { before: `If it was not you, undo it within ${UNDO_DAYS} days:`, label: 'It was not me', url: undoUrl },
    advice: [
      'That brings this address back, ends every session and access token, removes passkeys, linked providers and a second factor that were added since, and sends a code to this address to set a new password with.',
      'If it was you, there is nothing to do. Give the link to nobody: it opens the account.',
    ],
  });
}

function changeWords({ isNewEmail, isNewPassword }: MailedChange): { subject: string; lead: string } {
  if (isNewEmail && isNewPassword) {
    return {
      subject: 'The address and password of your Flynkle account were changed',
      lead: 'Your account has another e-mail address and another password now.',
    };
  }
  return isNewEmail
    ? {
        subject: 'The address of your Flynkle account was changed',
        lead: 'Your account has another e-mail address now. This one does not log in any more.',
      }
    : { subject: 'The password of your Flynkle account was changed', lead: 'Your account has another password now.' };
}

/** The mail with the code that confirms a new address. The subject does not contain it, since lock screens show subjects. */
export function confirmationMail(code: string): Draft {
  return layMailOut({
    subject: 'Your code to confirm your new e-mail address',
    lead: 'Enter this code to make this the e-mail address of your Flynkle account:',
    code,
    advice: [
      `It is good for ${CONFIRM_MINUTES} minutes, and for one use. Give it to nobody: we never ask for it.`,
      'If you did not ask for it, ignore this mail: nothing happens without the code.',
    ],
  });
}

function factsOf({ at, client }: Occasion): readonly string[] {
  const when = `When: ${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  if (client === null) return [when, 'By: an administrator'];
  const from = clientWords(client.userAgent);
  const isKnown = client.ipAddress !== null && isIP(client.ipAddress) !== 0;
  return [when, `From: ${isKnown ? `${from} at ${client.ipAddress}` : from}`];
}
