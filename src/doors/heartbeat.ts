import type { ServerResponse } from 'node:http';
import { Bag, type Place } from '../kernel/bag.js';
import { isFull, SharedText, writeShared } from './write.js';

/** How often something is written to a stream on which nothing happens. Proxies cut silent connections after 30 s or more. */
export const HEARTBEAT_MS = 25_000;

/** Parts that an interval is divided into, so that the signs of thousands of streams do not hold up everything else at once. */
const PARTS = 16;

/**
 * Parts that are served at once by a process that is late, as one with much to do is at every turn of its timer: its streams would
 * wait for the sum of that, and proxies cut them when there is most to do. Of a longer pause the rest is forgotten, so that a client
 * has most of an interval to answer a ping.
 */
const MOST_AT_ONCE = 4;

/** What shows a sign of life on each {@link Heartbeat}. A class to extend, as its place among others is kept in itself. */
export abstract class Beating {
  /** Those of the same part of the interval, and the place among them; undefined off the heartbeat. Set by the heartbeat alone. */
  part: Bag<Beating> | undefined;
  place: Place<Beating> | undefined;

  abstract beat(): void;
}

/**
 * Has many streams show a sign of life, each once in an interval. One timer does so for all: one for each stream would wake the
 * process for each, which takes several times what the sign itself does. It runs only while there are streams.
 */
export class Heartbeat {
  readonly #parts = Array.from({ length: PARTS }, () => new Bag<Beating>());
  #current = 0;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #partMs: number;
  /** When the next part has its turn, on the clock of `performance.now()`. */
  #due = 0;

  constructor(intervalMs: number) {
    this.#partMs = intervalMs / PARTS;
  }

  /** The first beat is an interval from now, or up to a sixteenth of that sooner; a quarter where the process is late. */
  add(member: Beating): void {
    const part = this.#partAt(this.#current);
    member.part = part;
    member.place = part.add(member);
    this.#count++;
    if (this.#timer !== undefined) return;
    this.#due = performance.now() + this.#partMs;
    this.#timer = setInterval(() => {
      this.#beatDue();
    }, this.#partMs).unref();
  }

  /** Does nothing when it is not on the heartbeat. */
  remove(member: Beating): void {
    const { part, place } = member;
    if (part === undefined || place === undefined) return;
    member.part = undefined;
    part.remove(place);
    if (--this.#count > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #beatDue(): void {
    // Timers are a moment early at times.
    const now = performance.now() + this.#partMs / 2;
    for (let parts = 0; parts < MOST_AT_ONCE && this.#due <= now; parts++) {
      this.#due += this.#partMs;
      this.#beat();
    }
    if (this.#due <= now) this.#due = now;
  }

  #beat(): void {
    this.#current = (this.#current + 1) % PARTS;
    const part = this.#partAt(this.#current);
    // A copy, since a beat may remove its own stream, whose place another one takes.
    for (const member of [...part]) if (member.part === part) member.beat();
  }

  #partAt(index: number): Bag<Beating> {
    const part = this.#parts[index];
    if (part === undefined) throw new RangeError(`There is no part ${index}`);
    return part;
  }
}

/** A comment of server-sent events, which clients ignore. */
export const SIGN_OF_LIFE = new SharedText(':\n\n');

/** Writes a sign of life to a stream of events that has begun. A reader who has yet to take what was written needs none. */
export function writeSign(response: ServerResponse): void {
  if (!response.writableEnded && !isFull(response)) void writeShared(response, SIGN_OF_LIFE);
}
