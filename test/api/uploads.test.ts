import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { eventually } from '../support/eventually.js';

const MAX_BYTES = 100_000;
const PLANS = JSON.stringify({
  free: { price: 0, daily_messages: 20, daily_tokens: 5000, max_conversations: 3, max_file_uploads: 0 },
  small: { price: 1, daily_messages: 20, daily_tokens: 5000, max_conversations: 3, max_file_uploads: 3 },
  large: { price: 2, daily_messages: 20, daily_tokens: 5000, max_conversations: 3, max_file_uploads: 50 },
});

interface Uploaded {
  readonly upload_id: string;
  readonly url: string;
  readonly filename: string;
  readonly content_type: string;
  readonly size: number;
  readonly created_at: string;
}

interface RestUpload {
  readonly status: number;
  readonly body: { readonly code: number; readonly message: string; readonly data: Uploaded };
}

async function upload(actor: Actor, file: File, field = 'file'): Promise<RestUpload> {
  const form = new FormData();
  form.set(field, file);
  return send(actor, form);
}

async function send(actor: Actor, body: FormData | string, headers: Record<string, string> = {}): Promise<RestUpload> {
  const response = await fetch(`${actor.url}/api/v1/uploads`, {
    method: 'POST',
    headers: { ...actor.headers, ...headers },
    body,
  });
  return { status: response.status, body: (await response.json()) as RestUpload['body'] };
}

const textFile = (text = 'hello', name = 'greeting.txt') => new File([text], name, { type: 'text/plain' });

const UPLOAD = 'mutation ($file: Upload!) { uploadFile(file: $file) { id url filename contentType size } }';

async function uploadOverGraphQL(actor: Actor, file: File, query = UPLOAD) {
  const form = new FormData();
  form.set('operations', JSON.stringify({ query, variables: { file: null } }));
  form.set('map', JSON.stringify({ 0: ['variables.file'] }));
  form.set('0', file);
  const headers = { ...actor.headers, 'graphql-require-preflight': 'true', accept: 'application/json' };
  const response = await fetch(`${actor.url}/graphql`, { method: 'POST', headers, body: form });
  return (await response.json()) as {
    readonly data?: { readonly uploadFile: Record<string, unknown> & { readonly id: string; readonly url: string } };
    readonly errors?: readonly { readonly extensions: Readonly<Record<string, unknown>> }[];
  };
}

const LIST = '{ uploads(first: 100) { totalCount nodes { id filename } } }';

interface Listed {
  readonly uploads: { readonly totalCount: number; readonly nodes: readonly { readonly id: string }[] };
}

describe.each(stores)('uploads on %s', (on) => {
  let app: TestApp;

  async function userOn(plan: string): Promise<Actor & { readonly userId: string }> {
    const actor = await signUp(app);
    if (plan !== 'free') await actor.ask('mutation ($plan: ID!) { changePlan(plan: $plan) { changed } }', { plan });
    return actor;
  }

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS, UPLOAD_MAX_BYTES: String(MAX_BYTES) } });
  });
  afterAll(() => app.close());

  it('answer with an address at which anyone reads the bytes, to save and not to show', async () => {
    const owner = await userOn('small');
    const { status, body } = await upload(owner, new File(['<script>'], 'naïve (x).html', { type: 'text/html' }));
    expect([status, body]).toMatchObject([
      200,
      {
        message: 'Success',
        data: { filename: 'naïve (x).html', content_type: 'text/html', size: 8, url: expect.any(String) },
      },
    ]);
    expect(body.data.url).toMatch(new RegExp(`^${app.url}/files/[A-Za-z0-9_-]{22}$`));
    const response = await fetch(body.data.url);
    expect(await response.text()).toBe('<script>');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html',
      'content-length': '8',
      'content-disposition': `attachment; filename="na_ve (x).html"; filename*=UTF-8''na%C3%AFve%20%28x%29.html`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
    });
    const head = await fetch(body.data.url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '8', '']);
  });

  it('are served in parts, and not again to who has them', async () => {
    const owner = await userOn('small');
    const { body } = await upload(owner, textFile('0123456789'));
    const read = async (headers: Record<string, string>) => {
      const response = await fetch(body.data.url, { headers });
      return [response.status, response.headers.get('content-range'), await response.text()];
    };
    const etag = (await fetch(body.data.url)).headers.get('etag') ?? '';
    expect(await read({ range: 'bytes=2-4' })).toEqual([206, 'bytes 2-4/10', '234']);
    expect(await read({ range: 'bytes=8-' })).toEqual([206, 'bytes 8-9/10', '89']);
    expect(await read({ range: 'bytes=-3' })).toEqual([206, 'bytes 7-9/10', '789']);
    expect(await read({ range: 'bytes=2-4', 'if-range': '"other"' })).toEqual([200, null, '0123456789']);
    expect(await read({ range: 'bytes=0-1,4-5' })).toEqual([200, null, '0123456789']);
    expect((await read({ range: 'bytes=10-' })).slice(0, 2)).toEqual([416, 'bytes */10']);
    expect(await read({ 'if-none-match': etag })).toEqual([304, null, '']);
    const head = await fetch(body.data.url, { method: 'HEAD', headers: { range: 'bytes=2-4' } });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '10']);
  });

  it('keep a name and a media type only as far as they are sane', async () => {
    const owner = await userOn('large');
    const cases: [string, string, string, string][] = [
      ['../../etc/passwd', 'text/plain', 'passwd', 'text/plain'],
      ['C:\\Users\\me\\photo.png', 'image/png', 'photo.png', 'image/png'],
      ['..', 'nonsense', 'file', 'application/octet-stream'],
      ['a\u202egpj.exe', '', 'agpj.exe', 'application/octet-stream'],
      [`${'é'.repeat(200)}.txt`, 'text/plain;charset=utf-8', 'é'.repeat(127), 'text/plain'],
    ];
    for (const [name, type, filename, content_type] of cases) {
      const boundary = 'xYzZY';
      const body = [
        `--${boundary}`,
        `Content-Disposition: form-data; name="file"; filename="${name.replaceAll('\\', '\\\\')}"`,
        ...(type === '' ? ['Content-Type: application/octet-stream'] : [`Content-Type: ${type}`]),
        '',
        'x',
        `--${boundary}--`,
        '',
      ].join('\r\n');
      const answer = await send(owner, body, { 'content-type': `multipart/form-data; boundary=${boundary}` });
      expect([answer.status, answer.body.data]).toMatchObject([200, { filename, content_type, size: 1 }]);
    }
  });

  it('may be empty, and have as many bytes as the service takes, and not one more', async () => {
    const owner = await userOn('small');
    expect((await upload(owner, textFile(''))).body.data.size).toBe(0);
    expect((await upload(owner, textFile('x'.repeat(MAX_BYTES)))).body.data.size).toBe(MAX_BYTES);
    const tooLarge = await upload(owner, textFile('x'.repeat(MAX_BYTES + 1)));
    expect(tooLarge).toMatchObject({ status: 413, body: { code: 413, message: 'Payload too large', data: null } });
    const far = await upload(owner, textFile('x'.repeat(MAX_BYTES * 30)));
    expect(far.status).toBe(413);
    const { errors } = await uploadOverGraphQL(owner, textFile('x'.repeat(MAX_BYTES + 1)));
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      errors: [{ field: 'file', message: `must be at most ${MAX_BYTES} bytes` }],
    });
    expect((await owner.ask<Listed>(LIST)).uploads.totalCount).toBe(2);
  });

  it('are listed newest first, found as nodes, and deleted for good, over both doors', async () => {
    const [owner, stranger] = [await userOn('small'), await userOn('small')];
    const first = (await upload(owner, textFile('one', 'one.txt'))).body.data;
    const { data } = await uploadOverGraphQL(owner, textFile('two', 'two.txt'));
    expect(data?.uploadFile).toMatchObject({ filename: 'two.txt', contentType: 'text/plain', size: 3 });
    const second = data?.uploadFile.id ?? '';
    expect((await owner.rest('GET', '/uploads')).body.data).toMatchObject([
      { upload_id: second, url: data?.uploadFile.url },
      { upload_id: first.upload_id, url: first.url },
    ]);
    expect((await owner.rest('GET', '/uploads?skip=1&limit=1')).body.data).toMatchObject([{ filename: 'one.txt' }]);
    const node = 'query ($id: ID!) { node(id: $id) { ... on UploadedFile { filename } } }';
    expect(await owner.ask(node, { id: second })).toEqual({ node: { filename: 'two.txt' } });
    expect(await stranger.ask(node, { id: second })).toEqual({ node: null });
    expect((await stranger.rest('GET', '/uploads')).body.data).toEqual([]);
    expect((await stranger.rest('DELETE', `/uploads/${second}`)).body).toEqual({
      code: 404,
      message: 'File not found',
      data: null,
    });
    expect((await owner.rest('DELETE', `/uploads/${first.upload_id}`)).body.data).toMatchObject({ url: first.url });
    expect((await fetch(first.url)).status).toBe(404);
    await owner.ask('mutation ($id: ID!) { deleteUpload(id: $id) { id } }', { id: second });
    expect((await owner.ask<Listed>(LIST)).uploads.nodes).toEqual([]);
    const { rows } = await app.database.query('SELECT 1 FROM uploads WHERE user_id = $1', [owner.userId]);
    expect(rows).toEqual([]);
  });

  it('are counted exactly, also when two hundred come at once', async () => {
    const owner = await userOn('large');
    // A busy machine gives some of them up before they begin, and says that they may come again.
    const untilTaken = async () => {
      for (;;) {
        const answer = await upload(owner, textFile());
        if (answer.status !== 503) return answer;
      }
    };
    const answers = await Promise.all(Array.from({ length: 200 }, untilTaken));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.message}`))).toEqual(
      new Set(['403 Upgrade required']),
    );
    const used = await owner.ask(
      '{ usage { fileUploads } usageLedger(first: 100) { totalCount nodes { kind tokens } } }',
    );
    expect(used).toMatchObject({ usage: [{ fileUploads: 50 }], usageLedger: { totalCount: 50 } });
  });

  it('are refused where the plan has none, and a place that is free again can be taken', async () => {
    const free = await userOn('free');
    expect(await upload(free, textFile())).toMatchObject({ status: 403, body: { message: 'Upgrade required' } });
    expect((await uploadOverGraphQL(free, textFile())).errors?.[0]?.extensions['code']).toBe('QUOTA_EXCEEDED');
    const owner = await userOn('small');
    for (let count = 0; count < 3; count++) await upload(owner, textFile());
    expect((await upload(owner, textFile())).status).toBe(403);
    const { uploads } = await owner.ask<Listed>(LIST);
    await owner.rest('DELETE', `/uploads/${uploads.nodes[0]?.id ?? ''}`);
    expect((await upload(owner, textFile())).status).toBe(200);
    const smaller = await owner.rest('POST', '/user/upgrade?plan=free');
    expect([smaller.status, smaller.body.message]).toEqual([400, 'Over file quota']);
  });

  it('that break off, or have more than the file, leave nothing behind', async () => {
    const owner = await userOn('small');
    const linesBefore = app.logged.length;
    const extra = new FormData();
    extra.set('file', textFile());
    extra.set('other', 'x');
    expect(await send(owner, extra, { prefer: 'handling=strict' })).toMatchObject({
      status: 422,
      body: { data: { errors: [{ field: 'other', message: 'is not expected: the file is the last part' }] } },
    });
    const cut = `--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhello`;
    expect(await send(owner, cut, { 'content-type': 'multipart/form-data; boundary=b' })).toMatchObject({
      status: 422,
      body: { data: { errors: [{ field: 'file', message: 'was cut off' }] } },
    });
    const request = [
      'POST /api/v1/uploads HTTP/1.1',
      'Host: localhost',
      `Authorization: Bearer ${owner.token ?? ''}`,
      'Content-Type: multipart/form-data; boundary=b',
      'Content-Length: 50000',
      '',
      cut,
    ].join('\r\n');
    const rowsOf = async () => {
      const { rows } = await app.database.query('SELECT status FROM uploads WHERE user_id = $1', [owner.userId]);
      return rows;
    };
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    socket.write(request);
    await eventually(rowsOf, (rows) => rows.length === 1);
    socket.destroy();
    await eventually(rowsOf, (rows) => rows.length === 0);
    expect((await owner.ask<Listed>(LIST)).uploads.totalCount).toBe(0);
    expect(app.logged.slice(linesBefore).filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('of another form are refused in clear words', async () => {
    const owner = await userOn('small');
    expect(await send(owner, '{}', { 'content-type': 'application/json' })).toMatchObject({
      status: 415,
      body: { message: 'Unsupported media type' },
    });
    expect(await send(owner, 'x', { 'content-type': 'multipart/form-data' })).toMatchObject({ status: 400 });
    expect(await upload(owner, textFile(), 'document')).toMatchObject({
      status: 422,
      body: {
        data: {
          errors: [{ field: 'file', message: 'is required' }],
        },
      },
    });
    const stranger = new FormData();
    stranger.set('file', textFile());
    const response = await fetch(`${app.url}/api/v1/uploads`, { method: 'POST', body: stranger });
    expect([response.status, await response.json()]).toMatchObject([401, { message: 'Missing credentials' }]);
    const twice = 'mutation ($file: Upload!) { a: uploadFile(file: $file) { id } b: uploadFile(file: $file) { id } }';
    expect((await uploadOverGraphQL(owner, textFile(), twice)).errors).toHaveLength(1);
  });

  it('have addresses that nobody finds by trying, that end with the account, and that are not in the log', async () => {
    const owner = await userOn('small');
    const { url } = (await upload(owner, textFile())).body.data;
    const wrong = await fetch(`${app.url}/files/AAAAAAAAAAAAAAAAAAAAAA`);
    expect([wrong.status, await wrong.json()]).toEqual([404, { code: 404, message: 'File not found', data: null }]);
    expect((await fetch(`${app.url}/files/..%2f..%2fsecret-key`)).status).toBe(404);
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
    expect((await fetch(url)).status).toBe(200);
    await owner.rest('DELETE', '/users/me');
    expect((await fetch(url)).status).toBe(404);
    expect(JSON.stringify(app.logged)).not.toContain(new URL(url).pathname.slice('/files/'.length));
  });

  it('that a crash left half stored or half deleted are removed, bytes before row, at the next start', async () => {
    const owner = await userOn('small');
    const kept = (await upload(owner, textFile())).body.data;
    const leave = async (status: string) => {
      const { body } = await upload(owner, textFile());
      await app.database.query(
        `UPDATE uploads SET status = $2::"UploadStatus", lease_expires_at = now() - interval '1 second' WHERE id = $1`,
        [body.data.upload_id, status],
      );
    };
    await leave('PENDING');
    await leave('DELETING');
    expect((await owner.ask<Listed>(LIST)).uploads.nodes).toHaveLength(1);
    app = await app.restart();
    const rowsOf = async () => {
      const { rows } = await app.database.query<{ id: string }>('SELECT id FROM uploads WHERE user_id = $1', [
        owner.userId,
      ]);
      return rows.map(({ id }) => id);
    };
    const left = await eventually(rowsOf, (rows) => rows.length === 1);
    expect(left).toEqual([kept.upload_id]);
    // Only the path is kept: the port changed with the restart, and so did the service's URL.
    expect((await fetch(`${app.url}${new URL(kept.url).pathname}`)).status).toBe(200);
  });
});
