import pg from 'pg';
import { attachRowParser } from './row-messages.js';

/**
 * A client whose `error` event always has a listener: without one, a connection that breaks ends the process. The pool listens
 * only while the client is idle: not while it connects, is set up, or is lent. The listener has nothing to do, since `pg` fails
 * every statement of a broken connection, and the pool drops a broken client on release.
 *
 * Rows are left to their statement (`RowMessage`).
 */
export class GuardedClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
    const { connection } = this as unknown as { readonly connection: object };
    Object.assign(connection, { attachListeners: attachRowParser });
  }
}
