import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor } from '../support/actor.js';
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

  /** Tries an operation until the answer on the page contains the expected text. */
  const tryOut = async (operation: string, expected: string, body?: object): Promise<void> => {
    const block = blockOf(operation);
    await fold(operation);
    if (body !== undefined) await block.locator('textarea').first().fill(JSON.stringify(body));
    await block.locator('button.execute').click();
    await block.locator('.live-responses-table .response', { hasText: expected }).waitFor();
  };

  it('lets a person log in and try a call, and asks nobody but the service', async () => {
    const actor = new Actor(app.url);
    await actor.createUser();
    await opened.page.goto(`${app.url}/docs`);
    await tryOut('Users-getMe', '"message": "Missing credentials"');
    await fold('Users-getMe');
    await tryOut('Auth-login', '"access_token"', actor.credentials);
    await tryOut('Users-getMe', actor.credentials.email);
    expect(opened.foreign).toEqual([]);
    expect(opened.complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
  });
});
