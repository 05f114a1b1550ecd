import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface FaultProxy {
  readonly port: number;
  /** Resolves when the next bytes of a client have been forwarded. */
  nextRequest(): Promise<void>;
  /** Resets the present connections; new ones are taken. */
  reset(): void;
  /** Resets the present connections and every new one, until {@link heal}. */
  refuse(): void;
  /** Resets a connection, present or new, when its client sends `text`, until {@link heal}; the server never sees it. */
  resetAt(text: string): void;
  /** Lets requests through and drops the answers, on present and new connections, until {@link heal}. */
  mute(): void;
  /** Forwards again. Muted connections are reset, since their dropped answers cannot be restored. */
  heal(): void;
  close(): Promise<void>;
}

/** A TCP proxy to a real server that simulates network faults. */
export async function startFaultProxy(target: { readonly host: string; readonly port: number }): Promise<FaultProxy> {
  let mode: 'forward' | 'refuse' | 'mute' = 'forward';
  let fatalText: string | undefined;
  const clients = new Set<Socket>();
  let waiting: (() => void)[] = [];

  const server = createServer((client) => {
    if (mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target);
    clients.add(client);
    const end = () => {
      clients.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay();
      socket.on('error', end).on('close', end);
    }
    client.on('data', (data: Buffer) => {
      if (fatalText !== undefined && data.includes(fatalText)) {
        client.resetAndDestroy();
        return;
      }
      upstream.write(data, () => {
        for (const resolve of waiting.splice(0)) resolve();
      });
    });
    upstream.on('data', (data) => {
      if (mode !== 'mute') client.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port');

  const reset = () => {
    for (const client of clients) client.resetAndDestroy();
  };
  return {
    port: address.port,
    nextRequest: () =>
      new Promise((resolve) => {
        waiting = [...waiting, resolve];
      }),
    reset,
    refuse: () => {
      mode = 'refuse';
      reset();
    },
    resetAt: (text) => {
      fatalText = text;
    },
    mute: () => {
      mode = 'mute';
    },
    heal: () => {
      if (mode === 'mute') reset();
      mode = 'forward';
      fatalText = undefined;
    },
    close: async () => {
      reset();
      server.close();
      await once(server, 'close');
    },
  };
}
