import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Service } from '../attacks/attack.js';
import { KINDS } from '../attacks/kinds.js';
import { startTestApp, type TestApp } from '../support/app.js';

const PLAN = {
  price: 0,
  daily_messages: 100_000,
  daily_tokens: 100_000_000,
  max_conversations: 3,
  max_file_uploads: 100,
};
const OFTEN = '100000/60';

describe('the service under attack', () => {
  let app: TestApp;
  let service: Service;
  beforeAll(async () => {
    app = await startTestApp({
      settings: {
        PLANS: JSON.stringify({ free: PLAN, pro: PLAN }),
        RATE_LIMIT_CHAT: '5/60',
        RATE_LIMIT_MESSAGE: '5/60',
        RATE_LIMIT_LOGIN: OFTEN,
        RATE_LIMIT_LOGIN_CLIENT: OFTEN,
        RATE_LIMIT_SIGN_UP: OFTEN,
      },
    });
    service = { url: app.url, isOwn: true, seed: 1 };
  });
  afterAll(() => app.close());

  it.each(KINDS)('holds against $name', async (kind) => {
    const attacks = await kind.attacks(service);
    const succeeded: string[] = [];
    for (const attack of attacks) {
      const what = await attack.run(service).catch((error: unknown) => String(error));
      if (what !== undefined) succeeded.push(`${attack.name}: ${what}`);
    }
    expect(attacks.length).toBeGreaterThan(3);
    expect(succeeded).toEqual([]);
  });
});
