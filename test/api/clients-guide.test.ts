import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';

/** In this folder, the packages that the guide imports are found. */
const FOLDER = 'node_modules/.cache/clients-guide';
const guide = await readFile('docs/clients.md', 'utf8');

describe('the guide for clients', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  it('has code that runs as it stands', async () => {
    for (const text of ['Good day', 'Once more', 'Over REST']) app.model.reply({ chunks: text.split(/(?= )/) });
    const code = [...guide.matchAll(/^```js\n(.*?)^```$/gms)].map(([, block]) => block).join('\n');
    const results = [
      'me',
      'streamed',
      'answer',
      'resumed',
      'text',
      'ticketed',
      'stopped',
      'siblings',
      'missed',
      'generation',
      'conversations',
      'messages',
      'content',
      'kept',
      'repeated',
    ];
    const report = `\nawait sockets.dispose();\nconsole.log(JSON.stringify({ ${results.join(', ')} }));\n`;
    const added = { code: 200, message: 'Success', data: expect.objectContaining({ content: { text: 'Once' } }) };
    const program = `${FOLDER}/${process.pid.toString()}.mjs`;
    await mkdir(FOLDER, { recursive: true });
    await writeFile(program, code + report);
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [program], {
        env: { ...process.env, API: app.url },
      });
      expect(JSON.parse(stdout)).toEqual({
        me: { id: expect.any(String), email: expect.stringMatching(/^ada-\d+@example\.com$/), plan: { name: 'free' } },
        streamed: 'Good day',
        answer: 'Once more',
        resumed: ['Once more'],
        text: 'Over REST',
        ticketed: expect.stringContaining('Once more'),
        stopped: { id: expect.any(String), status: 'COMPLETE' },
        siblings: { index: 1, totalCount: 2 },
        missed: {
          __typename: 'MessageCreated',
          sequence: 1,
          message: { id: expect.any(String), text: expect.any(String) },
        },
        generation: { model: 'gpt-4o-mini', requestedModel: 'gpt-4o-mini', cost: null, finishReason: 'STOP' },
        conversations: [{ id: expect.any(String), title: 'First steps' }],
        messages: Array.from({ length: 6 }, () => expect.objectContaining({ message_id: expect.any(String) })),
        content: 'Hello',
        kept: { ...added, replayed: null },
        repeated: { ...added, replayed: 'true' },
      });
    } finally {
      await rm(program);
    }
  });

  it('has a row for every error code', async () => {
    const sources = await Promise.all(
      ['src/kernel/errors.ts', 'src/graphql/refusal.ts'].map((path) => readFile(path, 'utf8')),
    );
    const codes = sources.flatMap((source) => [...source.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code));
    expect(codes.length).toBeGreaterThan(15);
    const rows = [...guide.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code]) => code);
    expect(rows.sort()).toEqual([...new Set([...codes, 'INTERNAL_SERVER_ERROR'])].sort());
  });
});
