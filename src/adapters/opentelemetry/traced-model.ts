import type { LanguageModel, ModelEvent, ModelMessage, ModelRequest } from '../../ports/language-model.js';
import type { Span, Tracing } from '../../ports/tracing.js';
import { serverAddress } from './server-address.js';

/** Maximum characters of a message that is told. */
const MAX_CONTENT_LENGTH = 16_000;

interface TracedModelOptions {
  /** The model's name at its provider. */
  readonly id: string;
  /** The provider's URL; undefined for OpenAI's own. */
  readonly baseUrl: string | undefined;
  /** Whether the text of messages is told, too. */
  readonly capturesContent: boolean;
}

/** The model, which tells of each question in the words of OpenTelemetry's conventions for generative AI. */
export function tracedModel(model: LanguageModel, options: TracedModelOptions, tracing: Tracing): LanguageModel {
  const { id, baseUrl, capturesContent } = options;
  const known = {
    'gen_ai.operation.name': 'chat',
    // All servers are spoken to as OpenAI's is; whose it is, its address says.
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': id,
    ...serverAddress(new URL(baseUrl ?? 'https://api.openai.com')),
  };
  return {
    description: model.description,
    status: model.status,
    get condition() {
      return model.condition;
    },
    askAgain: (agoMs) => {
      model.askAgain(agoMs);
    },
    stream: (request) => {
      const { maxTokens, temperature, messages } = request;
      const span = tracing.begin(`chat ${id}`, {
        kind: 'client',
        attributes: {
          ...known,
          'gen_ai.request.max_tokens': maxTokens,
          'gen_ai.request.temperature': temperature,
          'gen_ai.request.stream': true,
          ...(capturesContent && { 'gen_ai.input.messages': JSON.stringify(messages.map(told)) }),
        },
      });
      return span === undefined ? model.stream(request) : tracedStream(model, request, span, capturesContent);
    },
  };
}

/** The events of an answer. Each is asked for as a part of the span, which ends with the last one or when the reader leaves. */
function tracedStream(
  model: LanguageModel,
  request: ModelRequest,
  span: Span,
  capturesContent: boolean,
): AsyncIterable<ModelEvent> {
  const start = performance.now();
  let hasBegun = false;
  let written = '';
  const note = (event: ModelEvent) => {
    if (event.type === 'end') {
      noteEnd(span, event);
      return;
    }
    if (!hasBegun) {
      span.event('gen_ai.first_chunk');
      span.set({ 'gen_ai.response.time_to_first_chunk': (performance.now() - start) / 1_000 });
    }
    hasBegun = true;
    if (capturesContent && event.type === 'text' && written.length < MAX_CONTENT_LENGTH) written += event.text;
  };
  const end = () => {
    if (capturesContent)
      span.set({ 'gen_ai.output.messages': JSON.stringify([told({ role: 'assistant', content: written })]) });
    span.end();
  };
  return {
    [Symbol.asyncIterator]() {
      const events = span.run(() => model.stream(request)[Symbol.asyncIterator]());
      return {
        async next() {
          try {
            const result = await span.run(() => events.next());
            if (result.done === true) end();
            else note(result.value);
            return result;
          } catch (error) {
            span.fail(error);
            end();
            throw error;
          }
        },
        async return() {
          try {
            await span.run(async () => events.return?.());
          } finally {
            end();
          }
          return { done: true, value: undefined };
        },
      };
    },
  };
}

function noteEnd(span: Span, { usage, finishReason, model }: ModelEvent & { type: 'end' }): void {
  const input = usage?.promptTokens ?? undefined;
  span.set({
    'gen_ai.response.model': model,
    'gen_ai.response.finish_reasons': [finishReason.toLowerCase()],
    'gen_ai.usage.input_tokens': input,
    'gen_ai.usage.output_tokens': input === undefined || usage === null ? undefined : usage.totalTokens - input,
  });
}

function told({ role, content }: Pick<ModelMessage, 'role' | 'content'>) {
  return { role, parts: [{ type: 'text', content: content.slice(0, MAX_CONTENT_LENGTH) }] };
}
