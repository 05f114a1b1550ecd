import { once } from 'node:events';
import http from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { BOOK_ID, eventsOf, startRestDoor, type RunningRestDoor } from '../../../test/support/rest-fixture.js';
import { Forbidden, Unauthenticated } from '../../kernel/errors.js';

const EVENTS = { accept: 'text/event-stream' };

let running: RunningRestDoor;
beforeAll(async () => {
  running = await startRestDoor({ heartbeatMs: 20 });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});
afterEach(() => {
  running.library.read = () => eventsOf([]);
});

const read = (headers: Record<string, string> = {}, search = 'stream=true', body: unknown = {}) =>
  fetch(`${running.base}/api/v1/read?${search}`, {
    method: 'POST',
    headers: { authorization: 'Bearer good', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const follow = (headers: Record<string, string> = {}, search = '') =>
  fetch(`${running.base}/api/v1/books/${BOOK_ID}/stream${search}`, {
    headers: { authorization: 'Bearer good', ...headers },
  });

const page = (sequence: number, text: string) => ({ kind: 'PageRead', sequence, text }) as const;
const failed = (sequence: number, reason: string) => ({ kind: 'ReadingFailed', sequence, reason }) as const;
const done = (sequence: number) => ({ kind: 'BookRead', sequence, pageCount: 2 }) as const;

/** A gate at which a source waits until the test opens it. */
function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

function reader(response: Response) {
  if (response.body === null) throw new Error('The answer has no body');
  const source = response.body.pipeThrough(new TextDecoderStream()).getReader();
  return async () => (await source.read()).value;
}

describe('a stream of plain text', () => {
  it('brings each piece as it comes', async () => {
    const second = gate();
    running.library.read = async function* () {
      yield page(1, 'Miss ');
      await second.opened;
      yield page(2, 'Brooke é');
      yield done(3);
    };
    const response = await read();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform');
    expect(response.headers.get('x-request-id')).toMatch(/^request-/);
    const next = reader(response);
    expect(await next()).toBe('Miss ');
    second.open();
    expect(await next()).toBe('Brooke é');
    expect(await next()).toBeUndefined();
  });

  it('is the whole answer in the envelope without ?stream=true', async () => {
    const whole = { code: 200, message: 'Success', data: 'All of it' };
    expect(await (await read({}, '')).json()).toEqual(whole);
    expect(await (await read({}, 'stream=false')).json()).toEqual(whole);
    expect(await (await read({}, 'stream=0')).json()).toEqual(whole);
  });

  it.each([
    ['*/*', 'text/plain'],
    ['application/json', 'text/plain'],
    ['text/event-stream;q=0', 'text/plain'],
    ['text/event-stream;q=0, */*', 'text/plain'],
    ['text/plain, text/event-stream;q=0.5', 'text/plain'],
    ['text/event-stream, */*;q=0.1', 'text/event-stream'],
    ['application/json, Text/Event-Stream', 'text/event-stream'],
    ['text/plain;q=0, */*', 'text/event-stream'],
  ])('is for a client that accepts %s a stream of %s', async (accept, type) => {
    running.library.read = () => eventsOf([page(1, 'Miss ')]);
    const response = await read({ accept });
    expect(response.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
    await response.body?.cancel();
  });

  it('is refused when the parameter is neither true nor false', async () => {
    const response = await read({}, 'stream=banana', { sub_title: 1 });
    expect(response.status).toBe(400);
    const twice = await read({}, 'stream=1&stream=1');
    expect(await twice.json()).toEqual({ code: 400, message: 'Title required', data: null });
  });

  it('breaks off when it fails half way, after what had come', async () => {
    running.library.read = () => eventsOf([page(1, 'Miss '), page(2, 'Brooke'), failed(3, 'cut')]);
    const response = await read();
    const next = reader(response);
    let text = '';
    const whole = (async () => {
      for (let piece = await next(); piece !== undefined; piece = await next()) text += piece;
    })();
    await expect(whole).rejects.toThrow('terminated');
    expect(text).toBe('Miss Brooke');
  });

  it('answers in the envelope when it fails before the first piece', async () => {
    running.library.read = () => eventsOf([failed(1, 'timeout')]);
    const response = await read();
    expect(response.status).toBe(502);
    expect(await response.json()).toEqual({
      code: 502,
      message: 'OpenAI request failed',
      data: { source: 'openai', reason: 'timeout' },
    });
  });
});

describe('a stream of events', () => {
  it('has the id, name and data of each event', async () => {
    running.library.read = () => eventsOf([page(1, 'a\nb'), done(2)]);
    const response = await read(EVENTS);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await response.text()).toBe(
      'id: 1\nevent: delta\ndata: {"sequence":1,"text":"a\\nb"}\n\n' +
        'id: 2\nevent: completed\ndata: {"sequence":2,"page_count":2}\n\n',
    );
  });

  it('answers a POST in the envelope when it fails before the first event', async () => {
    running.library.read = () => eventsOf([failed(1, 'timeout')]);
    const response = await read(EVENTS);
    expect([response.status, await response.json()]).toEqual([
      502,
      { code: 502, message: 'OpenAI request failed', data: { source: 'openai', reason: 'timeout' } },
    ]);
  });

  it('tells of a failure as an event after another one, after a sign of life, and to a reader who resumes', async () => {
    const told = (sequence: number) =>
      `id: ${sequence}\nevent: failed\ndata: {"sequence":${sequence},"reason":"cut"}\n\n`;
    running.library.read = () => eventsOf([page(1, 'a'), failed(2, 'cut')]);
    expect(await (await read(EVENTS)).text()).toBe(
      `id: 1\nevent: delta\ndata: {"sequence":1,"text":"a"}\n\n${told(2)}`,
    );
    const sign = gate();
    running.library.read = async function* () {
      await sign.opened;
      yield failed(1, 'cut');
    };
    const silent = await read(EVENTS);
    expect(silent.status).toBe(200);
    sign.open();
    expect((await silent.text()).replaceAll(':\n\n', '')).toBe(told(1));
    running.library.read = () => eventsOf([failed(1, 'cut')]);
    expect(await (await follow()).text()).toContain(told(1));
  });

  it('ends with a failed event when its session does', async () => {
    running.library.read = () => eventsOf([page(1, 'a')], new Unauthenticated('Invalid token'));
    const text = await (await follow()).text();
    expect(text).toContain('event: delta');
    expect(text).toMatch(/event: failed\ndata: {"code":"UNAUTHENTICATED","reason":"Invalid token"}\n\n$/);
  });

  it('masks what nobody expected', async () => {
    running.library.read = () => eventsOf([page(1, 'a')], new Error('the password is hunter2'));
    const text = await (await follow()).text();
    expect(text).toContain('{"code":"INTERNAL_SERVER_ERROR","reason":"Internal server error"}');
    expect(text).not.toContain('hunter2');
  });

  it.each([
    ['the start', {}, '', 0],
    ['?after=', {}, '?after=7', 7],
    ['Last-Event-ID', { 'last-event-id': '9' }, '?after=7', 9],
  ])('goes on from %s', async (_from, headers, search, after) => {
    const seen: unknown[] = [];
    running.library.read = (args) => {
      seen.push({ ...args });
      return eventsOf([done(10)]);
    };
    await (await follow(headers, search)).text();
    expect(seen).toEqual([{ bookId: BOOK_ID, after }]);
  });

  it('that has nothing more to tell is 204, which keeps a browser from asking again', async () => {
    const response = await follow({ 'last-event-id': '3' });
    expect(response.status).toBe(204);
  });

  it('shows signs of life while it is silent', async () => {
    const never = gate();
    running.library.read = async function* () {
      await never.opened;
      yield done(1);
    };
    const response = await follow();
    const next = reader(response);
    expect(await next()).toBe(':\n\n');
    never.open();
    let text = '';
    for (let piece = await next(); piece !== undefined; piece = await next()) text += piece;
    expect(text).toContain('event: completed');
  });
});

describe('a stream that does not start', () => {
  it.each([
    ['without credentials', { authorization: '' }, '', 401, 'Invalid token'],
    ['with a faulty parameter', {}, '?after=x', 422, 'Validation error'],
    ['with a faulty header', { 'last-event-id': '1.5' }, '', 422, 'Validation error'],
  ])('%s answers in the envelope', async (_what, headers, search, code, message) => {
    const response = await follow(headers, search);
    expect(response.status).toBe(code);
    expect(await response.json()).toMatchObject({ code, message });
  });

  it('since its source refuses, answers in the envelope', async () => {
    running.library.read = () => {
      throw new Forbidden('Not yours');
    };
    expect(await (await follow()).json()).toEqual({ code: 403, message: 'Not yours', data: null });
    running.library.read = () => eventsOf([], new Forbidden('Not yours either'));
    expect(await (await follow()).json()).toEqual({ code: 403, message: 'Not yours either', data: null });
  });
});

describe('a client that hangs up', () => {
  it.each([
    ['plain text', {}],
    ['events', EVENTS],
  ])('ends the source of %s, even while it is silent', async (_kind, headers) => {
    const signals: AbortSignal[] = [];
    const ended = gate();
    running.library.read = (_args, signal) => {
      signals.push(signal);
      let count = 0;
      return {
        [Symbol.asyncIterator]: () => ({
          next: () =>
            count++ === 0
              ? Promise.resolve({ done: false, value: page(1, 'a') })
              : new Promise<IteratorResult<ReturnType<typeof page>>>(() => undefined),
          return: () => {
            ended.open();
            return Promise.resolve({ done: true, value: undefined });
          },
        }),
      };
    };
    const request = http.request(`${running.base}/api/v1/read?stream=1`, {
      method: 'POST',
      headers: { authorization: 'Bearer good', ...headers },
    });
    request.on('error', () => undefined);
    request.end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await once(response, 'data');
    request.destroy();
    await ended.opened;
    expect(signals.map((signal) => signal.aborted)).toEqual([true]);
  });
});

describe('ending the streams early', () => {
  it('closes events properly and cuts plain text off, since it is not whole', async () => {
    const never = gate();
    running.library.read = async function* () {
      yield page(1, 'a');
      await never.opened;
    };
    const events = await follow();
    const text = await read();
    running.door.endStreams();
    expect(await events.text()).toContain('event: delta');
    await expect(text.text()).rejects.toThrow('terminated');
  });
});
