import { Unavailable, UpstreamFailed } from '../../src/kernel/errors.js';
import type { Log } from '../../src/kernel/log.js';
import type { EventLog } from '../../src/ports/event-log.js';
import type { LanguageModel, ModelEvent, TokenCounter } from '../../src/ports/language-model.js';
import type { ModelOrder, ServedModel } from '../../src/features/chat/models/model-catalogue.js';
import { contentEvents, eventCount, type ContentEvent } from '../../src/features/chat/messages/reply-transcript.js';
import { readReply } from '../../src/features/chat/replies/reply-reader.js';
import { ReplyRecovery, type ReplyRecoveryNeeds } from '../../src/features/chat/replies/reply-recovery.js';
import { NO_OPTIONS } from '../../src/features/chat/replies/tools.js';
import { ReplyRunner } from '../../src/features/chat/replies/reply-runner.js';
import {
  endsReply,
  LEASE_SECONDS,
  replyStream,
  type SequencedReplyEvent,
} from '../../src/features/chat/replies/reply.js';
import { randomFrom, type Random } from '../support/random.js';
import { emptyReply, FakeDatabase, storedTranscript, type DatabaseConnection, type ReplyRow } from './fake-database.js';
import { FakeEventBus } from './fake-event-bus.js';
import { FakeEventLog } from './fake-event-log.js';
import {
  isServerFault,
  printed,
  type Event,
  type LocalKind,
  type ModelPlan,
  type ReplyPlan,
  type Schedule,
  type ServerFault,
} from './schedule.js';
import { Host, VirtualTime } from './virtual-time.js';

const LEASE_MS = LEASE_SECONDS * 1_000;
/** After the death of its writer, a reply is ended within its lease and so many milliseconds more. */
const RECOVERY_MS = 2_000;
/** A request to stop a reply is heard within so many milliseconds, also without the bus. */
const STOP_MS = 2_000;
/** After the last fault, all is over within so many milliseconds; the second where calls may be under way that nobody answers. */
const REST_MS = 12_000;
const REST_OF_CALLS_MS = 25_000;
const REST_OF_TRANSACTIONS_MS = 65_000;
const PROMPT_TOKENS = 10;
const RESERVED_TOKENS = 2_000;
const MAX_REPLY_SECONDS = 20;

const NOTHING: Said = { text: '', thoughts: '' };

const counter: TokenCounter = {
  countText: (text) => Math.ceil(text.length / 4),
  countPrompt: () => PROMPT_TOKENS,
};

/** Takes a part out, to see that the checks miss it. */
export interface Change {
  readonly database?: (database: FakeDatabase) => void;
  readonly log?: (log: FakeEventLog) => void;
  /** What running replies have of the database. */
  readonly writer?: (connection: DatabaseConnection, host: Host) => DatabaseConnection;
  /** What recovery has of the log. */
  readonly recoveryLog?: (log: EventLog) => EventLog;
  readonly recovery?: new (needs: ReplyRecoveryNeeds) => ReplyRecovery;
  readonly ownEntries?: boolean;
}

interface Instance {
  readonly host: Host;
  readonly connection: DatabaseConnection;
  readonly events: EventLog;
  readonly runner: ReplyRunner;
  isDraining: boolean;
  /** When it was last without the database. */
  cutOffUntil: number;
}

/** The text and the thoughts of a model. */
interface Said {
  readonly text: string;
  readonly thoughts: string;
}

interface Reader {
  readonly name: string;
  seen: number;
  said: Said;
  end: SequencedReplyEvent | undefined;
  session: { readonly host: Host; isOver: boolean; readonly leaving: AbortController } | undefined;
}

interface Reply {
  readonly id: string;
  readonly entryId: string;
  readonly plan: ReplyPlan;
  readonly said: Said;
  readonly modelEndsAt: number;
  readonly readers: Reader[];
  owner: Instance | undefined;
  endedAt: number | undefined;
  /** The greatest number of a delta that a reader has seen. */
  shown: number;
  /** Numbers up to this one were lost with the log and its writer at once: no reply can have them. */
  excusedUpTo: number;
  isDeleted: boolean;
  stoppedAt: number | undefined;
}

/** One schedule of replies, faults and readers, with the checks of what must hold in each. */
export class ReplySimulation {
  readonly faults: string[] = [];
  readonly #trace: string[] = [];
  readonly #time = new VirtualTime();
  readonly #random: Random;
  readonly #database: FakeDatabase;
  readonly #log: FakeEventLog;
  readonly #bus: FakeEventBus;
  readonly #instances: Instance[] = [];
  readonly #replies: Reply[];
  readonly #released = new Set<string>();
  #quietAt = 0;
  #rest = REST_MS;
  #silentUntil = -Infinity;
  #started = 0;
  #hosts = 0;

  constructor(
    private readonly schedule: Schedule,
    private readonly change: Change = {},
    private readonly isTraced = false,
  ) {
    const { seed, latencies } = schedule;
    this.#random = randomFrom(seed);
    this.#database = new FakeDatabase(this.#time, this.#random, latencies.database);
    this.#log = new FakeEventLog(this.#time, this.#random, latencies.log);
    this.#bus = new FakeEventBus(this.#time, this.#random, latencies.log);
    if (schedule.logForgets) {
      this.#log.forgetsUpTo = (stream) => storedEventsOf(this.#database.reply(stream.slice(replyStream('').length)));
    }
    change.database?.(this.#database);
    for (const server of [this.#database, this.#log, this.#bus]) server.isEmbedded = schedule.isEmbedded;
    change.log?.(this.#log);
    this.#log.onRelease = (stream) => {
      if (schedule.isEmbedded) this.#released.add(stream);
    };
    this.#database.events = {
      ended: (id, host, row) => {
        this.#seeEnd(id, host, row);
      },
    };
    this.#replies = schedule.replies.map((plan, index) => ({
      id: `reply-${index}`,
      entryId: `entry-${index}`,
      plan,
      said: saidBy(plan.model),
      modelEndsAt: plan.at + durationOf(plan.model),
      readers: [],
      owner: undefined,
      endedAt: undefined,
      shown: 0,
      excusedUpTo: 0,
      isDeleted: false,
      stoppedAt: undefined,
    }));
  }

  /** @returns what did not hold */
  async run(): Promise<readonly string[]> {
    const { hosts, replies, events } = this.schedule;
    for (let place = 0; place < hosts; place++) this.#startInstance(place);
    for (const reply of this.#replies) this.#at(reply.plan.at, () => this.#ask(reply));
    for (const event of events) this.#at(event.at, () => this.#happen(event));
    this.#started = replies.length;
    const ends = this.#replies.map(({ modelEndsAt }) => modelEndsAt);
    const readers = replies.flatMap((reply) => reply.readers);
    this.#quietAt = Math.max(...ends, ...readers, ...events.map(({ at, lasts }) => at + lasts));
    await this.#time.run(() => this.#isDone() || this.#time.now > this.#quietAt + this.#rest);
    this.#checkReplies();
    for (const { host } of this.#instances) host.kill();
    return this.faults;
  }

  get report(): string {
    return [printed(this.schedule), ...this.#trace, ...this.faults.map((fault) => `FAULT: ${fault}`)].join('\n');
  }

  #startInstance(place: number): void {
    const host = new Host(`${place}.${this.#hosts++}`, this.#time, this.#random);
    const plain = this.#database.connect(host);
    const events = this.#log.connect(host);
    const bus = this.#bus.connect(host);
    const log: Log = {
      info: () => undefined,
      warn: (fields, message) => {
        this.#note(`host ${host.name} warns: ${message}${'err' in fields ? ` (${String(fields.err)})` : ''}`);
      },
      error: (fields, message) => {
        this.#note(`host ${host.name} logs: ${message}${'err' in fields ? ` (${String(fields.err)})` : ''}`);
        const isExpected = message.startsWith('a reply was not stored before') || this.change.writer !== undefined;
        if (!isExpected) this.#fail(`error in the log: ${message}`);
      },
    };
    const messages = {
      lock: () => Promise.resolve(),
      act: () => ({ note: () => Promise.resolve(), noted: () => undefined, tell: () => undefined }),
      note: () => Promise.resolve(),
    };
    const shared = { events, bus, timers: host.timers, log, counter, messages };
    const writer = this.change.writer?.(plain, host) ?? plain;
    const runner = new ReplyRunner({
      ...shared,
      ...writer,
      failures: { record: () => Promise.resolve() },
      limits: { maxReplySeconds: MAX_REPLY_SECONDS, maxReplyCharacters: 100_000, toolWaitSeconds: 600 },
    });
    const recovery = new (this.change.recovery ?? ReplyRecovery)({
      ...shared,
      ...plain,
      events: this.change.recoveryLog?.(events) ?? events,
      models: { costOf: () => null },
      waiting: { sweep: () => Promise.resolve() },
      running: this.change.ownEntries === true ? { entryIds: [] } : runner,
    });
    const instance = { host, connection: plain, events, runner, isDraining: false, cutOffUntil: -Infinity };
    this.#instances[place] = instance;
    const isRestart = this.schedule.isEmbedded && this.#time.now > 0;
    if (isRestart) {
      this.#log.restartFromJournal(this.#released);
      this.#database.expireAllLeases();
    }
    const open = () => {
      runner.open();
      recovery.open();
    };
    host.reach(0, () => {
      if (isRestart) void recovery.sweep(true).then(open);
      else open();
    });
  }

  #order(host: Host): ModelOrder {
    const model: ServedModel = {
      name: 'simulated',
      contextTokens: 100_000,
      maxReplyTokens: 1_000,
      takesImages: false,
      takesTools: false,
      price: null,
      plans: null,
      fallback: null,
      language: this.#model(host),
      rates: { promptCost: (tokens) => tokens, answerCost: (tokens) => tokens, learn: () => undefined },
    };
    return { requested: model.name, line: [model], instructions: null, temperature: null, maxTokens: null };
  }

  #model(host: Host): LanguageModel {
    const { timers } = host;
    return {
      description: 'simulated',
      status: 'configured',
      condition: null,
      askAgain: () => undefined,
      stream: ({ messages, signal }) => {
        const reply = this.#replies.find(({ id }) => id === messages[0]?.content);
        if (reply === undefined) throw new Error('asked for nothing that was planned');
        const { steps, endsAfter, end } = reply.plan.model;
        const { said } = reply;
        return (async function* (): AsyncGenerator<ModelEvent, void, undefined> {
          let at = timers.now();
          for (const step of steps) {
            at += step.after;
            if (at > timers.now()) await timers.sleep(at - timers.now(), signal);
            signal.throwIfAborted();
            yield { type: step.type, text: step.text };
          }
          at += end === 'silence' ? 10 * MAX_REPLY_SECONDS * 1_000 : endsAfter;
          if (at > timers.now()) await timers.sleep(at - timers.now(), signal);
          signal.throwIfAborted();
          if (end === 'failure') throw new UpstreamFailed('simulated');
          const totalTokens = PROMPT_TOKENS + counter.countText(said.text + said.thoughts) + 1;
          const usage = { totalTokens, promptTokens: PROMPT_TOKENS, cachedTokens: null, reasoningTokens: null };
          yield { type: 'end', usage: end === 'figure' ? usage : null, finishReason: 'STOP' };
        })();
      },
    };
  }

  #ask(reply: Reply): void {
    const { id, entryId, plan } = reply;
    let instance = this.#instances[plan.host];
    if (instance === undefined || instance.host.isDead || instance.isDraining) instance = this.#alive();
    if (instance === undefined || this.#database.isDown) {
      // Answered with 503.
      this.#after(500, () => {
        this.#ask(reply);
      });
      return;
    }
    const { host } = instance;
    this.#note(`${id} is asked for on host ${host.name}`);
    const row: ReplyRow = { ...emptyReply(id), replyToId: `question of ${id}`, keepUnanswered: plan.keepUnanswered };
    const asked = this.#database.ask(
      {
        id: entryId,
        messageId: plan.isStored ? id : null,
        requestId: null,
        reservedTokens: RESERVED_TOKENS,
        promptTokens: PROMPT_TOKENS,
        leaseExpiresAt: null,
        tokens: null,
        countsAsMessage: true,
        settlements: 0,
      },
      plan.isStored ? row : null,
      host,
    );
    asked.then(
      () => {
        this.#startReply(reply, instance);
      },
      () => {
        this.#ask(reply);
      },
    );
  }

  #startReply(reply: Reply, instance: Instance): void {
    const { id, entryId, plan } = reply;
    const { host, runner } = instance;
    reply.owner = instance;
    this.#started--;
    this.#quietAt = Math.max(this.#quietAt, this.#time.now + durationOf(plan.model));
    host.reach(this.#database.travel(), () => {
      const running = runner.start({
        reservation: { entryId, userId: 'user', date: 'day', tokens: RESERVED_TOKENS },
        order: this.#order(host),
        prompt: { messages: [{ role: 'user', content: id }], tokens: PROMPT_TOKENS },
        requestId: undefined,
        options: NO_OPTIONS,
        own: null,
        mustAnswer: false,
        reply: plan.isStored
          ? {
              id,
              conversationId: 'conversation',
              forgettableQuestionId: plan.keepUnanswered ? null : `question of ${id}`,
              resumed: null,
            }
          : null,
      });
      if (!plan.isStored) void this.#readUnstored(reply, running.events.follow(0, new AbortController().signal));
    });
    if (!plan.isStored) return;
    for (const [index, at] of plan.readers.entries()) {
      const reader: Reader = {
        name: `reader ${index} of ${id}`,
        seen: 0,
        said: NOTHING,
        end: undefined,
        session: undefined,
      };
      reply.readers.push(reader);
      this.#after(Math.max(0, at - plan.at), () => {
        this.#connect(reply, reader);
      });
    }
  }

  async #readUnstored(reply: Reply, events: AsyncIterable<SequencedReplyEvent>): Promise<void> {
    const reader: Reader = {
      name: `reader of ${reply.id}`,
      seen: 0,
      said: NOTHING,
      end: undefined,
      session: undefined,
    };
    for await (const event of events) this.#receive(reply, reader, event);
  }

  #connect(reply: Reply, reader: Reader): void {
    if (reader.end !== undefined) return;
    const instance = this.#alive();
    if (instance === undefined) {
      this.#after(300, () => {
        this.#connect(reply, reader);
      });
      return;
    }
    const { host } = instance;
    const session = { host, isOver: false, leaving: new AbortController() };
    reader.session = session;
    host.reach(this.#random.below(5), () => {
      void this.#read(reply, reader, instance, session);
    });
  }

  async #read(
    reply: Reply,
    reader: Reader,
    { host, connection, events, runner }: Instance,
    session: NonNullable<Reader['session']>,
  ): Promise<void> {
    const { signal } = session.leaving;
    const parts = { replies: connection.replies, events, timers: host.timers, running: runner };
    try {
      for await (const event of readReply(reply.id, reader.seen, signal, parts)) {
        if (session.isOver) return;
        this.#receive(reply, reader, event);
        if (reader.end === undefined && this.#random.chance(4)) this.#leave(reply, reader, this.#random.below(600));
      }
    } catch (error) {
      if (!session.isOver && !(error instanceof Unavailable)) this.#fail(`${reader.name} got ${String(error)}`);
    }
    if (!session.isOver && reader.end === undefined) this.#leave(reply, reader, 200);
  }

  /** The reader's connection is gone; it comes back. */
  #leave(reply: Reply, reader: Reader, comesBackIn: number): void {
    const { session } = reader;
    if (session === undefined || session.isOver) return;
    session.isOver = true;
    session.host.reach(0, () => {
      session.leaving.abort();
    });
    this.#after(comesBackIn, () => {
      this.#connect(reply, reader);
    });
  }

  #receive(reply: Reply, reader: Reader, event: SequencedReplyEvent): void {
    this.#note(`${reader.name} gets ${event.sequence}: ${JSON.stringify(event.type === 'delta' ? event.text : event)}`);
    if (reader.end !== undefined) this.#fail(`${reader.name} gets more after the end`);
    if (event.sequence !== reader.seen + 1)
      this.#fail(`${reader.name} gets number ${event.sequence} after ${reader.seen}`);
    reader.seen = event.sequence;
    if (endsReply(event)) {
      reader.end = event;
      return;
    }
    reader.said = heard(reader.said, event);
    reply.shown = Math.max(reply.shown, event.sequence);
  }

  #happen(event: Event): void {
    const { kind, lasts } = event;
    this.#note(`${kind}${lasts > 0 ? ` for ${lasts} ms` : ''}`);
    const after = (run: () => void) => {
      this.#after(lasts, () => {
        this.#note(`${kind}: over`);
        run();
      });
    };
    if (isServerFault(kind)) this.#happenToServer(kind, event, after);
    else this.#happenTo(kind, event, after);
  }

  #happenToServer(kind: ServerFault, { lasts, jump }: Event, after: (run: () => void) => void): void {
    const [database, log, bus] = [this.#database, this.#log, this.#bus];
    switch (kind) {
      case 'database down':
        database.stop();
        after(() => {
          database.restart();
        });
        this.#rest = Math.max(this.#rest, REST_OF_CALLS_MS);
        break;
      case 'database silent':
        database.stop();
        database.refuses = false;
        after(() => {
          database.restart();
          database.refuses = true;
        });
        // All connections of its writer may wait for answers to what was lost.
        this.#silentUntil = Math.max(this.#silentUntil, this.#time.now + lasts + REST_OF_CALLS_MS);
        this.#rest = Math.max(this.#rest, REST_OF_CALLS_MS);
        break;
      case 'log down':
      case 'bus down': {
        const server = kind === 'log down' ? log : bus;
        server.stop();
        after(() => {
          server.restart();
        });
        break;
      }
      case 'database stalled':
      case 'log stalled': {
        const server = kind === 'log stalled' ? log : database;
        server.stall();
        after(() => {
          server.goOn();
        });
        this.#rest = Math.max(this.#rest, REST_OF_CALLS_MS);
        break;
      }
      case 'database loses answers':
      case 'log loses answers':
      case 'bus loses answers': {
        const server = kind === 'log loses answers' ? log : kind === 'bus loses answers' ? bus : database;
        server.lostAnswers = 30;
        after(() => {
          server.lostAnswers = 0;
        });
        break;
      }
      case 'database clock jumps':
        database.clockOffset += jump;
        // The leases of the time before last longer.
        this.#rest = Math.max(this.#rest, REST_MS - Math.min(0, jump < -20_000 ? 0 : jump));
        break;
      case 'log loses all':
        log.lose();
        break;
    }
  }

  #happenTo(kind: LocalKind, { host: place, reply: index, lasts }: Event, after: (run: () => void) => void): void {
    const instance = this.#instances[place];
    if (instance === undefined) return;
    const { host } = instance;
    const reply = this.#replies[index];
    switch (kind) {
      case 'kill':
        this.#kill(place);
        break;
      case 'drain':
        instance.isDraining = true;
        host.reach(0, () => {
          void instance.runner.drain(500, 2_000).then(() => {
            this.#kill(place);
          });
        });
        break;
      case 'freeze':
        if (host.isDead) break;
        host.freeze();
        if (this.#database.holdsLocks(host)) this.#rest = REST_OF_TRANSACTIONS_MS;
        for (const one of this.#replies) {
          for (const reader of one.readers) {
            if (reader.session?.host !== host || this.#random.chance(50)) continue;
            this.#after(500 + this.#random.below(2_500), () => {
              if (reader.session?.host === host) this.#leave(one, reader, 0);
            });
          }
        }
        after(() => {
          host.thaw();
          const longest = Math.max(...this.#replies.map(({ plan }) => durationOf(plan.model)));
          this.#quietAt = Math.max(this.#quietAt, this.#time.now + longest);
        });
        break;
      case 'cut off from the database':
      case 'cut off from the log': {
        const server = kind === 'cut off from the log' ? this.#log : this.#database;
        server.cutOff(host);
        if (server === this.#database) instance.cutOffUntil = this.#time.now + lasts;
        after(() => {
          server.reconnect(host);
        });
        this.#rest = Math.max(this.#rest, REST_OF_CALLS_MS);
        break;
      }
      case 'stop':
        if (reply?.owner === undefined || !reply.plan.isStored || host.isDead) break;
        reply.stoppedAt = this.#time.now;
        host.reach(0, () => {
          instance.runner.stop(reply.id).catch(() => undefined);
        });
        break;
      case 'delete':
        if (reply === undefined || !reply.plan.isStored || this.#database.isDown) break;
        reply.isDeleted = true;
        void this.#database.delete(reply.id, host);
        break;
    }
  }

  #kill(place: number): void {
    const instance = this.#instances[place];
    if (instance === undefined || instance.host.isDead) return;
    const { host } = instance;
    this.#note(`host ${host.name} is dead`);
    host.kill();
    this.#database.forget(host);
    for (const reply of this.#replies) {
      for (const reader of reply.readers) {
        if (reader.session?.host === host) this.#leave(reply, reader, this.#random.below(400));
      }
    }
    const others = this.#instances.filter(({ host: other }) => !other.isDead);
    if (others.length > 0 && this.#random.chance(60)) return;
    const delay = this.#random.below(3_000);
    this.#quietAt = Math.max(this.#quietAt, this.#time.now + delay);
    this.#after(delay, () => {
      this.#startInstance(place);
      this.#note(`host ${this.#instances[place]?.host.name ?? ''} starts`);
    });
  }

  /** What a load balancer takes a new connection to. */
  #alive(): Instance | undefined {
    const alive = this.#instances.filter(({ host }) => !host.isDead && !host.isFrozen);
    return alive[this.#random.below(alive.length)];
  }

  /** A transaction has ended a reply, or removed it. */
  #seeEnd(id: string, host: Host, row: ReplyRow | null): void {
    const reply = this.#replies.find((one) => one.id === id);
    if (reply === undefined) return;
    this.#note(
      row === null
        ? `${id} is gone, by host ${host.name}`
        : `${id} is ${row.status} with ${storedEventsOf(row)} events, by host ${host.name}`,
    );
    if (reply.endedAt !== undefined) this.#fail(`${id} ends twice`);
    reply.endedAt = this.#time.now;
    const stream = replyStream(id);
    const lost = this.#log.lostUpTo(stream);
    if (lost > storedEventsOf(row)) reply.excusedUpTo = lost;
    if (row?.failureCode !== 'INTERRUPTED') return;
    if (!this.#log.reaches(host) || this.#log.isStalled) reply.excusedUpTo = Infinity;
    const { owner } = reply;
    if (owner === undefined) return;
    if (owner.host === host && !owner.isDraining && owner.runner.find(id) !== undefined)
      this.#fail(`${id} is ended by the recovery of the process that writes it`);
    const wasAway =
      owner.host.isDead ||
      owner.host.isFrozen ||
      owner.isDraining ||
      Math.max(owner.host.thawedAt, owner.cutOffUntil, this.#silentUntil) > this.#time.now - LEASE_MS;
    if (!wasAway) this.#fail(`${id} is ended by host ${host.name} although its writer is at work`);
  }

  #isDone(): boolean {
    return (
      this.#started === 0 &&
      this.#time.now > this.#quietAt &&
      this.#replies.every(
        ({ plan, entryId, readers, endedAt, isDeleted }) =>
          (this.#database.entry(entryId)?.tokens ?? null) !== null &&
          (!plan.isStored || endedAt !== undefined || isDeleted) &&
          readers.every(({ end }) => end !== undefined),
      ) &&
      this.#replies.every(
        ({ owner, entryId }) => owner?.host.isDead !== false || !owner.runner.entryIds.includes(entryId),
      )
    );
  }

  #checkReplies(): void {
    let tokens = 0;
    let messages = 0;
    for (const reply of this.#replies) {
      const entry = this.#database.entry(reply.entryId);
      if (entry === null) {
        this.#fail(`${reply.id} was never asked for`);
        continue;
      }
      if (entry.tokens === null || entry.settlements !== 1)
        this.#fail(`the entry of ${reply.id} was settled ${entry.settlements} times`);
      tokens += entry.tokens ?? entry.reservedTokens;
      if (entry.countsAsMessage) messages++;
      if (reply.plan.isStored) this.#checkStored(reply, entry.tokens ?? 0);
      this.#checkTimes(reply);
    }
    const { day } = this.#database;
    if (day.tokens !== tokens || day.messages !== messages)
      this.#fail(
        `the day has ${day.tokens} tokens and ${day.messages} messages, its entries ${tokens} and ${messages}`,
      );
  }

  #checkStored(reply: Reply, tokens: number): void {
    const { id, plan, said, readers, excusedUpTo, isDeleted, owner } = reply;
    const row = this.#database.reply(id);
    if (row?.status === 'STREAMING') this.#fail(`${id} is still streaming`);
    const stored = row === null ? null : contentEvents(storedTranscript(row)).reduce(heard, NOTHING);
    if (stored !== null && !(begins(said.text, stored.text) && begins(said.thoughts, stored.thoughts)))
      this.#fail(`${id} has text that the model did not write`);
    if (stored !== null && row?.status === 'COMPLETE' && !isSame(stored, said))
      this.#fail(`${id} is complete without all of its text`);
    for (const { name, end, seen, said: read } of readers) {
      if (end === undefined) {
        // The number of a text that is lost may be that of the end for another reader, who was told it.
        if (seen === 0 || excusedUpTo < seen) this.#fail(`${name} was not told the end`);
        continue;
      }
      // What only its row or a lost log had of a deleted reply is not known to whom its writer left it.
      const isLost = excusedUpTo >= seen - 1 || (isDeleted && owner?.host.isDead === true);
      if (
        tokens < PROMPT_TOKENS + counter.countText(read.text + read.thoughts) &&
        row?.status !== 'COMPLETE' &&
        !isLost
      )
        this.#fail(`${name} was shown more than the ${tokens} tokens that are charged`);
      if (stored === null || isDeleted) {
        // Thoughts alone are no answer.
        const wasKept = plan.keepUnanswered || read.text !== '';
        if (stored === null && wasKept && !isDeleted && seen - 1 > excusedUpTo)
          this.#fail(`${name} was shown text, and the reply is gone`);
        continue;
      }
      if (seen - 1 > excusedUpTo && !(end.type === 'completed' && row?.status === 'COMPLETE') && !isSame(read, stored))
        this.#fail(`${name} was shown ${printedSaid(read)}, and ${printedSaid(stored)} are stored`);
      if (
        end.type === 'completed' &&
        (row?.status !== 'COMPLETE' || !isSame(read, stored) || end.response !== stored.text)
      )
        this.#fail(`${name} was told that it is complete, with ${printedSaid(read)} of ${printedSaid(stored)}`);
      if (end.type === 'failed' && (row?.status === 'COMPLETE' || end.partial !== stored.text))
        this.#fail(`${name} was told ${end.code} with ${end.partial.length} of ${printedSaid(stored)}`);
    }
  }

  #checkTimes({ id, owner, endedAt, stoppedAt, plan }: Reply): void {
    const { events, isEmbedded, latencies } = this.schedule;
    const [only] = events;
    if (events.length !== 1 || only === undefined || !plan.isStored || endedAt === undefined) return;
    if (only.kind === 'kill' && !isEmbedded && owner?.host.isDead === true) {
      const limit = Math.max(only.at, plan.at) + LEASE_MS + RECOVERY_MS + 10 * latencies.database.most;
      const hadOthers = this.schedule.hosts > 1;
      if (hadOthers && endedAt > limit)
        this.#fail(`${id} was ended ${Math.round(endedAt - only.at)} ms after its writer was killed`);
    }
    if (only.kind === 'stop' && stoppedAt !== undefined && endedAt > Math.max(stoppedAt, plan.at) + STOP_MS)
      this.#fail(`${id} was stopped ${Math.round(endedAt - stoppedAt)} ms after it was asked for`);
  }

  #at(time: number, run: () => void): void {
    this.#time.after(time - this.#time.now, run);
  }

  #after(milliseconds: number, run: () => void): void {
    this.#time.after(milliseconds, run);
  }

  #fail(fault: string): void {
    this.faults.push(fault);
    this.#note(`!!! ${fault}`);
  }

  #note(text: string): void {
    if (this.isTraced) this.#trace.push(`${this.#time.now.toFixed(1).padStart(9)}  ${text}`);
  }
}

function durationOf({ steps, endsAfter, end }: ModelPlan): number {
  const sum = steps.reduce((total, { after }) => total + after, 0);
  return end === 'silence' ? Math.max(sum, MAX_REPLY_SECONDS * 1_000) : sum + endsAfter;
}

function storedEventsOf(row: ReplyRow | null): number {
  return row === null ? 0 : eventCount(storedTranscript(row));
}

/** Half a character that the other half does not follow on in the same kind of event is none. */
function saidBy({ steps }: ModelPlan): Said {
  const runs: { type: string; text: string }[] = [];
  for (const { type, text } of steps) {
    const last = runs.at(-1);
    if (last?.type === type) last.text += text;
    else runs.push({ type, text });
  }
  const joined = (kind: string) => runs.map(({ type, text }) => (type === kind ? text.toWellFormed() : '')).join('');
  return { text: joined('text'), thoughts: joined('reasoning') };
}

function heard({ text, thoughts }: Said, event: ContentEvent): Said {
  if (event.type === 'delta') return { text: text + event.text, thoughts };
  return event.type === 'reasoning' ? { text, thoughts: thoughts + event.text } : { text, thoughts };
}

/** The last character of what was cut may be half of one. */
function begins(whole: string, start: string): boolean {
  return whole.startsWith(start) || whole.startsWith(start.slice(0, -1));
}

function isSame(one: Said, other: Said): boolean {
  return one.text === other.text && one.thoughts === other.thoughts;
}

function printedSaid({ text, thoughts }: Said): string {
  return `${text.length} characters of text and ${thoughts.length} of thoughts`;
}
