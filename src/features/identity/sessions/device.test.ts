import { describe, expect, it } from '@jest/globals';
import { isNewDevice } from './device.js';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Safari/604.1';
const from = (userAgent: string | null, ipAddress: string | null = '192.0.2.7') => ({ userAgent, ipAddress });

describe('a device', () => {
  it.each([
    ['with an update', FIREFOX.replaceAll('128.0', '129.0.2')],
    ['with an update of its system', IPHONE.replace('17_4_1', '18_0')],
  ])('is known %s', (_, userAgent) => {
    expect(isNewDevice(from(userAgent), [from(FIREFOX), from(IPHONE)])).toBe(false);
  });

  it.each([
    ['another program', from('curl/8.5.0')],
    ['another system', from(FIREFOX.replace('X11; Linux x86_64', 'Windows NT 10.0'))],
    ['no name', from(null)],
    ['another network', from(FIREFOX, '198.51.100.7')],
    ['another network of IPv6', from(FIREFOX, '2001:db8:1::1')],
    ['numbers of its own', from('device-2')],
  ])('is new with %s', (_, client) => {
    expect(isNewDevice(client, [from(FIREFOX), from('device-1'), from(FIREFOX, '2001:db8::1')])).toBe(true);
  });

  it('is known at another address of the same network, and new to nobody who has had none', () => {
    expect(isNewDevice(from(FIREFOX, '192.0.2.200'), [from(FIREFOX)])).toBe(false);
    expect(isNewDevice(from(FIREFOX, '2001:db8::2'), [from(FIREFOX, '2001:db8::1')])).toBe(false);
    expect(isNewDevice(from('curl/8.5.0'), [])).toBe(false);
  });
});
