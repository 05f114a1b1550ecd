/**
 * Normalised form in which e-mail addresses are compared and counted: ignores case, surrounding spaces and
 * compatibility forms of letters (`ﬁ`, `K` for kelvin).
 */
export function addressIdentity(address: string): string {
  return address.normalize('NFKC').trim().toLowerCase();
}
