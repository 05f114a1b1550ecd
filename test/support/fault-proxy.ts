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
  /** Lets requests with `text` through and resets their connections at the first bytes of the answer, until {@link heal}. */
  loseAnswersTo(text: string): void;
  /** Resets each new connection once so many bytes have passed through it, both ways together, until {@link heal}. */
  resetAfter(drawBytes: () => number): void;
  /** Lets requests through and drops the answers, on present and new connections, until {@link heal}. */
  mute(): void;
  /**
   * Keeps connections open, present and new, and drops what either side sends on them, until {@link heal}: as a stopped
   * process does, or a network that swallows everything. Nobody learns that the other side has closed.
   */
  freeze(): void;
  /** Forwards again. Muted and frozen connections are reset, since their dropped answers cannot be restored. */
  heal(): void;
  /** Leads to another server from now on; the present connections are reset. */
  redirect(target: Target): void;
  close(): Promise<void>;
}

interface Target {
  readonly host: string;
  readonly port: number;
}

/** A TCP proxy to a real server that simulates network faults. */
export async function startFaultProxy(first: Target): Promise<FaultProxy> {
  let target = first;
  let mode: 'forward' | 'refuse' | 'mute' | 'freeze' = 'forward';
  let fatalText: string | undefined;
  let unansweredText: string | undefined;
  let drawBytes: (() => number) | undefined;
  const clients = new Set<Socket>();
  let waiting: (() => void)[] = [];

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target);
    clients.add(client);
    let left = drawBytes?.() ?? Infinity;
    let isUnanswered = false;
    /** The part of the data that may still pass; the connection is reset behind it. */
    const allowed = (data: Buffer): Buffer => {
      const part = data.subarray(0, left);
      left -= part.length;
      if (left === 0) setImmediate(() => client.resetAndDestroy());
      return part;
    };
    client.on('end', () => {
      if (mode !== 'freeze') client.end();
    });
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
      if (mode === 'freeze') return;
      if (fatalText !== undefined && data.includes(fatalText)) {
        client.resetAndDestroy();
        return;
      }
      isUnanswered ||= unansweredText !== undefined && data.includes(unansweredText);
      upstream.write(allowed(data), () => {
        for (const resolve of waiting.splice(0)) resolve();
      });
    });
    upstream.on('data', (data) => {
      if (isUnanswered) client.resetAndDestroy();
      else if (mode === 'forward') client.write(allowed(data));
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
    loseAnswersTo: (text) => {
      unansweredText = text;
    },
    resetAfter: (draw) => {
      drawBytes = draw;
    },
    mute: () => {
      mode = 'mute';
    },
    freeze: () => {
      mode = 'freeze';
    },
    heal: () => {
      if (mode === 'mute' || mode === 'freeze') reset();
      mode = 'forward';
      fatalText = undefined;
      unansweredText = undefined;
      drawBytes = undefined;
    },
    redirect: (other) => {
      target = other;
      reset();
    },
    close: async () => {
      reset();
      server.close();
      await once(server, 'close');
    },
  };
}
