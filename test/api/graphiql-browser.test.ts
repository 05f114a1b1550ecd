import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { chromiumPath, openPage, type OpenedPage } from '../support/browser.js';

(chromiumPath === undefined ? describe.skip : describe)('GraphiQL in a browser', () => {
  let app: TestApp;
  let opened: OpenedPage;
  beforeAll(async () => {
    app = await startTestApp();
    opened = await openPage(app.url);
  });
  afterAll(async () => {
    await opened.close();
    await app.close();
  });

  /** Runs an operation of the open tab, and waits until the answer contains the text. */
  const run = async (operation: string, expected: string): Promise<void> => {
    await opened.page.locator('.graphiql-execute-button').click();
    await opened.page.getByRole('menuitem', { name: operation, exact: true }).click();
    await opened.page.locator('.result-window', { hasText: expected }).waitFor();
  };
  const state = () => opened.page.locator('#guide-state').textContent();

  it('leads from a new account to a streamed reply without copying anything', async () => {
    app.model.reply({ chunks: ['Good ', 'day'], usage: 5 });
    await opened.page.goto(`${app.url}/graphql`);
    expect(await state()).toBe('Not logged in');
    await run('CreateAccount', 'ada@example.com');
    await run('LogIn', 'accessToken');
    expect(await state()).toBe('Logged in');

    await opened.page.locator('.graphiql-tab').nth(1).click();
    await run('Me', 'ada@example.com');
    await run('OpenConversation', 'First steps');
    await run('SendMessage', 'Hello!');
    expect(await state()).toBe('Logged in; fills in conversationId, messageId');
    await run('FollowReply', 'Good day');

    await opened.page.reload();
    expect(await state()).toBe('Logged in; fills in conversationId, messageId');
    await opened.page.locator('#guide-logout').click();
    expect(await state()).toBe('Not logged in');
    await run('Me', 'UNAUTHENTICATED');
    expect(opened.foreign).toEqual([]);
    expect(opened.complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
  });
});
