import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { OpenAI } from 'openai';
import { abortWith } from '../../kernel/abort-with.js';
import { UpstreamFailed, UpstreamResting, type UpstreamEvidence } from '../../kernel/errors.js';
import { CircuitBreaker } from '../../kernel/circuit-breaker.js';
import { systemClock } from '../../kernel/clock.js';
import type { Log } from '../../kernel/log.js';
import { systemTimers } from '../../kernel/timers.js';
import type {
  LanguageModel,
  ModelEvent,
  ModelFinishReason,
  ModelRequest,
  ModelToolCall,
  ModelUsage,
} from '../../ports/language-model.js';
import type { AnswerChunk } from './answer-chunk.js';
import { fetchByNode, NodeResponse } from './http-fetch.js';
import { FAILURE_REASONS, ProviderFailure, toProviderFailure } from './provider-failure.js';
import { AnswerReader, type AnswerPart } from './read-answer.js';
import { requestBody, type RequestBody } from './request-body.js';
import { ToolCallReader } from './tool-call-reader.js';
import { redacted } from './redacted.js';

const DEFAULT_BASE_URL = 'https://api.openai.com/v1';
/** Maximum retries. */
const MAX_RETRIES = 2;
/** Maximum milliseconds to wait for the end of the connection, so that it can be used again, after the provider said `[DONE]`. */
const CLOSING_MS = 250;
/** Maximum characters of an answer and its reasoning, far beyond any model's: what is more is a provider gone wrong. */
const MAX_ANSWER_LENGTH = 4 * 1024 * 1024;
/** The greatest count that the database and GraphQL's `Int` hold. */
const MAX_TOKENS = 2 ** 31 - 1;

/** The reasons of servers, in the words of the port. */
const FINISH_REASONS: Readonly<Record<string, ModelFinishReason>> = {
  content_filter: 'CONTENT_FILTER',
  end_turn: 'STOP',
  eos: 'STOP',
  function_call: 'TOOL_CALLS',
  length: 'LENGTH',
  max_tokens: 'LENGTH',
  stop: 'STOP',
  tool_calls: 'TOOL_CALLS',
  tool_use: 'TOOL_CALLS',
};

/** Why an answer that is whole has no text, by its finish reason. */
const WITHOUT_TEXT: Readonly<Record<string, ProviderFailure['kind']>> = {
  content_filter: 'answerWithheld',
  function_call: 'toolCall',
  length: 'noRoomForText',
  max_tokens: 'noRoomForText',
  tool_calls: 'toolCall',
  tool_use: 'toolCall',
};

/** Finish reasons of an answer that the model would have gone on with. */
const CUT_SHORT = ['content_filter', 'length', 'max_tokens'];

/** Timeouts and retry delays for the provider, in milliseconds. */
export interface ModelTiming {
  /** Silence before the first text: connecting, reading the prompt, thinking. */
  readonly firstTextMs: number;
  /** Silence between two pieces of text. */
  readonly silenceMs: number;
  /** Silence after the last piece, when only the token count is missing: the answer is complete without it. */
  readonly usageMs: number;
  /** The delay before the first retry, doubled for each further one, with up to half of it removed at random. */
  readonly retryDelayMs: number;
  /** Upper limit on the provider's `Retry-After`. */
  readonly maxRetryAfterMs: number;
}

const DEFAULT_TIMING: ModelTiming = {
  firstTextMs: 20_000,
  silenceMs: 20_000,
  usageMs: 5_000,
  retryDelayMs: 500,
  maxRetryAfterMs: 5_000,
};

/** When a provider that fails is left alone. */
interface BreakerSettings {
  /** Failed tries in a row. */
  readonly failures: number;
  readonly openMs: number;
}

const DEFAULT_BREAKER: BreakerSettings = { failures: 5, openMs: 30_000 };

interface OpenAiOptions {
  readonly apiKey: string;
  /** Base URL, without `/chat/completions`, of any server with OpenAI's chat completions API; default OpenAI's own. */
  readonly baseUrl?: string | undefined;
  readonly model: string;
  readonly log: Pick<Log, 'warn'>;
  readonly timing?: Partial<ModelTiming> | undefined;
  readonly breaker?: BreakerSettings | undefined;
  /** Asks in place of {@link fetchByNode}, by means of it. */
  readonly fetch?: typeof fetch | undefined;
}

/**
 * A model behind OpenAI's chat completions API, streamed.
 *
 * The library's own retries and timeout are off: it sleeps through aborts, retries an exhausted account, and does not see a
 * stream that stalls. Its reading of events is not used either: it takes an answer that is no stream for an empty one. Here a
 * failed try is repeated up to twice, before anything was told only. An answer is whole when the provider gave a finish reason
 * (`length` and `content_filter` are some) or said `[DONE]`; a stream that just ends was cut.
 *
 * Each try passes a circuit breaker of this model's own: a provider that keeps failing is left alone for a time, and costs a
 * question no call.
 */
export class OpenAiLanguageModel implements LanguageModel {
  readonly status = 'configured';
  readonly description: string;
  private readonly client: OpenAI;
  private readonly apiKey: string;
  private readonly model: string;
  private readonly log: Pick<Log, 'warn'>;
  private readonly timing: ModelTiming;
  private readonly breaker: CircuitBreaker;
  private readonly limitName: 'max_completion_tokens' | 'max_tokens';

  constructor(options: OpenAiOptions) {
    const { apiKey, baseUrl = DEFAULT_BASE_URL, model, log, timing, breaker = DEFAULT_BREAKER } = options;
    const { host, hostname } = new URL(baseUrl);
    this.description = `${model} at ${host}`;
    // `logLevel`: the library would print chunks, which hold text, to the console.
    // `organization` and `project`: or it reads them from the environment, behind the settings' back.
    this.client = new OpenAI({
      apiKey,
      baseURL: baseUrl,
      organization: null,
      project: null,
      maxRetries: 0,
      logLevel: 'off',
      fetch: options.fetch ?? fetchByNode,
    });
    this.apiKey = apiKey;
    this.model = model;
    this.log = log;
    this.timing = { ...DEFAULT_TIMING, ...timing };
    this.breaker = new CircuitBreaker({
      ...breaker,
      clock: systemClock,
      timers: systemTimers,
      onChange: ({ state, failures, retryAt, lastFailure }) => {
        const { description } = this;
        if (state === 'CLOSED') log.warn({ model: description }, 'The model answers again');
        else
          log.warn({ model: description, failures, retryAt, lastFailure }, 'The model keeps failing and is left alone');
      },
    });
    // OpenAI's newer models refuse the old name; most other servers know only that one and ignore the new, leaving the
    // answer without a limit.
    this.limitName = /(^|\.)openai\.(azure\.)?com$/.test(hostname) ? 'max_completion_tokens' : 'max_tokens';
  }

  get condition() {
    return this.breaker.report;
  }

  askAgain(agoMs?: number): void {
    if (this.breaker.reset(agoMs)) this.log.warn({ model: this.description }, 'The model is asked again, by hand');
  }

  async *stream(request: ModelRequest): AsyncGenerator<ModelEvent, void, undefined> {
    const saying: Saying = { body: await this.bodyOf(request) };
    for (let attempt = 1; ; attempt++) {
      request.signal.throwIfAborted();
      const call = this.breaker.enter();
      if (call === null) throw new UpstreamResting(FAILURE_REASONS.resting);
      let answered = false;
      try {
        for await (const event of this.attempt(request, saying)) {
          if (!answered) call.answers();
          answered = true;
          // It is not sent again: images in it would take memory for as long as the answer comes.
          saying.body = undefined;
          yield event;
        }
        call.succeeded();
        return;
      } catch (error) {
        request.signal.throwIfAborted();
        const failure = toProviderFailure(error);
        if (failure.isOfProvider) call.failed(failure.message);
        else call.succeeded();
        const isLeftAlone = this.breaker.report.state !== 'CLOSED';
        const retry = failure.retryable && !answered && attempt <= MAX_RETRIES && !isLeftAlone;
        const evidence = this.evidenceOf(failure, request);
        const { requestId } = request;
        this.log.warn(
          { ...(requestId !== undefined && { requestId }), ...evidence, reason: failure.message, attempt, answered },
          retry ? 'The model failed; trying again' : 'The model failed',
        );
        if (!retry) throw new UpstreamFailed(failure.message, undefined, evidence, failure.isOfProvider);
        await this.pause(attempt, failure.retryAfterMs, request.signal);
      } finally {
        // The reader may have left, after text or before.
        if (answered) call.succeeded();
        else call.left();
      }
    }
  }

  /** @throws UpstreamFailed when an image cannot be read, which is no fault of the provider: it is not counted against it */
  private async bodyOf(request: ModelRequest): Promise<RequestBody> {
    try {
      return await requestBody(request);
    } catch (error) {
      const { requestId } = request;
      this.log.warn(
        { ...(requestId !== undefined && { requestId }), err: error },
        'The images of a question could not be read',
      );
      throw new UpstreamFailed(FAILURE_REASONS.imagesUnread);
    }
  }

  /** One request, without retries. Ends with an `end` event, or throws. */
  private async *attempt(request: ModelRequest, saying: Saying): AsyncGenerator<ModelEvent, void, undefined> {
    const { tools, signal } = request;
    const silence = new SilenceTimer(signal);
    const answer = new Answer(this.timing);
    // Made when it is needed: an error takes the stack that it was made on, for as long as the answer comes.
    let failure: ProviderFailure | undefined;
    try {
      silence.restart(this.timing.firstTextMs);
      const content = await this.ask(request, saying, silence.signal);
      const reader = new AnswerReader();
      for await (const text of content.setEncoding('utf8') as AsyncIterable<string>) {
        // Only the provider's silence counts, not the time that the reader takes with a piece.
        silence.pause();
        for (const event of answer.events(reader.read(text))) {
          yield event;
          // Pieces that came together are still there after an abort.
          if (signal.aborted) break;
        }
        if (signal.aborted) break;
        silence.restart(answer.patienceMs);
      }
      silence.pause();
      if (!signal.aborted) yield* answer.events(reader.end());
    } catch (error) {
      failure = toProviderFailure(error);
    } finally {
      silence.stop();
    }
    // An aborted stream ends like a complete one, or throws one of several errors: the signals say what happened.
    signal.throwIfAborted();
    const { finishReason, hasText, isWhole } = answer;
    if (!isWhole)
      throw silence.isTooLong ? new ProviderFailure('timeout') : (failure ?? new ProviderFailure('connectionLost'));
    // Calls that no tool was offered for are none, and of an answer that was cut short, the last one may be half a call.
    const calls = tools === undefined || CUT_SHORT.includes(finishReason ?? '') ? [] : answer.toolCalls;
    if (!hasText && calls.length === 0) throw new ProviderFailure(WITHOUT_TEXT[finishReason ?? ''] ?? 'noText');
    for (const call of calls) yield { type: 'tool-call', ...call };
    // Without a reason, the provider has said `[DONE]`.
    const reason = finishReason === null ? 'STOP' : (FINISH_REASONS[finishReason.toLowerCase()] ?? 'OTHER');
    const model = answer.model === null ? {} : { model: answer.model };
    yield { type: 'end', usage: this.usageOf(answer.counted), finishReason: reason, ...model };
  }

  /** @returns the body of the answer, alone: the rest of it, and the request, need not be kept while it comes */
  private async ask(
    { maxTokens, temperature }: ModelRequest,
    { body }: Saying,
    signal: AbortSignal,
  ): Promise<Readable> {
    if (body === undefined) throw new Error('a request that was answered is not sent again');
    const response = await this.client.chat.completions
      .create(
        {
          model: this.model,
          ...body,
          stream: true,
          stream_options: { include_usage: true },
          [this.limitName]: maxTokens,
          ...(temperature !== undefined && { temperature }),
        },
        { signal },
      )
      .asResponse();
    if (!(response instanceof NodeResponse)) throw new ProviderFailure('connectionLost');
    return response.content;
  }

  /** Some servers send zeros when they do not count. A figure that cannot be true must not lose the answer that it is about. */
  private usageOf({ total: reported, prompt, cached, reasoning }: ReportedTokens): ModelUsage | null {
    if (reported === null || reported === 0) return null;
    const total = Math.ceil(reported);
    if (total > 0 && total <= MAX_TOKENS) {
      const promptTokens = prompt === 0 ? null : partOf(total, prompt);
      return {
        totalTokens: total,
        promptTokens,
        cachedTokens: partOf(promptTokens ?? total, cached),
        reasoningTokens: partOf(total - (promptTokens ?? 0), reasoning),
      };
    }
    this.log.warn({ totalTokens: String(reported) }, 'The model reported a count of tokens that cannot be true');
    return null;
  }

  private evidenceOf({ evidence }: ProviderFailure, { messages }: ModelRequest): UpstreamEvidence {
    const { providerMessage, ...identifiers } = evidence;
    if (providerMessage === undefined) return identifiers;
    return { ...identifiers, providerMessage: redacted(providerMessage, this.apiKey, messages) };
  }

  private async pause(attempt: number, retryAfterMs: number | null, signal: AbortSignal): Promise<void> {
    const { retryDelayMs, maxRetryAfterMs } = this.timing;
    const backoff = retryDelayMs * 2 ** (attempt - 1) * (1 - Math.random() / 2);
    const delay = retryAfterMs === null ? backoff : Math.min(Math.max(retryAfterMs, backoff), maxRetryAfterMs);
    await sleep(delay, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** What a request says, until the first of its answer has come. */
interface Saying {
  body: RequestBody | undefined;
}

/** What the provider has reported so far, as it was sent. */
interface ReportedTokens {
  total: number | null;
  prompt: number | null;
  cached: number | null;
  reasoning: number | null;
}

/** Null where there is no figure, or none that can be true. */
function partOf(whole: number, part: number | null): number | null {
  return part !== null && part >= 0 && Math.ceil(part) <= whole ? Math.ceil(part) : null;
}

/** What has come of one answer. */
class Answer {
  readonly counted: ReportedTokens = { total: null, prompt: null, cached: null, reasoning: null };
  finishReason: string | null = null;
  /** What the provider says it is. */
  model: string | null = null;
  hasText = false;
  /** How long the provider may be silent now. */
  patienceMs: number;
  private isDone = false;
  private received = 0;
  private readonly calls = new ToolCallReader();

  constructor(private readonly timing: ModelTiming) {
    this.patienceMs = timing.firstTextMs;
  }

  get isWhole(): boolean {
    return this.isDone || this.finishReason !== null;
  }

  get toolCalls(): readonly ModelToolCall[] {
    return this.calls.calls;
  }

  *events(parts: Iterable<AnswerPart>): Generator<ModelEvent, void, undefined> {
    for (const part of parts) {
      if (part !== 'done') {
        yield* this.eventsOf(part);
        continue;
      }
      this.isDone = true;
      this.patienceMs = Math.min(this.timing.usageMs, CLOSING_MS);
    }
  }

  private *eventsOf(chunk: AnswerChunk): Generator<ModelEvent, void, undefined> {
    const { counted } = this;
    this.received += chunk.reasoning.length + chunk.text.length;
    for (const piece of chunk.toolCalls) {
      this.received += piece.name.length + piece.arguments.length;
      this.calls.add(piece);
    }
    if (this.received > MAX_ANSWER_LENGTH) throw new ProviderFailure('unreadable');
    if (chunk.reasoning !== '') yield { type: 'reasoning', text: chunk.reasoning };
    if (chunk.text !== '') {
      this.hasText = true;
      this.patienceMs = this.timing.silenceMs;
      yield { type: 'text', text: chunk.text };
    }
    if (chunk.finishReason === 'error') throw new ProviderFailure('unavailable');
    this.finishReason = chunk.finishReason ?? this.finishReason;
    if (this.finishReason !== null) this.patienceMs = this.timing.usageMs;
    this.model = chunk.model ?? this.model;
    counted.total = chunk.totalTokens ?? counted.total;
    counted.prompt = chunk.promptTokens ?? counted.prompt;
    counted.cached = chunk.cachedTokens ?? counted.cached;
    counted.reasoning = chunk.reasoningTokens ?? counted.reasoning;
  }
}

/** Aborts its signal when the provider stays silent beyond the timeout, and when the caller's aborts. */
class SilenceTimer {
  isTooLong = false;
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private milliseconds = 0;
  private isListening = false;
  private readonly leaveCaller: () => void;

  constructor(caller: AbortSignal) {
    this.leaveCaller = abortWith(caller, this.controller);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  restart(milliseconds: number): void {
    this.isListening = true;
    // A timer that is started again, also after its end, costs less than a new one for each piece.
    if (this.timer !== undefined && milliseconds === this.milliseconds) {
      this.timer.refresh();
      return;
    }
    clearTimeout(this.timer);
    this.milliseconds = milliseconds;
    this.timer = setTimeout(() => {
      if (!this.isListening) return;
      this.isTooLong = true;
      this.controller.abort();
    }, milliseconds);
  }

  /** Does not listen while the reader is busy. */
  pause(): void {
    this.isListening = false;
  }

  stop(): void {
    this.leaveCaller();
    this.pause();
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
