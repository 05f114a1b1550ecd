import { isIPv4 } from 'node:net';
import type { Client } from '../../../kernel/caller.js';
import { clientNetwork } from '../../../kernel/client-network.js';

/**
 * Whether a login comes from a device that none of the earlier sessions came from: another program, whatever its version, or
 * another network. The first login of all comes from no new device.
 */
export function isNewDevice(client: Client, earlier: readonly Client[]): boolean {
  const device = deviceOf(client);
  return earlier.length > 0 && !earlier.some((other) => deviceOf(other) === device);
}

function deviceOf({ userAgent, ipAddress }: Client): string {
  return JSON.stringify([
    userAgent === null ? null : familyOf(userAgent),
    ipAddress === null ? null : networkOf(ipAddress),
  ]);
}

/** The program and its system, without what an update changes: `Firefox/128.0` and `rv:128.0`, `iPhone OS 17_4_1`. */
function familyOf(userAgent: string): string {
  return userAgent.replace(/([/:])\d[\w.]*/g, '$1').replace(/\d+(?:[._]\d+)+/g, '');
}

/** Coarser than for rate limits: providers give a home or a phone another address of the same network every day. */
function networkOf(address: string): string {
  const network = clientNetwork(address);
  return isIPv4(network) ? network.replace(/\.\d+$/, '') : network;
}
