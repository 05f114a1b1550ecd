import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildRestView } from '../../src/doors/rest/rest-view.js';
import { describeSchema } from '../../src/app-schema.js';
import { AUTHORISATION } from '../support/authorisation-table.js';
import { Cast } from '../support/authorisation-cast.js';
import { withEmbedded } from '../support/servers.js';
import { restCall, rootFieldsOf, type HttpCall } from '../support/generated-call.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { rawRequest } from '../support/raw-request.js';
import { startAppWithSofa, type AppWithSofa } from '../support/sofa-door.js';
import { GOOD_ARGUMENTS, NOT_SERVED_BY_SOFA, WITHOUT_DATA, type Comparison } from '../support/sofa-table.js';

const PLAN = { price: 0, daily_messages: 9_000, daily_tokens: 9_000_000, max_conversations: 900, max_file_uploads: 99 };

const view = buildRestView(describeSchema());
const fields = rootFieldsOf(describeSchema());
const cases = view.operations.flatMap((operation) => {
  const { operationId, method, path } = operation.route;
  if (Object.hasOwn(NOT_SERVED_BY_SOFA, operationId)) return [];
  const field = fields.find(({ routes }) => routes.some((route) => route.operationId === operationId));
  if (field === undefined) throw new Error(`No root field has the route ${operationId}`);
  const comparison: Comparison = WITHOUT_DATA[operationId] ?? 'data';
  return [{ title: `${method} ${path}`, operation, field, comparison }];
});

describe("SOFA's own router over the same view, pipeline and data", () => {
  let mailServer: MailServer;
  let running: AppWithSofa;
  let shared: Cast;

  beforeAll(async () => {
    mailServer = await startMailServer();
    running = await startAppWithSofa({
      stores: withEmbedded() ? 'embedded' : 'servers',
      settings: {
        PLANS: JSON.stringify({ free: PLAN, pro: PLAN }),
        SMTP_URL: mailServer.url,
        MAIL_FROM: 'Flynkle <no-reply@example.com>',
      },
    });
    shared = new Cast(running.app);
    // Fills the lists, so that an order or a page can differ.
    const target = await shared.target();
    for (const _ of [1, 2, 3]) await target.reply();
    await target.upload();
    await target.passkey();
  });
  afterAll(async () => {
    await running.app.close();
    await mailServer.close();
  });

  /** A new request of an operation, on new objects; by a new caller if it ends or changes something that others need. */
  const makeCall = async ({ field, operation: { route } }: (typeof cases)[number]): Promise<HttpCall> => {
    const row = AUTHORISATION[field.name];
    const good = GOOD_ARGUMENTS[route.operationId];
    const needsNewPeople = row?.ends === true || route.operationId === 'changePlan' || good !== undefined;
    const cast = needsNewPeople ? new Cast(running.app) : shared;
    const caller = await cast.member(row?.access === 'admin' ? 'admin' : 'owner');
    const target = await cast.target();
    const given = good
      ? await good({ ...running, mailServer, target, caller })
      : await row?.variables?.(target, caller);
    const paging = 'first' in (route.arguments ?? {}) ? { first: 2, offset: 0 } : {};
    const call = restCall(field, route, { ...paging, ...given });
    return { ...call, headers: { ...call.headers, ...caller.headers } };
  };

  it.each(cases)('answers $title as ours does: $comparison', async (one) => {
    const { operation, comparison } = one;
    const isRead = operation.route.method === 'GET';
    const call = await makeCall(one);
    const ours = await running.ours(call);
    const sofas = await running.sofas(isRead ? call : await makeCall(one), operation);
    expectOutcome(comparison, ours);
    if (isRead) expect(JSON.stringify(sofas)).toBe(JSON.stringify(ours));
    else expect(normalised(sofas)).toBe(normalised(ours));
  });

  it('has a webhook in memory, which the service has not', async () => {
    const paths = ['/webhook', '/./webhook', '/users/../webhook', '/%77ebhook'];
    const port = Number(new URL(running.app.url).port);
    const answers = await Promise.all(
      paths.map((path) => rawRequest(port, { method: 'POST', path: `/api/v1${path}`, body: '{}' })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toEqual(paths.map(() => 404));
  });
});

/** Checks our own outcome, so that the two routers cannot agree by both failing. */
function expectOutcome(comparison: Comparison, { status, data }: { readonly status: number; readonly data: unknown }) {
  if (comparison === 'refusal') {
    expect([400, 404]).toContain(status);
    return;
  }
  expect(status).toBe(200);
  expect(Array.isArray(data) && data.length === 0).toBe(comparison === 'empty list');
}

/** Replaces values that differ between requests by fixed words. Ids are numbered as they first appear. */
function normalised(answer: unknown): string {
  const ids = new Map<string, string>();
  return JSON.stringify(answer, null, 1)
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => {
      if (!ids.has(id)) ids.set(id, `id ${ids.size + 1}`);
      return ids.get(id) ?? id;
    })
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'a time')
    .replace(/[0-9a-f]{16}(@|%40)example\.com/g, 'an address')
    .replace(/data:image\/png;base64,[\w+/=]+/g, 'an image')
    .replace(/"[0-9a-z]{4}(?:-[0-9a-z]{4}){3}"/g, '"a recovery code"')
    .replace(/"first_text_ms": \d+/g, '"first_text_ms": "a time"')
    .replace(/127\.0\.0\.1:\d+/g, 'a host')
    .replace(/"last_four": "\w{4}"/g, '"last_four": "a part of one"')
    .replace(/[\w-]{22,}(?:\.[\w-]{22,})*/g, 'a secret');
}
