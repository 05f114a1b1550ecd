import { describe, expect, it } from '@jest/globals';
import type { LanguageModel, ModelEvent, ModelRequest } from '../../src/ports/language-model.js';

/** A small request, with `parts` replaced. */
export function modelRequest(parts: Partial<ModelRequest> = {}): ModelRequest {
  return {
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Say hello.' },
    ],
    maxTokens: 50,
    signal: new AbortController().signal,
    ...parts,
  };
}

export async function collect(events: AsyncIterable<ModelEvent>): Promise<ModelEvent[]> {
  const collected: ModelEvent[] = [];
  for await (const event of events) collected.push(event);
  return collected;
}

/** The contract of every model that answers. `withModel` runs a test on a model that answers in several pieces. */
export function languageModelContract(
  name: string,
  withModel: (test: (model: LanguageModel) => Promise<void>) => Promise<void>,
) {
  describe(`the language model port, by ${name}`, () => {
    it('describes itself', () =>
      withModel((model) => {
        expect(model.description).not.toBe('');
        expect(['configured', 'offline']).toContain(model.status);
        return Promise.resolve();
      }));

    it('streams pieces of text that are not empty, then one end', () =>
      withModel(async (model) => {
        const events = await collect(model.stream(modelRequest()));
        const last = events.pop();
        expect(last?.type).toBe('end');
        expect(events.length).toBeGreaterThan(1);
        for (const event of events) expect(event).toEqual({ type: 'text', text: expect.stringMatching(/./s) });
      }));

    it('streams to several readers at once', () =>
      withModel(async (model) => {
        const answers = await Promise.all([1, 2, 3].map(() => collect(model.stream(modelRequest()))));
        for (const events of answers) expect(events.at(-1)?.type).toBe('end');
      }));

    it("throws the signal's reason, before any text, when the signal has aborted already", () =>
      withModel(async (model) => {
        const reason = new Error('stopped before it began');
        await expect(collect(model.stream(modelRequest({ signal: AbortSignal.abort(reason) })))).rejects.toBe(reason);
      }));

    it("throws the signal's reason when the signal aborts between two pieces", () =>
      withModel(async (model) => {
        const reason = new Error('stopped on the way');
        const controller = new AbortController();
        const seen: ModelEvent[] = [];
        const reading = async () => {
          for await (const event of model.stream(modelRequest({ signal: controller.signal }))) {
            seen.push(event);
            controller.abort(reason);
          }
        };
        await expect(reading()).rejects.toBe(reason);
        expect(seen).toHaveLength(1);
      }));

    it('lets a reader leave early', () =>
      withModel(async (model) => {
        for await (const event of model.stream(modelRequest())) {
          expect(event.type).toBe('text');
          break;
        }
      }));
  });
}
