import { z } from 'zod';
import { QuotaExceeded, UpstreamFailed } from '../../../kernel/errors.js';
import { currentRequestId } from '../../../kernel/request-scope.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { JobQueue } from '../../../ports/job-queue.js';
import type { ModelUsage, TokenCounter } from '../../../ports/language-model.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import { promptTextOf } from '../messages/message.js';
import { NO_SETTINGS, type ModelCatalogue, type ModelOrder, type ServedModel } from '../models/model-catalogue.js';
import { costOf } from '../models/price.js';
import { longestAnswer, prepareCall, reportedCounts, type ModelCall } from '../replies/model-call.js';
import type { Prompt } from '../replies/prompt.js';
import type { CompleteReply } from '../replies/running-reply.js';
import type { Reservation, Settlement } from '../usage/usage.js';
import type { UsageService } from '../usage/usage.service.js';
import { MAX_READ, MAX_TITLE_TOKENS, titleIn, titlePrompt } from './title.js';
import type { TitlesRepository, Untitled } from './titles.repository.js';

export const TITLE_QUEUE = 'conversation-titles';

/** A title that takes longer is tried again later. */
const MAX_MS = 12_000;
/** Longer than {@link MAX_MS}, so that it need not be renewed; recovery knows no longer ones than 20 s. */
const LEASE_SECONDS = 18;

const titleRequest = z.object({ conversationId: z.string(), replyId: z.string() });

interface TitlesServiceNeeds {
  readonly repository: TitlesRepository;
  readonly database: Pick<Database, 'transaction'>;
  readonly jobs: Pick<JobQueue, 'add'>;
  readonly conversations: Pick<ConversationsService, 'act' | 'claimTitle' | 'giveTitle'>;
  readonly usage: Pick<UsageService, 'raise' | 'reserve' | 'settle'>;
  readonly models: Pick<ModelCatalogue, 'defaultOf' | 'find'>;
  readonly counter: TokenCounter;
  /** The name of the model that is asked; null for the one that the owner's plan has by default. */
  readonly modelName: string | null;
}

/** What the model answered, as far as it came. */
interface Answer {
  readonly text: string;
  readonly usage: ModelUsage | null;
  /** Why there is no more. */
  readonly error?: Error;
}

/** Asks the model for titles, in jobs: nobody waits for one. */
export class TitlesService {
  constructor(private readonly needs: TitlesServiceNeeds) {}

  /** Adds the job, in the transaction that stores the answer, unless there is a title or one was asked for before. */
  async askFor(sql: Sql, { id: replyId, conversationId }: CompleteReply): Promise<void> {
    if (!(await this.needs.conversations.claimTitle(sql, conversationId))) return;
    await this.needs.jobs.add(TITLE_QUEUE, { conversationId, replyId } satisfies z.infer<typeof titleRequest>, sql);
  }

  /**
   * Does such a job. Nothing happens where the conversation has a title meanwhile or is gone, or too little is left of the
   * owner's plan.
   * @throws what the model's adapter throws: the job is tried again
   */
  async give(job: unknown): Promise<void> {
    const { conversationId, replyId } = titleRequest.parse(job);
    const untitled = await this.needs.repository.find(replyId);
    if (untitled === null) return;
    const asked = await this.#reserve(untitled);
    if (asked === null) return;
    const { call, reservation } = asked;
    const answer = await this.#ask(call);
    const title = answer.error === undefined ? titleIn(answer.text) : null;
    await this.#store(conversationId, title, reservation, this.#settlement(call, answer));
    if (answer.error !== undefined) throw answer.error;
    this.#learn(call, answer);
  }

  /** @returns null when too little is left of the plan */
  async #reserve(untitled: Untitled): Promise<{ call: ModelCall; reservation: Reservation } | null> {
    const { database, usage, counter } = this.needs;
    const messages = titlePrompt(promptTextOf(untitled.question), promptTextOf(untitled.answer));
    const prompt: Prompt = { messages, tokens: counter.countPrompt(messages) };
    try {
      const model = this.#modelFor(untitled.plan);
      const order: ModelOrder = { ...NO_SETTINGS, maxTokens: MAX_TITLE_TOKENS, requested: model.name, line: [model] };
      const promptCost = model.rates.promptCost(prompt.tokens);
      const reservation = await database.transaction((sql) =>
        usage.reserve(sql, untitled, {
          kind: 'TITLE',
          tokens: { min: promptCost + 1, max: promptCost + longestAnswer(model, order) },
          promptTokens: prompt.tokens,
          model: model.name,
          isMessage: false,
          messageId: null,
          requestId: currentRequestId(),
          leaseSeconds: LEASE_SECONDS,
        }),
      );
      return { call: prepareCall(model, order, prompt, reservation, counter), reservation };
    } catch (error) {
      if (error instanceof QuotaExceeded) return null;
      throw error;
    }
  }

  #modelFor(plan: string): ServedModel {
    const { models, modelName } = this.needs;
    return (modelName === null ? undefined : models.find(modelName)) ?? models.defaultOf(plan);
  }

  async #ask({ model, prompt: { messages }, maxTokens }: ModelCall): Promise<Answer> {
    let text = '';
    try {
      const signal = AbortSignal.timeout(MAX_MS);
      for await (const event of model.language.stream({ messages, maxTokens, signal })) {
        if (event.type === 'end') return { text, usage: event.usage };
        if (event.type === 'text') text += event.text;
        if (text.length > MAX_READ) break;
      }
      return { text, usage: null };
    } catch (error) {
      return { text, usage: null, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  #settlement({ model, prompt }: ModelCall, { text, usage, error }: Answer): Settlement {
    const completion = this.needs.counter.countText(text);
    // As of a reply: a provider that failed before it wrote anything has charged nothing.
    const isFree = error instanceof UpstreamFailed && text === '';
    const counts =
      usage === null
        ? { prompt: isFree ? 0 : prompt.tokens, cached: null, completion, reasoning: null }
        : reportedCounts(usage, completion);
    return {
      tokens: counts.prompt + counts.completion,
      source: usage === null ? 'ESTIMATED' : 'REPORTED',
      spent: {
        model: model.name,
        promptTokens: counts.prompt,
        cachedTokens: counts.cached,
        completionTokens: counts.completion,
        reasoningTokens: counts.reasoning,
        cost: model.price && costOf(model.price, counts),
      },
      // None was reserved, so none is given back.
      countsAsMessage: true,
    };
  }

  /** One transaction, which locks in the order of whoever asks: the conversation, the usage, the list. */
  async #store(
    conversationId: string,
    title: string | null,
    reservation: Reservation,
    settlement: Settlement,
  ): Promise<void> {
    const { database, conversations, usage } = this.needs;
    const news = conversations.act();
    const isSettled = await database.transaction(async (sql) => {
      const note = title === null ? null : await conversations.giveTitle(sql, conversationId, title);
      const isFirst = await usage.settle(sql, reservation, settlement);
      await note?.(sql, news);
      return isFirst;
    });
    news.tell();
    // Another instance took this one for dead, and has settled by the tokenizer's count.
    if (!isSettled) await usage.raise(reservation, settlement);
  }

  #learn({ model, prompt }: ModelCall, { text, usage }: Answer): void {
    if (usage === null) return;
    const ours = this.needs.counter.countText(text);
    const theirs = reportedCounts(usage, ours);
    model.rates.learn({
      prompt: { ours: prompt.tokens, theirs: theirs.prompt },
      answer: usage.promptTokens === null ? null : { ours, theirs: theirs.completion },
    });
  }
}
