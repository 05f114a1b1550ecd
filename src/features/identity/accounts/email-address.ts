/**
 * What an e-mail address is counted and compared as: spellings that differ in case, in spaces around it or in the form of a
 * letter (`ﬁ`, `K` for kelvin) are one.
 */
export function addressIdentity(address: string): string {
  return address.normalize('NFKC').trim().toLowerCase();
}
