import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface StatementCounter {
  /** The database's URL, by way of the counter. */
  readonly url: string;
  /** How many statements have been sent so far, BEGIN and COMMIT among them. */
  readonly count: number;
  close(): Promise<void>;
}

/** Messages of the protocol that run a statement: Execute and Query. */
const RUNS = new Set(['E', 'Q']);
const HEADER = 5;

/** Stands between a service and PostgreSQL, and counts what is run. @param url of a database, without TLS */
export async function startStatementCounter(url: string): Promise<StatementCounter> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((client) => {
    const database = connect(Number(target.port === '' ? 5432 : target.port), target.hostname);
    const messages = messageReader((type) => {
      if (RUNS.has(type)) count++;
    });
    client.on('data', messages);
    client.pipe(database).pipe(client);
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        database.destroy();
        sockets.delete(socket);
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const counted = new URL(url);
  counted.hostname = '127.0.0.1';
  counted.port = String((server.address() as AddressInfo).port);
  return {
    url: counted.href,
    get count() {
      return count;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Reads the types of what a client sends. Its first message has none. */
function messageReader(note: (type: string) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let isStarted = false;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const lengthAt = isStarted ? 1 : 0;
      if (rest.length < HEADER) return;
      const end = lengthAt + rest.readUInt32BE(lengthAt);
      if (rest.length < end) return;
      if (isStarted) note(String.fromCharCode(rest[0] ?? 0));
      isStarted = true;
      rest = rest.subarray(end);
    }
  };
}
