import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { collect, signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { hasPrometheus, startPrometheus } from '../support/prometheus-server.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { askModel, CHAT, followReply } from '../support/replies.js';
import { stores } from '../support/servers.js';

const plan = { price: 0, daily_messages: 1_000, daily_tokens: 1_000_000, max_conversations: 2, max_file_uploads: 5 };
const MODEL = {
  name: 'fast',
  id: 'fast-1',
  contextTokens: 4_000,
  maxReplyTokens: 400,
  price: { prompt: 3, cached: 1, completion: 15 },
};
const USAGE = {
  prompt_tokens: 1_000,
  completion_tokens: 70,
  total_tokens: 1_070,
  prompt_tokens_details: { cached_tokens: 600 },
};

const OPERATIONS = 'flynkle_operation_duration_seconds_count';
const REQUESTS = 'flynkle_http_request_duration_seconds_count';
const CALLS = 'flynkle_server_call_duration_seconds';
const CREATE_CONVERSATION = 'mutation ($input: CreateConversationInput!) { createConversation(input: $input) { id } }';
const HPA = fileURLToPath(new URL('../../deploy/kubernetes/hpa.yaml', import.meta.url));
const DASHBOARD = fileURLToPath(new URL('../../deploy/grafana/flynkle.json', import.meta.url));

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

/** The value of a series; 0 while there is none. @param labels those that must be there, in any order */
function valueIn(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = text
    .split('\n')
    .find((one) => /^(\w+)/.exec(one)?.[1] === name && wanted.every((label) => one.includes(label)));
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1));
}

describe.each(stores)('metrics on %s', (on) => {
  let model: ModelServer;
  let app: TestApp;
  let user: Actor;
  let conversationId: string;
  let internal: string;
  const scrape = async () => (await fetch(`${internal}/metrics`)).text();

  beforeAll(async () => {
    model = await startModelServer();
    app = await startTestApp({
      stores: on,
      settings: {
        METRICS_PORT: '0',
        METRICS_HOST: '127.0.0.1',
        RATE_LIMIT_CHAT: '2/3600',
        PLANS: JSON.stringify({ free: plan }),
        MODELS: JSON.stringify([{ ...MODEL, baseUrl: model.url }]),
        CURRENCY: 'EUR',
      },
    });
    user = await signUp(app);
    conversationId = await user.createConversation();
    const announced = app.logged.map(({ msg }) => String(msg)).findLast((line) => line.startsWith('metrics: '));
    internal = /http:\S+(?=\/metrics)/.exec(announced ?? '')?.[0] ?? '';
  });
  afterAll(async () => {
    await app.close();
    await model.close();
  });

  it('have the figure by which Kubernetes adds instances', async () => {
    const manifest = parse(await readFile(HPA, 'utf8')) as {
      spec: { metrics: { pods?: { metric: { name: string } } }[] };
    };
    const names = manifest.spec.metrics.flatMap(({ pods }) => (pods === undefined ? [] : [pods.metric.name]));
    expect(names).toHaveLength(1);
    expect(await scrape()).toMatch(new RegExp(`^${names[0]} \\d`, 'm'));
  });

  it('are told at a port of their own alone, beside the health checks', async () => {
    const response = await fetch(`${internal}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await response.text()).toContain('# TYPE flynkle_operation_duration_seconds histogram');
    expect((await fetch(`${app.url}/metrics`)).status).toBe(404);
    const ready = await fetch(`${internal}/health/ready`);
    const { data } = (await ready.json()) as { data: { parts: { name: string }[] } };
    expect({ status: ready.status, parts: data.parts.map(({ name }) => name) }).toEqual({
      status: 200,
      parts: ['instance', 'database', 'migrations', ...(on === 'servers' ? ['redis'] : []), 'store', 'model fast'],
    });
    for (const part of data.parts)
      expect(part).toEqual({
        name: part.name,
        state: part.name === 'model fast' ? 'closed' : 'ok',
        since: expect.any(String),
        reason: null,
      });
    // Clients are not told.
    expect(await (await fetch(`${app.url}/health/ready`)).json()).toMatchObject({
      data: { status: 'ok', models: { fast: 'closed' } },
    });
    expect(await (await fetch(`${app.url}/health/ready`)).text()).not.toContain('parts');
    expect((await fetch(`${internal}/api/v1/users/me`)).status).toBe(404);
    expect((await fetch(`${internal}/metrics`, { method: 'POST' })).status).toBe(405);
  });

  it('count operations by door, root field and outcome, and never by a name that a client chose', async () => {
    const before = await scrape();
    await user.ask('query ChosenByTheClient { me { id } }');
    await user.rest('GET', '/users/me');
    await user.rest('GET', '/conversations/nonsense');
    const socket = user.webSocket('{ me { id } }');
    await collect(socket);
    await user.graphql('{ nonsense }');
    await user.createConversation();
    expect((await user.graphql(CREATE_CONVERSATION, { input: {} })).errors?.[0]?.extensions.code).toBe(
      'QUOTA_EXCEEDED',
    );
    const after = await eventually(scrape, (text) => valueIn(text, REQUESTS, { operation: 'getConversation' }) > 0);
    const grown = (name: string, labels: Readonly<Record<string, string>>) =>
      valueIn(after, name, labels) - valueIn(before, name, labels);
    expect(grown(OPERATIONS, { door: 'graphql', operation: 'me', outcome: 'ok' })).toBe(1);
    expect(grown(OPERATIONS, { door: 'websocket', operation: 'me', outcome: 'ok' })).toBe(1);
    expect(grown(OPERATIONS, { door: 'graphql', operation: 'invalid', outcome: 'GRAPHQL_VALIDATION_FAILED' })).toBe(1);
    expect(grown(OPERATIONS, { operation: 'createConversation', outcome: 'QUOTA_EXCEEDED' })).toBe(1);
    expect(grown(REQUESTS, { door: 'rest', operation: 'getMe', status: '200' })).toBe(1);
    expect(grown(REQUESTS, { door: 'rest', operation: 'getConversation' })).toBe(1);
    expect(after).not.toContain('ChosenByTheClient');
  });

  it('count what an answer takes once it is in the ledger, and what is open while it is written', async () => {
    const gate = Promise.withResolvers<undefined>();
    model.reply({ chunks: ['The ', 'sky'], hold: { after: 1, until: gate.promise }, usage: USAGE });
    const id = await askModel(user, conversationId);
    const events = followReply(user, 'webSocket', id);
    await events.next();
    const during = await scrape();
    expect(valueIn(during, 'flynkle_replies_running')).toBe(1);
    expect(valueIn(during, 'flynkle_streams_open')).toBe(1);
    expect(valueIn(during, 'flynkle_websockets_open')).toBe(1);
    expect(valueIn(during, 'flynkle_database_connections')).toBeGreaterThan(0);
    gate.resolve(undefined);
    await collect(events);
    const after = await eventually(scrape, (text) => valueIn(text, 'flynkle_streams_open') === 0);
    const ofReply = { model: 'fast', kind: 'reply' };
    expect(valueIn(after, 'flynkle_model_tokens_total', { ...ofReply, type: 'prompt' })).toBe(400);
    expect(valueIn(after, 'flynkle_model_tokens_total', { ...ofReply, type: 'cached' })).toBe(600);
    expect(valueIn(after, 'flynkle_model_tokens_total', { ...ofReply, type: 'completion' })).toBe(70);
    expect(valueIn(after, 'flynkle_model_cost_total', { ...ofReply, currency: 'EUR' })).toBeCloseTo(0.00285, 8);
    expect(valueIn(after, 'flynkle_model_answers_total', { model: 'fast', reason: 'stop' })).toBe(1);
    expect(valueIn(after, 'flynkle_model_first_text_seconds_count', { model: 'fast' })).toBe(1);
    expect(valueIn(after, 'flynkle_reply_events_total')).toBeGreaterThanOrEqual(2);
    expect(valueIn(after, 'flynkle_replies_running')).toBe(0);
  });

  it('time the calls of the store, and tell of every queue and breaker', async () => {
    const form = new FormData();
    form.append('file', new File(['some text'], 'notes.txt', { type: 'text/plain' }));
    const sent = await fetch(`${app.url}/api/v1/uploads`, { method: 'POST', headers: user.headers, body: form });
    expect(sent.status).toBe(200);
    const text = await scrape();
    expect(valueIn(text, `${CALLS}_count`, { server: 'store', call: 'put', outcome: 'ok' })).toBe(1);
    if (on === 'servers')
      expect(valueIn(text, `${CALLS}_count`, { server: 'redis', call: 'write' })).toBeGreaterThan(0);
    const lines = text.split('\n');
    expect(lines).toContain('flynkle_jobs_dead{queue="account-mails"} 0');
    expect(lines).toContain('flynkle_model_breaker_state{model="fast"} 0');
    expect(lines).toContain('flynkle_log_lines_total{level="error"} 0');
  });

  // Debian's package has Prometheus; .ci/run installs it.
  (hasPrometheus() ? it : it.skip)('give data to every panel of the dashboard, and to every rule', async () => {
    model.reply({ chunks: ['An answer'], usage: USAGE });
    const input = { message: 'Why?', conversationId };
    await user.ask(CHAT, { input });
    expect((await user.graphql(CHAT, { input })).errors?.[0]?.extensions.code).toBe('RATE_LIMITED');
    const folder = await mkdtemp(join(tmpdir(), 'flynkle-prometheus-'));
    const prometheus = await startPrometheus(folder, new URL(internal).host);
    try {
      const answersOf = async (query: string) =>
        ((await prometheus.ask('query', { query })) as { result: { value: [number, string] }[] }).result;
      // A rate needs two looks.
      await eventually(
        () => answersOf('count_over_time(up[1m])'),
        ([seen]) => Number(seen?.value[1] ?? 0) >= 3,
      );
      const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as { panels: readonly Panel[] };
      const queries = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
      expect(queries.length).toBeGreaterThan(20);
      for (const { title, expr } of queries)
        expect({ title, expr, answers: (await answersOf(expr)).length > 0 }).toMatchObject({ answers: true });
      const rules = await eventually(
        async () =>
          (
            (await prometheus.ask('rules')) as { groups: { rules: { name: string; health: string }[] }[] }
          ).groups.flatMap((group) => group.rules),
        (all) => all.every(({ health }) => health !== 'unknown'),
      );
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    } finally {
      await prometheus.close();
      await rm(folder, { recursive: true });
    }
  });
});
