import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { signUp } from '../support/actor.js';
import { chromiumPath, openPage, type OpenedPage } from '../support/browser.js';
import { startChatFrontEnd } from '../support/chat-front-end.js';
import type { ServedPage } from '../support/front-end.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, withDatabaseDirectory, type Program } from '../support/program.js';
import { ROOMY_PLANS } from '../support/replies.js';

const WEATHER = { id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' };

(chromiumPath === undefined ? describe.skip : describe)('a front end in a browser', () => {
  const resources = new AsyncDisposableStack();
  let model: ModelServer;
  let service: Program;
  let frontEnd: ServedPage;
  let opened: OpenedPage;
  let second: OpenedPage;
  beforeAll(async () => {
    model = await startModelServer();
    resources.defer(() => model.close());
    frontEnd = await startChatFrontEnd();
    resources.defer(() => frontEnd.close());
    service = await startService();
    opened = await openPage(service.url, frontEnd.origin);
    resources.defer(() => opened.close());
    second = await openPage(service.url, frontEnd.origin);
    resources.defer(() => second.close());
  });
  afterAll(() => resources.disposeAsync());

  /** Two models of one provider; the directory of its database stays until the end. */
  const startService = () =>
    new Promise<Program>((resolve, reject) => {
      const ended = Promise.withResolvers<undefined>();
      const models = ['first', 'second'].map((name) => ({
        name,
        baseUrl: model.url,
        contextTokens: 10_000,
        maxReplyTokens: 1_000,
        takes: ['tools'],
      }));
      const environment = { PLANS: ROOMY_PLANS, RATE_LIMIT_CHAT: '1000/60', RATE_LIMIT_MESSAGE: '1000/60' };
      const running = withDatabaseDirectory(async (directory) => {
        resolve(await startProgram({ ...environment, DATA_DIR: directory, MODELS: JSON.stringify(models) }));
        await ended.promise;
      }).catch(reject);
      resources.defer(async () => {
        ended.resolve(undefined);
        await killPrograms();
        await running;
      });
    });

  /** What a person sees and does on one device. */
  const deviceOf = (page: Page) => ({
    page,
    ask: async (text: string, { tool = false, model = '' } = {}) => {
      await page.locator('[name=text]').fill(text);
      await page.locator('[name=tool]').setChecked(tool);
      await page.locator('[name=model]').selectOption(model);
      await page.getByRole('button', { name: 'Ask' }).click();
    },
    press: (label: string, text: string) =>
      page.locator('li', { hasText: text }).getByRole('button', { name: label, exact: true }).click(),
    sees: (text: string, status = 'COMPLETE') => page.locator(`li[data-status=${status}]`, { hasText: text }).waitFor(),
    says: (text: string) => page.getByRole('alert').filter({ hasText: text }).waitFor(),
    texts: () => page.locator('li output').allTextContents(),
  });

  it.each(['events', 'websocket'])('walks through a conversation, its answers streamed over %s', async (door) => {
    const user = await signUp(service);
    const conversation = await user.createConversation();
    const parameters = new URLSearchParams({ api: service.url, token: user.token ?? '', conversation, door });
    const open = async (page: Page) => {
      await page.goto(`${frontEnd.origin}/?${door}#${parameters.toString()}`);
      await page.locator('body[data-shown]').waitFor();
      return deviceOf(page);
    };
    const laptop = await open(opened.page);

    // Asked, reloaded in the middle of the answer, and stopped.
    const silence = Promise.withResolvers<undefined>();
    model.reply({ chunks: ['Because ', 'of its light'], hold: { after: 1, until: silence.promise } });
    await laptop.ask('Why is the sky blue?');
    await laptop.sees('Because', 'STREAMING');
    await laptop.page.reload();
    await laptop.sees('Because', 'STREAMING');
    await laptop.press('Stop', 'Because');
    await laptop.sees('Because', 'PARTIAL');
    silence.resolve(undefined);

    model.reply({ chunks: ['Light ', 'scatters'] });
    await laptop.press('Again', 'Because');
    await laptop.sees('Light scatters');
    expect(await laptop.texts()).toEqual(['Why is the sky blue?', 'Light scatters']);

    model.reply({ chunks: ['It mirrors ', 'the sky'] });
    await laptop.page.locator('[name=text]').fill('Why is the sea blue?');
    await laptop.press('Edit', 'Why is the sky blue?');
    await laptop.sees('It mirrors the sky');
    expect(await laptop.texts()).toEqual(['Why is the sea blue?', 'It mirrors the sky']);

    await laptop.press('Other', 'Why is the sea blue?');
    await laptop.sees('Light scatters');
    expect(await laptop.texts()).toEqual(['Why is the sky blue?', 'Light scatters']);

    // A second device, which has not seen what the first one asks next.
    const phone = await open(second.page);
    model.reply({ chunks: ['At dusk, too'] });
    await laptop.ask('And at dusk?');
    await laptop.sees('At dusk, too');
    await phone.ask('And at dawn?');
    await phone.says('(CONFLICT)');
    await phone.page.reload();
    await phone.sees('At dusk, too');
    const { messages } = model.requests.at(-1) ?? { messages: [] };
    expect(messages.slice(1).map(({ content }) => content)).toEqual([
      'Why is the sky blue?',
      'Light scatters',
      'And at dusk?',
    ]);

    model.reply({ chunks: ['At dawn, too'] });
    await phone.ask('And at dawn?', { model: 'second' });
    await phone.sees('At dawn, too');
    expect(await phone.page.locator('li').last().getAttribute('data-model')).toBe('second');
    expect(model.requests.at(-1)).toMatchObject({ model: 'second' });

    model.reply({ toolCalls: [WEATHER] });
    model.reply({ chunks: ['It is sunny in Oslo'] });
    await phone.ask('How is the weather in Oslo?', { tool: true });
    await phone.sees('It is sunny in Oslo');
    expect(model.requests.at(-1)?.messages.at(-1)).toMatchObject({ role: 'tool', content: 'sunny' });
    for (const { foreign, complaints } of [opened, second]) {
      expect(foreign).toEqual([]);
      // The one that was refused.
      expect(complaints.filter((complaint) => !complaint.includes('409'))).toEqual([]);
    }
  });
});
