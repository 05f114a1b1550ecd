import { setTimeout as sleep } from 'node:timers/promises';
import { OpenAI } from 'openai';
import { UpstreamFailed } from '../../kernel/errors.js';
import type { Log } from '../../kernel/log.js';
import type { LanguageModel, ModelEvent, ModelRequest } from '../../ports/language-model.js';
import { ProviderFailure, toProviderFailure } from './provider-failure.js';

const DEFAULT_BASE_URL = 'https://api.openai.com/v1';
/** Maximum retries. */
const MAX_RETRIES = 2;

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
  firstTextMs: 60_000,
  silenceMs: 30_000,
  usageMs: 5_000,
  retryDelayMs: 500,
  maxRetryAfterMs: 5_000,
};

interface OpenAiOptions {
  readonly apiKey: string;
  /** Base URL, without `/chat/completions`, of any server with OpenAI's chat completions API; default OpenAI's own. */
  readonly baseUrl?: string | undefined;
  readonly model: string;
  readonly log: Pick<Log, 'warn'>;
  readonly timing?: Partial<ModelTiming> | undefined;
}

/** The fields read from a chunk. Compatible servers may omit fields or send null. */
interface Chunk {
  readonly choices?:
    | readonly {
        readonly delta?: { readonly content?: string | null; readonly refusal?: string | null } | null;
        readonly finish_reason?: string | null;
      }[]
    | null;
  readonly usage?: { readonly total_tokens?: number | null } | null;
}

/**
 * A model behind OpenAI's chat completions API, streamed.
 *
 * The library's own retries and timeout are off: it sleeps through aborts, retries an exhausted account, and does not see a
 * stream that stalls. Here a failed try is repeated up to twice, before the first text only. An answer is whole when the
 * provider gave a finish reason (`length` and `content_filter` are some); a stream that just ends was cut.
 */
export class OpenAiLanguageModel implements LanguageModel {
  readonly status = 'configured';
  readonly description: string;
  private readonly client: OpenAI;
  private readonly model: string;
  private readonly log: Pick<Log, 'warn'>;
  private readonly timing: ModelTiming;
  private readonly limitName: 'max_completion_tokens' | 'max_tokens';

  constructor({ apiKey, baseUrl = DEFAULT_BASE_URL, model, log, timing }: OpenAiOptions) {
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
    });
    this.model = model;
    this.log = log;
    this.timing = { ...DEFAULT_TIMING, ...timing };
    // OpenAI's newer models refuse the old name; most other servers know only that one and ignore the new, leaving the
    // answer without a limit.
    this.limitName = /(^|\.)openai\.(azure\.)?com$/.test(hostname) ? 'max_completion_tokens' : 'max_tokens';
  }

  async *stream(request: ModelRequest): AsyncGenerator<ModelEvent, void, undefined> {
    for (let attempt = 1; ; attempt++) {
      request.signal.throwIfAborted();
      let answered = false;
      try {
        for await (const event of this.attempt(request)) {
          answered = true;
          yield event;
        }
        return;
      } catch (error) {
        request.signal.throwIfAborted();
        const failure = toProviderFailure(error);
        const retry = failure.retryable && !answered && attempt <= MAX_RETRIES;
        this.log.warn(
          { ...failure.evidence, reason: failure.message, attempt, answered },
          retry ? 'The model failed; trying again' : 'The model failed',
        );
        if (!retry) throw new UpstreamFailed(failure.message);
        await this.pause(attempt, failure.retryAfterMs, request.signal);
      }
    }
  }

  /** One request, without retries. Ends with an `end` event, or throws. */
  private async *attempt({ messages, maxTokens, signal }: ModelRequest): AsyncGenerator<ModelEvent, void, undefined> {
    const { firstTextMs, silenceMs, usageMs } = this.timing;
    const silence = new SilenceTimer();
    let finished = false;
    let totalTokens: number | null = null;
    let failure = new ProviderFailure('connectionLost');
    try {
      silence.restart(firstTextMs);
      const chunks: AsyncIterable<Chunk> = await this.client.chat.completions.create(
        {
          model: this.model,
          messages: messages.map(({ role, content }) => ({ role, content })),
          stream: true,
          stream_options: { include_usage: true },
          [this.limitName]: maxTokens,
        },
        { signal: AbortSignal.any([signal, silence.signal]) },
      );
      let limit = firstTextMs;
      for await (const chunk of chunks) {
        // Only the provider's silence counts, not the time that the reader takes with a piece.
        silence.stop();
        const choice = chunk.choices?.[0];
        const text = (choice?.delta?.content ?? '') + (choice?.delta?.refusal ?? '');
        if (text !== '') {
          yield { type: 'text', text };
          limit = silenceMs;
        }
        if (choice?.finish_reason === 'error') throw new ProviderFailure('unavailable');
        if (choice?.finish_reason != null) {
          finished = true;
          limit = usageMs;
        }
        totalTokens = reportedTokens(chunk) ?? totalTokens;
        silence.restart(limit);
      }
    } catch (error) {
      failure = toProviderFailure(error);
    } finally {
      silence.stop();
    }
    // An aborted stream ends like a complete one, or throws one of several errors: the signals say what happened.
    signal.throwIfAborted();
    if (!finished) throw silence.signal.aborted ? new ProviderFailure('timeout') : failure;
    yield { type: 'end', totalTokens };
  }

  private async pause(attempt: number, retryAfterMs: number | null, signal: AbortSignal): Promise<void> {
    const { retryDelayMs, maxRetryAfterMs } = this.timing;
    const backoff = retryDelayMs * 2 ** (attempt - 1) * (1 - Math.random() / 2);
    const delay = retryAfterMs === null ? backoff : Math.min(Math.max(retryAfterMs, backoff), maxRetryAfterMs);
    await sleep(delay, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** The provider's count of prompt and answer. Some servers send zeros on the way, or when they do not count. */
function reportedTokens({ usage }: Chunk): number | null {
  const total = usage?.total_tokens;
  return Number.isSafeInteger(total) && typeof total === 'number' && total > 0 ? total : null;
}

/** Aborts its signal when the provider stays silent beyond the timeout. */
class SilenceTimer {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  restart(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.controller.abort(), milliseconds);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
