// The processes that stand around a service that streams.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Actor } from '../support/actor.js';
import type { ReadersMessage, ReadersTask, StreamsRead } from './streams-readers.js';

/** Pieces that the model writes in a second. */
export const EVENTS_PER_SECOND = 10;

/** What a service needs so that no limit is met. */
export const WITHOUT_LIMITS = {
  OPENAI_API_KEY: 'none',
  OPENAI_MAX_REPLY_TOKENS: '16000',
  MAX_STREAMS_PER_USER: '100000',
  MAX_WEBSOCKETS: '100000',
  MAX_WEBSOCKETS_PER_CLIENT: '100000',
  MAX_WEBSOCKETS_WITHOUT_LOGIN: '100000',
  MAX_WEBSOCKETS_PER_USER: '100000',
};

/** A process of this folder. The first message that it sends is passed on. */
export async function startProcess(
  name: 'streams-model' | 'streams-readers',
  ...args: readonly string[]
): Promise<{ child: ChildProcess; first: string }> {
  const child = fork(fileURLToPath(new URL(`./${name}.ts`, import.meta.url)), args);
  const [first] = (await once(child, 'message')) as [string];
  return { child, first };
}

/** Has the readers' process do something. */
export async function read(child: ChildProcess, task: ReadersTask): Promise<StreamsRead> {
  child.send(task);
  const [{ read: done }] = (await once(child, 'message')) as [ReadersMessage];
  return done;
}

export async function conversationsOf(actor: Actor, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    ids.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(20, count - ids.length) }, () => actor.createConversation()),
      )),
    );
  }
  return ids;
}
