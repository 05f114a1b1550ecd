import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { chromiumPath, openPage, type OpenedPage } from '../support/browser.js';

(chromiumPath === undefined ? describe.skip : describe)('the reference in a browser', () => {
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

  const blockOf = (operation: string) => opened.page.locator(`#operations-${operation}`);
  const fold = (operation: string) => blockOf(operation).locator('.opblock-summary-control').click();

  /** Tries an operation as the page fills it in, until the answer contains the expected text. */
  const tryOut = async (operation: string, expected: string): Promise<void> => {
    const block = blockOf(operation);
    await fold(operation);
    await block.locator('button.execute').click();
    await block.locator('.live-responses-table .response', { hasText: expected }).waitFor();
  };

  it('leads from a new account to an answer as it is filled in, and asks nobody but the service', async () => {
    app.model.reply({ chunks: ['Try ', 'Madeira.'], usage: 5 });
    await opened.page.goto(`${app.url}/docs`);
    await tryOut('Users-getMe', '"message": "Missing credentials"');
    await fold('Users-getMe');
    await tryOut('Users-createUser', '"email": "ada@example.com"');
    await tryOut('Auth-login', '"access_token"');
    await tryOut('Users-getMe', '"email": "ada@example.com"');
    await tryOut('Conversations-createConversation', '"title": "Holiday plans"');
    await tryOut('Chat-chat', '"response": "Try Madeira."');
    expect(opened.foreign).toEqual([]);
    expect(opened.complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
  });
});
