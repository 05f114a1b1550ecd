import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { StartupError } from '../../kernel/startup-error.js';
import type { Log } from '../../kernel/log.js';
import { type Manifest, manifestSchema } from './manifest.js';

/** What a snapshot has, and in which folder of DATA_DIR it is. */
export interface Snapshot {
  readonly folder: string;
  readonly manifest: Manifest;
}

const answerSchema = z.union([
  z.object({ folder: z.string(), manifest: manifestSchema }),
  z.object({ refusal: z.string() }),
]);

interface SnapshotServerOptions {
  readonly dataDirectory: string;
  readonly take: () => Promise<Snapshot>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/**
 * Gives snapshots of the embedded database to the command line while the service runs, by a socket in DATA_DIR, which only the
 * service's user may enter. Whoever connects gets one, told by a line of JSON, and it is removed when they disconnect.
 */
export class SnapshotServer {
  readonly #open = new Set<Socket>();
  readonly #server: Server;
  #isClosing = false;

  private constructor(private readonly options: SnapshotServerOptions) {
    this.#server = createServer((socket) => {
      this.#open.add(socket);
      socket.on('error', () => undefined).once('close', () => this.#open.delete(socket));
      void this.#serve(socket);
    });
  }

  /** Where there can be no socket, the service does without: a backup can be made while it is stopped. */
  static async open(options: SnapshotServerOptions): Promise<SnapshotServer> {
    const server = new SnapshotServer(options);
    const path = pathIn(options.dataDirectory);
    try {
      // Left by a process that was killed: the lock of DATA_DIR says that there is no other one.
      await rm(path, { force: true });
      server.#server.listen(path);
      await once(server.#server, 'listening');
    } catch (error) {
      options.log.warn({ reason: String(error) }, 'backups can be made only while the service is stopped');
    }
    return server;
  }

  /** A backup that is being written keeps its snapshot. */
  close(): void {
    this.#isClosing = true;
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }

  async #serve(socket: Socket): Promise<void> {
    const { dataDirectory, take, log } = this.options;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    try {
      const start = performance.now();
      const snapshot = await take();
      log.info({ ms: Math.round(performance.now() - start) }, 'made a snapshot for a backup');
      socket.write(`${JSON.stringify(snapshot)}\n`);
      await closed;
      if (!this.#isClosing) await rm(join(dataDirectory, snapshot.folder), { recursive: true, force: true });
    } catch (error) {
      const refusal = error instanceof Error ? error.message : String(error);
      log.warn({ reason: refusal }, 'a snapshot for a backup could not be made');
      socket.end(`${JSON.stringify({ refusal })}\n`);
    }
  }
}

/**
 * Has the service that runs on DATA_DIR make a snapshot, for as long as `work` lasts.
 * @throws StartupError when it cannot
 */
export async function withSnapshot<Result>(
  dataDirectory: string,
  work: (folder: string, manifest: Manifest) => Promise<Result>,
): Promise<Result> {
  const socket = connect(pathIn(dataDirectory));
  try {
    await once(socket, 'connect').catch((error: unknown) => {
      throw new StartupError(
        `DATA_DIR ${dataDirectory} is in use by a process that makes no backup: a service that starts or ends, or another command. Try again`,
        { cause: error },
      );
    });
    const answer = answerSchema.parse(JSON.parse(await firstLineOf(socket)));
    if ('refusal' in answer) throw new StartupError(`the service can make no backup: ${answer.refusal}`);
    const folder = join(dataDirectory, answer.folder);
    try {
      return await work(folder, answer.manifest);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  } finally {
    socket.destroy();
  }
}

async function firstLineOf(socket: Socket): Promise<string> {
  for await (const line of createInterface(socket)) return line;
  throw new StartupError('the service ended before it made the backup. Try again');
}

/** Paths of sockets are short: 104 bytes, where the system gives them least. */
function pathIn(dataDirectory: string): string {
  const path = join(resolve(dataDirectory), 'backup.sock');
  const fromHere = relative('', path);
  return fromHere.length < path.length ? fromHere : path;
}
