import { describe, expect, it } from '@jest/globals';
import {
  contentEvents,
  EMPTY_TRANSCRIPT,
  eventCount,
  extended,
  hasAnswer,
  reasoningIn,
  roundsOf,
  toolCallsIn,
  writtenIn,
  type ContentEvent,
} from './reply-transcript.js';

const delta = (text: string): ContentEvent => ({ type: 'delta', text });
const thought = (text: string): ContentEvent => ({ type: 'reasoning', text });
const call = (id: string) => ({ type: 'tool-call', id, name: 'add', arguments: '{}', server: null }) as const;
const result = (callId: string) => ({ type: 'tool-result', callId, output: '3', error: null }) as const;

const first = [delta('I '), thought('Hm'), thought('m.'), delta('ask.'), call('a'), call('b')];
const events = [...first, result('b'), result('a'), thought('So.'), delta('3'), delta('!')];

describe('a transcript', () => {
  it('gives back the events that it was made of, whatever they are and however it was made', () => {
    for (let cut = 0; cut <= events.length; cut++) {
      const stored = JSON.stringify(extended(EMPTY_TRANSCRIPT, events.slice(0, cut)));
      const whole = extended(JSON.parse(stored) as typeof EMPTY_TRANSCRIPT, events.slice(cut));
      expect(contentEvents(whole)).toEqual(events);
      expect(eventCount(whole)).toBe(events.length);
    }
  });

  it('of text alone has no parts', () => {
    const text = extended(EMPTY_TRANSCRIPT, [delta('a'), delta('b')]);
    expect(text).toEqual({ text: 'ab', deltaEnds: [1, 2], parts: null });
  });

  it('stores a run of thoughts once', () => {
    expect(extended(EMPTY_TRANSCRIPT, [thought('Hm'), thought('m.')]).parts).toEqual([
      { type: 'reasoning', text: 'Hmm.', ends: [2, 4] },
    ]);
  });

  it('tells thoughts, calls and their results apart from the text', () => {
    const whole = extended(EMPTY_TRANSCRIPT, events);
    expect(whole.text).toBe('I ask.3!');
    expect(reasoningIn(whole)).toBe('Hmm.\n\nSo.');
    expect(toolCallsIn(whole)).toEqual([
      { call: call('a'), result: result('a') },
      { call: call('b'), result: result('b') },
    ]);
    expect(toolCallsIn(extended(EMPTY_TRANSCRIPT, first))[1]).toEqual({ call: call('b'), result: null });
    expect(writtenIn([thought('Hm'), delta('I'), call('a'), result('a')])).toBe('HmIadd{}');
  });

  it('has an answer with text or a call, not with thoughts alone', () => {
    expect(hasAnswer(extended(EMPTY_TRANSCRIPT, [thought('Hm')]))).toBe(false);
    expect(hasAnswer(extended(EMPTY_TRANSCRIPT, [call('a')]))).toBe(true);
    expect(hasAnswer(extended(EMPTY_TRANSCRIPT, [delta('a')]))).toBe(true);
  });

  it('falls into rounds that end with the results', () => {
    const rounds = roundsOf(extended(EMPTY_TRANSCRIPT, events));
    expect(rounds).toEqual([events.slice(0, 8), events.slice(8)]);
    expect(roundsOf(extended(EMPTY_TRANSCRIPT, events.slice(0, 8)))).toEqual([events.slice(0, 8), []]);
    expect(roundsOf(EMPTY_TRANSCRIPT)).toEqual([[]]);
  });
});
