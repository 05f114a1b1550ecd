import type { Socket } from 'node:net';

/** Requests of a connection that wait for their turn; one more closes it. */
const MAX_QUEUED = 100;

/**
 * Serves the requests of each connection one after the other, as HTTP answers them. Node hands over all that were sent without
 * waiting for answers (pipelining), and holds every answer until its turn: a client that reads none would have them all made.
 */
export class InOrder {
  readonly #queues = new WeakMap<Socket, (() => void)[]>();

  /** Serves a request when its turn has come. Call {@link next} when its answer is over. */
  run(socket: Socket, serve: () => void): void {
    const queue = this.#queues.get(socket);
    if (queue === undefined) {
      this.#queues.set(socket, []);
      serve();
    } else if (queue.length < MAX_QUEUED) queue.push(serve);
    else socket.destroy();
  }

  isServing(socket: Socket): boolean {
    return this.#queues.has(socket);
  }

  next(socket: Socket): void {
    const begin = this.#queues.get(socket)?.shift();
    if (begin === undefined || socket.destroyed) this.#queues.delete(socket);
    else begin();
  }
}
