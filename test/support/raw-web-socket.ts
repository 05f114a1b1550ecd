import { EventEmitter, once } from 'node:events';
import { WebSocket } from 'ws';

export interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

export interface Closing {
  readonly code: number;
  readonly reason: string;
  /** When it arrived, by this process's clock. */
  readonly at: number;
}

/** A bare graphql-transport-ws WebSocket without a client library: tests see each message and how it is closed. */
export class RawWebSocket {
  readonly closed: Promise<Closing>;
  readonly #socket: WebSocket;
  readonly #unread: Message[] = [];
  readonly #changes = new EventEmitter();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      this.#unread.push(JSON.parse(data.toString('utf8')) as Message);
      this.#changes.emit('change');
    });
    this.closed = once(socket, 'close').then((event) => {
      const [code, reason] = event as [number, Buffer];
      this.#changes.emit('change');
      return { code, reason: reason.toString(), at: Date.now() };
    });
  }

  static async connect(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawWebSocket> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers });
    const raw = new RawWebSocket(socket);
    await once(socket, 'open');
    return raw;
  }

  /** Connects, with this access token or without credentials, and awaits the acknowledgement. @throws when it is closed */
  static async open(url: string, token?: string): Promise<RawWebSocket> {
    const raw = await RawWebSocket.connect(url);
    raw.send({
      type: 'connection_init',
      ...(token === undefined ? {} : { payload: { authorization: `Bearer ${token}` } }),
    });
    await raw.next('connection_ack');
    return raw;
  }

  send(message: Message): void {
    this.#socket.send(JSON.stringify(message));
  }

  subscribe(id: string, query: string, variables: Readonly<Record<string, unknown>> = {}): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  /** Renews the token. @returns the payload of the `pong` */
  async renew(token: string): Promise<unknown> {
    this.send({ type: 'ping', payload: { authorization: `Bearer ${token}` } });
    return (await this.next('pong')).payload;
  }

  /**
   * Waits for the first unread message of this type and operation.
   * @throws when the socket is closed first
   */
  async next(type: string, id?: string): Promise<Message> {
    for (;;) {
      const index = this.#unread.findIndex((message) => message.type === type && message.id === id);
      const [found] = index === -1 ? [] : this.#unread.splice(index, 1);
      if (found !== undefined) return found;
      if (this.#socket.readyState === WebSocket.CLOSED) throw new Error(`Closed before a message of type ${type} came`);
      await once(this.#changes, 'change');
    }
  }

  close(): void {
    this.#socket.terminate();
  }
}
