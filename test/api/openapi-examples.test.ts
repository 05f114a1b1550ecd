import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';

interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: object }>> };
}

interface Body {
  readonly data: Readonly<Record<string, string>>;
}

describe('the examples of bodies in the OpenAPI document', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ settings: { RATE_LIMIT_CHAT: '100/60', RATE_LIMIT_MESSAGE: '100/60' } });
  });
  afterAll(() => app.close());

  it('can be sent as they stand', async () => {
    const { paths } = JSON.parse(await readFile('schema/openapi.json', 'utf8')) as {
      paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    };
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    const ada = new Actor(app.url);
    /** Sends an operation's example; `ids` are the path's parameters. */
    const send = async (operationId: string, ids: Readonly<Record<string, string>> = {}) => {
      const found = operations.find(({ operation }) => operation.operationId === operationId);
      if (found === undefined) throw new Error(`There is no ${operationId}`);
      const path = found.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? '');
      const body = found.operation.requestBody?.content['application/json']?.example;
      const answer = await ada.rest(found.method.toUpperCase(), path, body);
      expect({ operationId, ...answer.body }).toMatchObject({ operationId, code: 200 });
      return (answer.body as Body).data;
    };

    app.model.reply(...Array.from({ length: 4 }, () => ({ chunks: ['Try Madeira.'], usage: 5 })));
    await send('createUser');
    ada.token = (await send('login'))['access_token'];
    await send('updateMe');
    await send('createPersonalAccessToken');
    await send('enrolSecondFactor');
    await send('startPasskeyRegistration');
    const ids = await send('createConversation');
    await send('updateConversation', ids);
    await send('chat');
    const { message_id: said = '' } = await send('createMessage', ids);
    await send('updateMessage', { message_id: said });
    await send('editMessage', { message_id: said });
    await send('changeEmail');
    await send('changePassword');
  });
});
