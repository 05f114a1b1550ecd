import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer, type AddressInfo, type Server as NetServer } from 'node:net';
import type { Log } from '../kernel/log.js';
import { StartupError } from '../kernel/startup-error.js';
import { describeError } from './error-map.js';

/** The addresses that an HTTP server listens on. */
export class Listener {
  readonly #others: NetServer[] = [];
  #closed: Promise<void> | undefined;

  constructor(
    private readonly server: Server,
    private readonly log: Pick<Log, 'warn' | 'error'>,
    /** The settings that say where it listens. */
    private readonly settings = { port: 'PORT', host: 'HOST' },
  ) {}

  /**
   * Listens on the host. `localhost` has two addresses where IPv6 is on, and clients try either first, so it listens on both.
   * @param port 0 for any free port
   * @throws StartupError when the port cannot be opened
   */
  async open(port: number, host: string): Promise<AddressInfo> {
    await this.#listen(this.server, port, host).catch((error: unknown) => {
      throw new StartupError(
        `${this.settings.port} ${port} of ${this.settings.host} ${host} cannot be opened: ${reasonOf(error)}`,
        { cause: error },
      );
    });
    const address = addressOf(this.server);
    if (host === 'localhost') await this.#openOthers(address);
    return address;
  }

  /** Refuses new connections. Resolves when the existing ones are closed. */
  close(): Promise<void> {
    return (this.#closed ??= Promise.all([this.server, ...this.#others].map(closing)).then(() => undefined));
  }

  /** From then on, a connection that cannot be accepted is an event: without a listener, it would end the process. */
  async #listen(server: NetServer, port: number, host: string): Promise<void> {
    await listening(server, port, host);
    server.on('error', (error) => {
      this.log.error({ error: describeError(error) }, 'A connection could not be accepted');
    });
  }

  async #openOthers({ address: opened, port }: AddressInfo): Promise<void> {
    for (const { address } of await lookup('localhost', { all: true })) {
      if (address === opened) continue;
      // The options that `http.Server` sets for its own sockets.
      const other = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
        this.server.emit('connection', socket);
      });
      try {
        await this.#listen(other, port, address);
        this.#others.push(other);
      } catch (error) {
        this.log.warn({ address, port, error: describeError(error) }, 'An address of localhost could not be opened');
      }
    }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses it',
  EACCES: 'this user may not open it',
  EADDRNOTAVAIL: 'this machine does not have the address',
  ENOTFOUND: 'the name of the host is unknown',
};

function reasonOf(error: unknown): string {
  const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? code;
}

async function listening(server: NetServer, port: number, host: string): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}

/** Resolves also when the server does not listen. */
function closing(server: NetServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

function addressOf(server: NetServer): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return address;
}
