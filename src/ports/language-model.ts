/** A message of the prompt. */
export interface ModelMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ModelRequest {
  readonly messages: readonly ModelMessage[];
  /** Maximum tokens of the answer. */
  readonly maxTokens: number;
  /** Aborting stops the provider's work and ends the stream by throwing the signal's reason. */
  readonly signal: AbortSignal;
}

export type ModelEvent =
  | { readonly type: 'text'; readonly text: string }
  /** Last. `totalTokens` is the provider's own count of prompt and answer, null when it sent none. */
  | { readonly type: 'end'; readonly totalTokens: number | null };

/**
 * A chat model. The stream ends with exactly one `end`, or throws: {@link UpstreamFailed} for any failure or cut of the
 * provider (retries before the first text are the adapter's business; after it there are none), `Unavailable` when no
 * model is configured, or the signal's reason.
 */
export interface LanguageModel {
  /** For `/health` and the start-up log, as `gpt-4o-mini at api.openai.com`. */
  readonly description: string;
  readonly status: 'configured' | 'offline' | 'missing';
  stream(request: ModelRequest): AsyncIterable<ModelEvent>;
}

/** Counts tokens as the configured model does, or a close estimate. */
export interface TokenCounter {
  countText(text: string): number;
  /** The whole prompt, with what the chat format adds for each message. */
  countPrompt(messages: readonly ModelMessage[]): number;
}
