import pg from 'pg';
import { attachRowParser } from './row-messages.js';

export interface GuardedConfig extends pg.ClientConfig {
  /** Milliseconds after which a connection without an answer is broken; by default it is waited for as long as it takes. */
  readonly answerMs?: number | undefined;
}

/** As `pg` says it of its own `query_timeout`. */
const NO_ANSWER = 'Query read timeout';

/**
 * A client whose `error` event always has a listener: without one, a connection that breaks ends the process. The pool listens
 * only while the client is idle: not while it connects, is set up, or is lent. The listener has nothing to do, since `pg` fails
 * every statement of a broken connection, and the pool drops a broken client on release.
 *
 * It has one timer for all of its statements. The `query_timeout` of `pg` makes one for each, which takes a third of what a process
 * can read, and by which rows that nobody has any more live until the whole heap is collected.
 *
 * Rows are left to their statement (`RowMessage`).
 */
export class GuardedClient extends pg.Client {
  private isAsked = false;
  private patience: NodeJS.Timeout | undefined;

  constructor(config?: string | GuardedConfig) {
    super(config);
    this.on('error', () => undefined);
    const { connection } = this as unknown as { readonly connection: object };
    Object.assign(connection, { attachListeners: attachRowParser });
    const answerMs = typeof config === 'object' ? config.answerMs : undefined;
    if (answerMs !== undefined) this.limitWaiting(answerMs);
  }

  private limitWaiting(answerMs: number): void {
    this.query = ((...parameters: unknown[]) => {
      this.isAsked = true;
      this.patience = this.patience?.refresh() ?? setTimeout(this.giveUp, answerMs).unref();
      return super.query(...(parameters as [string]));
    }) as pg.Client['query'];
    // Nothing is asked any more.
    this.on('drain', () => {
      this.isAsked = false;
    });
    this.on('end', () => {
      clearTimeout(this.patience);
    });
  }

  private readonly giveUp = (): void => {
    if (!this.isAsked) return;
    const { connection } = this as unknown as {
      readonly connection: { readonly stream: { destroy(error: Error): void } };
    };
    connection.stream.destroy(new Error(NO_ANSWER));
  };
}
