import { BlockList, isIP } from 'node:net';
import { plainAddress } from './plain-address.js';

/** A set of address ranges. */
export class Networks {
  readonly #list = new BlockList();

  /**
   * @param cidrs such as `10.0.0.0/8`, `fd00::/8` or `127.0.0.1`
   * @throws RangeError naming the first invalid one
   */
  constructor(cidrs: readonly string[]) {
    for (const cidr of cidrs) this.#add(cidr);
  }

  /** @param address as a socket reports it; an invalid address is in no network */
  has(address: string): boolean {
    // Those of a link have a zone behind them.
    const bare = plainAddress(address).replace(/%.*$/, '');
    const family = isIP(bare);
    return family !== 0 && this.#list.check(bare, family === 4 ? 'ipv4' : 'ipv6');
  }

  #add(cidr: string): void {
    const [address = '', bits, ...rest] = cidr.split('/');
    const family = isIP(address);
    const maxLength = family === 4 ? 32 : 128;
    const length = bits === undefined ? maxLength : Number(bits);
    const isLength = bits === undefined || (/^[0-9]{1,3}$/.test(bits) && length <= maxLength);
    if (family === 0 || !isLength || rest.length > 0) {
      throw new RangeError(`"${cidr}" is not a network such as 10.0.0.0/8 or fd00::/8`);
    }
    this.#list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
  }
}
