import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';

/** Microseconds between the samples of a profile. */
export const SAMPLING_US = 200;
/** Bytes between the samples of what is allocated. */
const SAMPLED_BYTES = 512;

/** Makes so much garbage that the young objects from before are collected, too. */
const SHORT_LIVED = 'for (let made = 0; made < 1_000_000; made++) [made, made, made];';

/** What V8 writes into a .cpuprofile. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
      readonly columnNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** What V8 says of a function in a profile. */
export type CallFrame = CpuProfile['nodes'][number]['callFrame'];

/** A function in a profile of the heap, with the bytes of what it made. */
interface Allocating {
  readonly callFrame: CallFrame;
  readonly selfSize: number;
  readonly children: readonly Allocating[];
}

/** An answer, or an event. */
interface Said {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
  readonly method?: string;
  readonly params?: { readonly url: string };
}

/** V8's inspector in a process that was started with `--inspect=127.0.0.1:0`. */
export class Inspector {
  readonly #scripts: string[] = [];
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      const { id, result, error, method, params } = JSON.parse(data.toString()) as Said;
      if (method === 'Debugger.scriptParsed' && params !== undefined) this.#scripts.push(params.url);
      const asked = id === undefined ? undefined : this.#asked.get(id);
      if (id === undefined || asked === undefined) return;
      this.#asked.delete(id);
      if (error === undefined) asked.resolve(result);
      else asked.reject(new Error(error.message));
    });
    socket.once('close', () => {
      for (const { reject } of this.#asked.values()) reject(new Error('The inspector was closed.'));
    });
  }

  /** @param output what the process has written: the address is in it */
  static async open(output: string): Promise<Inspector> {
    const socket = new WebSocket(/ws:\/\/127\.0\.0\.1\S+/.exec(output)?.[0] ?? '', { perMessageDeflate: false });
    await once(socket, 'open');
    return new Inspector(socket);
  }

  /** The files that have been loaded. */
  async files(): Promise<readonly string[]> {
    await this.#ask('Debugger.enable');
    await this.#ask('Debugger.disable');
    return this.#scripts.filter((url) => url.startsWith('file://')).map((url) => fileURLToPath(url));
  }

  /** What the work allocates, what is garbage by its end included. */
  async allocatedBytes(work: () => Promise<void>): Promise<number> {
    return bytesOf(await this.#allocating(work, { withYoungGarbage: true }));
  }

  /** What the work allocates, without what collections of young objects had found to be garbage by its end. */
  async survivingBytes(work: () => Promise<void>): Promise<number> {
    return bytesOf(await this.#allocating(work, { withYoungGarbage: false }));
  }

  /** The functions that allocate {@link survivingBytes}, and how many each: a function as often as it is called from elsewhere. */
  async surviving(work: () => Promise<void>): Promise<readonly (readonly [CallFrame, number])[]> {
    const flat = ({ callFrame, selfSize, children }: Allocating): (readonly [CallFrame, number])[] => [
      [callFrame, selfSize],
      ...children.flatMap(flat),
    ];
    return flat(await this.#allocating(work, { withYoungGarbage: false }));
  }

  async #allocating(
    work: () => Promise<void>,
    { withYoungGarbage }: { withYoungGarbage: boolean },
  ): Promise<Allocating> {
    await this.#ask('HeapProfiler.startSampling', {
      samplingInterval: SAMPLED_BYTES,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: withYoungGarbage,
    });
    await work();
    if (!withYoungGarbage) await this.#ask('Runtime.evaluate', { expression: SHORT_LIVED });
    return (await this.#ask<{ profile: { head: Allocating } }>('HeapProfiler.stopSampling')).profile.head;
  }

  /** What is left in the heap after garbage collection. */
  async heapKb(): Promise<number> {
    await this.#ask('HeapProfiler.collectGarbage');
    return (await this.#ask<{ readonly usedSize: number }>('Runtime.getHeapUsage')).usedSize / 1024;
  }

  async startProfile(): Promise<void> {
    await this.#ask('Profiler.enable');
    await this.#ask('Profiler.setSamplingInterval', { interval: SAMPLING_US });
    await this.#ask('Profiler.start');
  }

  async stopProfile(): Promise<CpuProfile> {
    return (await this.#ask<{ readonly profile: CpuProfile }>('Profiler.stop')).profile;
  }

  close(): void {
    this.socket.close();
  }

  #ask<Result>(method: string, params: object = {}): Promise<Result> {
    const id = ++this.#last;
    const asked = Promise.withResolvers<unknown>();
    this.#asked.set(id, asked);
    this.socket.send(JSON.stringify({ id, method, params }));
    return asked.promise as Promise<Result>;
  }
}

function bytesOf({ selfSize, children }: Allocating): number {
  return children.reduce((sum, child) => sum + bytesOf(child), selfSize);
}
