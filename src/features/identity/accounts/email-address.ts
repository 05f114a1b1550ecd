import { domainToASCII, domainToUnicode } from 'node:url';
import { isEmailValid } from '@hapi/address';
import { Invalid } from '../../../kernel/errors.js';
import { email as addressText } from '../../../kernel/rules.js';

const MESSAGE = 'must be an e-mail address';
/** Controls, marks of direction, whatever shows nothing, and characters without a meaning of their own. */
const UNSEEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}]/u;
const BEYOND_ASCII = /\P{ASCII}/u;

/**
 * The one form in which e-mail addresses are compared and counted: ignores case and surrounding spaces, and how an
 * internationalised domain is written (`bücher.de`, `xn--bcher-kva.de`). Letters that merely look alike stay apart, since
 * they do to a mail server: the kelvin sign is no k, although both JavaScript and databases fold it to one.
 */
export function addressIdentity(address: string): string {
  const text = address.trim();
  if (!isPlain(text)) return foldAscii(text);
  const { local, domain } = partsOf(text);
  return joined(fold(local), asciiDomain(domain) ?? fold(domain));
}

/** Whether two addresses are certainly the same mailbox. */
export function isSameMailbox(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && addressIdentity(one) === addressIdentity(other);
}

/** The spellings in which an address may be stored, except for its case, for a search that cannot compare identities. */
export function spellingsOf(address: string): readonly string[] {
  const text = address.trim();
  const identity = addressIdentity(text);
  if (!isInternational(text)) return [identity];
  const { local, domain } = partsOf(identity);
  return [...new Set([identity, joined(local, domainToUnicode(domain) || domain), text])];
}

/** Whether an address, or a domain, can be spelled in ways that a database does not take for the same. */
export function isInternational(address: string): boolean {
  return BEYOND_ASCII.test(address) || /(?:^|[@.])xn--/i.test(address);
}

/**
 * An address that an account may be given. Gives the spelling that is stored: the user's own, but for what databases fold
 * each in another way, which is folded here.
 */
export const emailAddress = () =>
  addressText()
    .refine((text) => !UNSEEN.test(text) && isPlain(text) && isDeliverable(text), MESSAGE)
    .transform(storedSpelling);

/**
 * The address that an account gets in place of its present one, which stays as it is if it is sent along: there are
 * accounts from before the rule.
 * @throws Invalid for one that no account may be given
 */
export function newAddress(given: string, present: string | null): string {
  if (given.trim() === present) return present;
  const { success, data } = emailAddress().safeParse(given);
  if (!success) throw new Invalid([{ field: 'input.email', message: MESSAGE }]);
  return data;
}

function isDeliverable(text: string): boolean {
  const { local, domain } = partsOf(text);
  const ascii = asciiDomain(domain);
  // A label that stays as it is decodes to nothing.
  const isDecoded = ascii !== null && !/(?:^|\.)xn--/.test(domainToUnicode(ascii));
  return isDecoded && isEmailValid(joined(local, ascii));
}

function storedSpelling(text: string): string {
  const { local, domain } = partsOf(text);
  const ascii = isInternational(domain) ? asciiDomain(domain) : null;
  const folded = local.normalize('NFC').replace(/\P{ASCII}/gu, (letter) => letter.toLowerCase());
  return joined(folded, ascii === null ? domain : domainToUnicode(ascii) || ascii);
}

/** Whether each character is the plain form of itself, and no compatibility form of others (`ﬁ`, the kelvin sign). */
function isPlain(text: string): boolean {
  return Array.from(text).every((character) => {
    const composed = character.normalize('NFC');
    // Some letters of Indic scripts are normally two characters, which are not another letter.
    return character.normalize('NFKC') === composed && (composed === character || composed.length > character.length);
  });
}

function partsOf(text: string): { readonly local: string; readonly domain: string } {
  const at = text.lastIndexOf('@');
  return at < 0 ? { local: text, domain: '' } : { local: text.slice(0, at), domain: text.slice(at + 1) };
}

function joined(local: string, domain: string): string {
  return domain === '' ? local : `${local}@${domain}`;
}

/** The domain as DNS has it, by the rules of URLs (UTS 46). @returns null when it is no domain */
function asciiDomain(domain: string): string | null {
  // Only what needs it, since the rules of URLs take some ASCII domains for numbers of hosts.
  if (!isInternational(domain)) return foldAscii(domain);
  return /[%/?#:@\\]/.test(domain) ? null : domainToASCII(domain) || null;
}

/** Letter by letter, as databases do it: the form of a letter at the end of a word is another letter. */
function fold(text: string): string {
  return text.normalize('NFC').replace(/[^]/gu, (letter) => letter.toLowerCase());
}

function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
