import { describe, expect, it } from '@jest/globals';
import { createClientOf } from './client-address.js';

const clientOf = (trusted: readonly string[], ipAddress: string | null, forwardedFor: string | null) =>
  createClientOf(trusted)({ ipAddress, forwardedFor, userAgent: 'a test' }).ipAddress;

describe('the address of a client', () => {
  const PROXIES = ['10.0.0.0/8', '::1'];

  it.each([
    ['without proxies is the socket’s, whatever a header says', [], '192.0.2.1', '198.51.100.7', '192.0.2.1'],
    ['who is no proxy is the socket’s', PROXIES, '192.0.2.1', '198.51.100.7', '192.0.2.1'],
    ['behind a proxy is what that one was called from', PROXIES, '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['who wrote a header is still their own', PROXIES, '10.0.0.1', '203.0.113.9, 198.51.100.7', '198.51.100.7'],
    [
      'behind two proxies is what the first was called from',
      PROXIES,
      '::1',
      'x, 198.51.100.7,10.1.1.1',
      '198.51.100.7',
    ],
    ['behind a proxy on a socket for both families', PROXIES, '::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['by IPv4 on a socket for both families is that of IPv4', [], '::ffff:192.0.2.1', null, '192.0.2.1'],
    ['with IPv6', PROXIES, '10.0.0.1', '2001:db8::1', '2001:db8::1'],
    ['with a port', PROXIES, '10.0.0.1', '198.51.100.7:4711', '198.51.100.7'],
    ['with a port and IPv6', PROXIES, '10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
    ['that the proxy does not know is the proxy’s', PROXIES, '10.0.0.1', 'unknown', '10.0.0.1'],
    ['of a proxy that calls for itself is the proxy’s', PROXIES, '10.0.0.1', null, '10.0.0.1'],
    ['of a proxy that sends an empty header is the proxy’s', PROXIES, '10.0.0.1', '', '10.0.0.1'],
    ['where all are proxies is the first’s', PROXIES, '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['of a socket that is gone is not known', PROXIES, null, '198.51.100.7', null],
  ])('%s', (_, trusted, socket, header, expected) => {
    expect(clientOf(trusted, socket, header)).toBe(expected);
  });
});
