import { describe, expect, it } from '@jest/globals';
import { InternalCallers } from './internal-callers.js';

const trusted = (cidrs: readonly string[], peerAddress: string | null) =>
  new InternalCallers({ cidrs, key: undefined, proxies: ['10.9.0.0/16'] }).trusts({
    peerAddress,
    internalKey: null,
    isFromBrowser: false,
  });

describe('InternalCallers', () => {
  it.each([
    [['10.0.0.0/8'], '10.255.0.1', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
    [['10.0.0.0/8'], '::FFFF:10.1.2.3', true],
    [['10.0.0.0/8'], '::ffff:11.1.2.3', false],
    [['127.0.0.1'], '127.0.0.1', true],
    [['127.0.0.1'], '127.0.0.2', false],
    [['fd00::/8'], 'fd12:3456::1', true],
    [['fd00::/8'], 'fe80::1', false],
    [['fe80::/10'], 'fe80::1%eth0', true],
    [['::1'], '::1', true],
    [['0.0.0.0/0'], '192.0.2.1', true],
    [['10.0.0.0/8', 'fd00::/8'], 'fd00::1', true],
    [[], '127.0.0.1', false],
    [['10.0.0.0/8'], '10.9.0.1', false],
    [['10.0.0.0/8'], '::ffff:10.9.0.1', false],
    [['10.0.0.0/8'], null, false],
    [['10.0.0.0/8'], '', false],
    [['10.0.0.0/8'], '10.0.0.1, 10.0.0.2', false],
  ])('of the networks %j, with the peer %j: %j', (cidrs, peerAddress, isTrusted) => {
    expect(trusted(cidrs, peerAddress)).toBe(isTrusted);
  });

  it('trusts the holder of the key, from anywhere', () => {
    const callers = new InternalCallers({ cidrs: [], key: 'the key of the house', proxies: ['192.0.2.1'] });
    const trusts = (internalKey: string | null) =>
      callers.trusts({ peerAddress: '192.0.2.1', internalKey, isFromBrowser: false });
    expect(['the key of the house', 'the key of the hous', '', null].map(trusts)).toEqual([true, false, false, false]);
  });

  it('trusts no key when none is set', () => {
    const callers = new InternalCallers({ cidrs: [], key: undefined, proxies: [] });
    for (const internalKey of ['', 'undefined']) {
      expect(callers.trusts({ peerAddress: null, internalKey, isFromBrowser: false })).toBe(false);
    }
  });

  it('trusts no browser, whatever its address and its key', () => {
    const callers = new InternalCallers({ cidrs: ['10.0.0.0/8'], key: 'the key of the house', proxies: [] });
    const call = { peerAddress: '10.1.2.3', internalKey: 'the key of the house' };
    expect(callers.trusts({ ...call, isFromBrowser: false })).toBe(true);
    expect(callers.trusts({ ...call, isFromBrowser: true })).toBe(false);
  });

  it.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0/8', 'fd00::/129', 'localhost', '10.0.0.0/8/8', '10.0.0.0/-1', ''])(
    'refuses "%s" as a network',
    (cidr) => {
      expect(() => trusted([cidr], '10.0.0.1')).toThrow(RangeError);
    },
  );
});
