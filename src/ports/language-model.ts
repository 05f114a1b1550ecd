import type { BreakerReport } from '../kernel/circuit-breaker.js';

/** An image that the model is shown with a message of the user. */
export interface ModelImage {
  /** Its media type, as `image/png`. */
  readonly contentType: string;
  /** The bytes, when they are sent; null when they are gone. @throws Unavailable when they cannot be read */
  read(): Promise<Uint8Array | null>;
}

/** A message of the prompt. */
export interface ModelMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** In a message of the user; only for models that take images. */
  readonly images?: readonly ModelImage[];
  /** The tools that the assistant called in this message. A message with the result of each follows. */
  readonly toolCalls?: readonly ModelToolCall[];
  /** In a message of a tool, the call that this is the result of. */
  readonly toolCallId?: string;
}

/** A function that the model may call. */
export interface ModelTool {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON Schema of the arguments, an object. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
}

export interface ModelToolCall {
  /** Empty where the provider gave none. */
  readonly id: string;
  readonly name: string;
  /** JSON, if the model keeps to it. */
  readonly arguments: string;
}

/** The form of the answer. */
export type ModelResponseFormat =
  | { readonly type: 'text' | 'json_object' }
  | {
      readonly type: 'json_schema';
      readonly name: string;
      readonly schema: Readonly<Record<string, unknown>>;
      /** Whether the answer must keep to the schema to the letter, where the provider can do that. */
      readonly strict: boolean;
    };

export interface ModelRequest {
  readonly messages: readonly ModelMessage[];
  /** Maximum tokens of the answer. */
  readonly maxTokens: number;
  /** From 0 to 2; left out, the provider's own default. */
  readonly temperature?: number;
  /** Tools that the model may call; by default none. */
  readonly tools?: readonly ModelTool[];
  /** True: the model must not call them any more, and answers. */
  readonly mustAnswer?: boolean;
  readonly responseFormat?: ModelResponseFormat;
  /** The id of the client's request, for the log. */
  readonly requestId?: string;
  /** Aborting stops the provider's work and ends the stream by throwing the signal's reason. */
  readonly signal: AbortSignal;
}

/** The provider's own count. */
export interface ModelUsage {
  /** Tokens of prompt and answer together. */
  readonly totalTokens: number;
  /** Tokens of the prompt alone; null when it gave only the total. */
  readonly promptTokens: number | null;
  /** Tokens of the prompt that the provider had cached; null when it did not say. */
  readonly cachedTokens: number | null;
  /** Tokens of the answer that were the model's reasoning; null when it did not say. */
  readonly reasoningTokens: number | null;
}

/** Why the model wrote no further. */
export type ModelFinishReason = 'STOP' | 'LENGTH' | 'CONTENT_FILTER' | 'TOOL_CALLS' | 'OTHER';

export type ModelEvent =
  | { readonly type: 'text'; readonly text: string }
  /** What the model thinks before it answers, where its provider tells. */
  | { readonly type: 'reasoning'; readonly text: string }
  /** A whole call of one of the tools of the request. Calls come after all text. */
  | ({ readonly type: 'tool-call' } & ModelToolCall)
  /** Last. `usage` is null when the provider sent none. `model` is the one that answered, in the provider's words, where it told. */
  | {
      readonly type: 'end';
      readonly usage: ModelUsage | null;
      readonly finishReason: ModelFinishReason;
      readonly model?: string;
    };

/**
 * A chat model. The stream ends with exactly one `end`, or throws: {@link UpstreamFailed} for any failure or cut of the
 * provider (retries before the first text are the adapter's business; after it there are none), also without a call while the
 * provider is left alone, `Unavailable` when no
 * model is configured, or the signal's reason.
 */
export interface LanguageModel {
  /** For `/health` and the start-up log, as `gpt-4o-mini at api.openai.com`. */
  readonly description: string;
  readonly status: 'configured' | 'offline' | 'missing';
  stream(request: ModelRequest): AsyncIterable<ModelEvent>;
  /** Whether the provider is asked at present, or left alone since it fails; null where there is no provider. */
  readonly condition: BreakerReport | null;
  /**
   * Has the provider asked again at once, where it is left alone: someone knows that it answers.
   * @param agoMs when they said so; a provider that has been left alone for a shorter time stays so
   */
  askAgain(agoMs?: number): void;
}

/** Counts tokens as the configured model does, or a close estimate. */
export interface TokenCounter {
  countText(text: string): number;
  /** The whole prompt, with what the chat format adds for each message, and with images as the largest ones are counted. */
  countPrompt(messages: readonly ModelMessage[]): number;
}
