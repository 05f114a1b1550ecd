import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { RawWebSocket } from '../support/raw-web-socket.js';
import { askModel, followReply, REPLY, ROOMY_PLANS } from '../support/replies.js';

describe('open connections', () => {
  let app: TestApp;
  let reader: Actor;
  beforeAll(async () => {
    const settings = { PLANS: ROOMY_PLANS, MAX_STREAMS_PER_USER: '2', MAX_WEBSOCKETS_WITHOUT_LOGIN: '5' };
    app = await startTestApp({ settings });
    reader = await signUp(app);
  });
  afterAll(() => app.close());

  it('of a user are limited over every kind of stream, and a closed one makes room', async () => {
    const gate = Promise.withResolvers<undefined>();
    app.model.reply({ chunks: ['The ', 'sky'], hold: { after: 1, until: gate.promise } });
    const id = await askModel(reader, await reader.createConversation());
    const first = followReply(reader, 'webSocket', id);
    const second = followReply(reader, 'eventStream', id);
    for (const stream of [first, second]) expect((await stream.next()).value).toMatchObject({ text: 'The ' });

    const streamed = () => fetch(`${app.url}/api/v1/messages/${id}/stream`, { headers: reader.headers });
    const limited = await streamed();
    expect(limited.headers.get('retry-after')).toBe('5');
    expect({ status: limited.status, body: (await limited.json()) as unknown }).toEqual({
      status: 429,
      body: { code: 429, message: 'Too many open streams', data: null },
    });
    expect((await reader.webSocket(REPLY, { id }).next()).value).toMatchObject({
      errors: [{ message: 'Too many open streams', extensions: { code: 'RATE_LIMITED', retryAfter: 5 } }],
    });
    // Refused before the model is asked.
    const asked = app.model.requests.length;
    expect((await reader.rest('POST', '/chat?stream=true', { message: 'Why?' })).status).toBe(429);
    expect(app.model.requests).toHaveLength(asked);
    expect((await reader.rest('GET', '/users/me')).status).toBe(200);

    await first.return();
    const answer = await eventually(streamed, ({ status }) => status !== 429);
    expect(answer.status).toBe(200);
    gate.resolve(undefined);
    expect(await answer.text()).toContain('event: completed');
    await second.return();
  });

  it('without a login keep nobody of the same client from logging in', async () => {
    const sockets: RawWebSocket[] = [];
    while (sockets.length < 10) sockets.push(await RawWebSocket.connect(app.url));
    const mine = await RawWebSocket.open(app.url, reader.token);
    const closings = await Promise.all(sockets.slice(0, 5).map(({ closed }) => closed));
    expect(closings.map(({ code }) => code)).toEqual([1013, 1013, 1013, 1013, 1013]);
    mine.subscribe('1', '{ me { id } }');
    expect(await mine.next('next', '1')).toMatchObject({ payload: { data: { me: { id: expect.any(String) } } } });
    for (const socket of [...sockets, mine]) socket.close();
  });
});
