import type { Log } from '../../../kernel/log.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { EventLog } from '../../../ports/event-log.js';
import type { TokenCounter } from '../../../ports/language-model.js';
import { textOf } from '../messages/message.js';
import type { MessagesService } from '../messages/messages.service.js';
import type { ExpiredReservation } from '../usage/usage.js';
import type { UsageService } from '../usage/usage.service.js';
import type { RepliesRepository } from './replies.repository.js';
import { failedStatus, REASONS, replyStream, type ReplyEvent, type StoredReply } from './reply.js';

const SWEEP_MS = 5_000;

export interface ReplyRecoveryNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly replies: Pick<RepliesRepository, 'findForUpdate' | 'finish'>;
  readonly usage: Pick<UsageService, 'lockExpired' | 'settle'>;
  readonly messages: Pick<MessagesService, 'publish'>;
  readonly counter: TokenCounter;
  readonly events: EventLog;
  readonly log: Log;
}

/** Ends the replies of dead instances: keeps the text that had arrived, and settles usage by the tokenizer's count. */
export class ReplyRecovery {
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<unknown> = Promise.resolve();

  constructor(private readonly needs: ReplyRecoveryNeeds) {}

  open(): void {
    this.#timer = setInterval(() => {
      this.#sweeping = this.sweep().catch((error: unknown) => {
        this.needs.log.warn({ err: error }, 'abandoned replies were not looked for');
      });
    }, SWEEP_MS);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  /** @returns how many replies were ended */
  async sweep(): Promise<number> {
    let ended = 0;
    while (await this.#endOne()) ended++;
    if (ended > 0) this.needs.log.warn({ replies: ended }, 'ended replies that an instance left behind');
    return ended;
  }

  async #endOne(): Promise<boolean> {
    const { database, usage } = this.needs;
    const ended = await database.transaction(async (sql) => {
      const reservation = await usage.lockExpired(sql);
      return reservation === null ? null : { reply: await this.#end(sql, reservation) };
    });
    if (ended === null) return false;
    if (ended.reply !== null) await this.#tell(ended.reply);
    return true;
  }

  async #end(sql: Sql, reservation: ExpiredReservation): Promise<StoredReply | null> {
    const { replies, usage, counter } = this.needs;
    const reply = reservation.messageId === null ? null : await replies.findForUpdate(sql, reservation.messageId);
    const text = reply === null ? '' : (textOf(reply) ?? '');
    const tokens = reservation.promptTokens + counter.countText(text);
    await usage.settle(sql, reservation, { tokens, source: 'ESTIMATED', countsAsMessage: true });
    if (reply?.status !== 'STREAMING') return null;
    const failure = { code: 'INTERRUPTED', reason: REASONS.INTERRUPTED } as const;
    await replies.finish(sql, reply.id, {
      status: failedStatus(text),
      text,
      deltaEnds: reply.deltaEnds,
      tokens,
      failure,
    });
    return reply;
  }

  async #tell(reply: StoredReply): Promise<void> {
    const { events, messages } = this.needs;
    const stream = replyStream(reply.id);
    const event: ReplyEvent = {
      type: 'failed',
      code: 'INTERRUPTED',
      reason: REASONS.INTERRUPTED,
      partial: textOf(reply) ?? '',
      messageId: reply.id,
    };
    if (await events.has(stream)) await events.append(stream, [event]);
    await messages.publish(reply.conversationId, { type: 'updated', messageId: reply.id });
  }
}
