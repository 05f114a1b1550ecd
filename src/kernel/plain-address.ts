/**
 * An IP address as a socket reports it, but one of IPv4 by itself: a socket for both families has it as `::ffff:192.0.2.1`.
 */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, '');
}
