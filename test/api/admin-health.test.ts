import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp } from '../support/actor.js';
import { newAdmin, type Someone } from '../support/admins.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';

const HEALTH = '{ adminHealth { name state since reason } }';

describe.each(stores)('the state of every part, on %s', (on) => {
  let app: TestApp;
  let admin: Someone;

  beforeAll(async () => {
    app = await startTestApp({ stores: on });
    admin = await newAdmin(app);
  });
  afterAll(() => app.close());

  it('is told to admins over both doors, and to nobody else', async () => {
    const fine = (name: string) => ({ name, state: 'ok', since: expect.any(String), reason: null });
    const parts = [
      fine('instance'),
      fine('database'),
      fine('migrations'),
      ...(on === 'servers' ? [fine('redis')] : []),
      fine('store'),
      { ...fine('model gpt-4o-mini'), state: 'closed' },
    ];
    expect(await admin.ask(HEALTH)).toEqual({ adminHealth: parts });
    const { status, body } = await admin.rest('GET', '/admin/health');
    expect({ status, data: body.data }).toEqual({ status: 200, data: parts });
    const user = await signUp(app);
    expect((await user.graphql(HEALTH)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect((await user.rest('GET', '/admin/health')).status).toBe(403);
  });
});
