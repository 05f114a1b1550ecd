import { existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import type { Log } from '../../kernel/log.js';
import { describeFailure } from './connection-failure.js';
import { abandonPglite, ROOM_BYTES, startPglite } from './pglite.js';
import type { PgliteHost } from './pglite-socket.js';

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
const NO_ROOM = /No space left on device|Disk quota exceeded|hardly any room left/;

/** Why the database is not open, in the form of a server that refuses a connection. */
class BrokenDown extends Error {
  readonly severity = 'FATAL';
  /** cannot_connect_now, or disk_full. */
  readonly code: '57P03' | '53100';

  constructor(reason: string) {
    super(reason);
    this.code = NO_ROOM.test(reason) ? '53100' : '57P03';
  }
}

/**
 * PGlite on a folder. After a panic, such as a full disk in the middle of a commit, PostgreSQL restarts and recovers what was
 * committed; PGlite would go on with what is left in memory. So it is abandoned, every connection is refused at once, and it is
 * opened anew as soon as that can succeed. The same where its folder is gone: what it wrote would go nowhere.
 */
export class EmbeddedServer implements PgliteHost {
  #current: PGlite | undefined;
  #failure = new BrokenDown('the embedded database is not open yet');
  #inode = 0;
  #reopening: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();
  readonly #listeners = new Set<(error: Error) => void>();

  private constructor(
    private readonly directory: string,
    private readonly logger: Log,
  ) {}

  /** @throws StartupError as {@link startPglite} */
  static async start(directory: string, logger: Log): Promise<EmbeddedServer> {
    const server = new EmbeddedServer(directory, logger);
    await server.#open();
    return server;
  }

  pglite(): PGlite {
    if (this.#current !== undefined && !this.#isInPlace()) this.#breakDown(`the folder ${this.directory} is gone`);
    if (this.#current === undefined) throw this.#failure;
    return this.#current;
  }

  onDown(listener: (error: Error) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  failed(error: unknown): void {
    if (!isOfPostgres(error)) this.#breakDown(describeFailure(error));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reopening;
    const pglite = this.#current;
    this.#current = undefined;
    if (pglite === undefined) return;
    try {
      await pglite.close();
    } catch (error) {
      this.logger.warn(
        { reason: describeFailure(error) },
        'the embedded database could not be closed in order: the next start recovers it',
      );
    }
  }

  async #open(): Promise<void> {
    const opened: { pglite?: PGlite; panic?: string } = {};
    const onPanic = (reason: string) => {
      opened.panic ??= reason;
      if (opened.pglite !== undefined && this.#current === opened.pglite) this.#breakDown(reason);
    };
    const pglite = await startPglite(this.directory, { onPanic });
    if (opened.panic !== undefined) {
      abandonPglite(pglite);
      throw new BrokenDown(opened.panic);
    }
    opened.pglite = pglite;
    this.#inode = statSync(this.directory).ino;
    this.#current = pglite;
  }

  #isInPlace(): boolean {
    const inode = statSync(this.directory, { throwIfNoEntry: false })?.ino;
    return inode === this.#inode && existsSync(join(this.directory, 'global', 'pg_control'));
  }

  #breakDown(reason: string): void {
    const pglite = this.#current;
    if (pglite === undefined || this.#isClosing()) return;
    this.#current = undefined;
    this.#failure = new BrokenDown(reason);
    this.logger.error({ reason }, 'the embedded database broke down: it is opened again as soon as that can succeed');
    // Not at once: PGlite may be in the middle of the statement that failed.
    setImmediate(() => {
      for (const listener of [...this.#listeners]) listener(this.#failure);
      abandonPglite(pglite);
    });
    this.#reopening = this.#reopen();
  }

  async #reopen(): Promise<void> {
    for (let wait = FIRST_RETRY_MS; !this.#isClosing();) {
      await delay(wait, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      if (this.#isClosing() || !(await this.#mayOpen())) continue;
      try {
        await this.#open();
        this.logger.info({}, 'the embedded database is open again');
        return;
      } catch (error) {
        const failure = new BrokenDown(describeFailure(error));
        if (failure.message !== this.#failure.message) {
          this.logger.error({ reason: failure.message }, 'the embedded database cannot be opened again yet');
        }
        this.#failure = failure;
        wait = Math.min(2 * wait, MAX_RETRY_MS);
      }
    }
  }

  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  /** A folder that is not there is never made anew, which would look as if nothing had been stored in it. */
  async #mayOpen(): Promise<boolean> {
    if (!existsSync(join(this.directory, 'PG_VERSION'))) return false;
    if (this.#failure.code !== '53100') return true;
    return this.hasRoom();
  }

  /** Whether the disk has room for more than PostgreSQL needs to open the database. */
  async hasRoom(): Promise<boolean> {
    const { bavail, bsize } = await statfs(this.directory).catch(() => ({ bavail: 0, bsize: 0 }));
    return bavail * bsize >= ROOM_BYTES;
  }
}

/** PostgreSQL itself refused a statement, and nothing is wrong with PGlite. */
function isOfPostgres(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'severity' in error;
}
