import type { Socket } from 'node:net';

/** Requests of a connection that wait for their turn; one more closes it. */
const MAX_QUEUED = 100;

interface Queue {
  isServing: boolean;
  readonly waiting: (() => void)[];
}

/**
 * Serves the requests of each connection one after the other, as HTTP answers them. Node hands over all that were sent without
 * waiting for answers (pipelining), and holds every answer until its turn: a client that reads none would have them all made.
 */
export class InOrder {
  readonly #queues = new WeakMap<Socket, Queue>();

  /** Serves a request when its turn has come. Call {@link next} when its answer is over. */
  run(socket: Socket, serve: () => void): void {
    let queue = this.#queues.get(socket);
    if (queue === undefined) this.#queues.set(socket, (queue = { isServing: false, waiting: [] }));
    if (!queue.isServing) {
      queue.isServing = true;
      serve();
    } else if (queue.waiting.length < MAX_QUEUED) queue.waiting.push(serve);
    else socket.destroy();
  }

  isServing(socket: Socket): boolean {
    return this.#queues.get(socket)?.isServing === true;
  }

  next(socket: Socket): void {
    const queue = this.#queues.get(socket);
    if (queue === undefined) return;
    const begin = queue.waiting.shift();
    if (begin === undefined || socket.destroyed) queue.isServing = false;
    else begin();
  }
}
