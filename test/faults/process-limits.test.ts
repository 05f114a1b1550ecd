import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { killPrograms, startProgram, withDatabaseDirectory } from '../support/program.js';
import { ROOMY_PLANS } from '../support/replies.js';
import { createDatabase, stores, testServerUrl } from '../support/servers.js';

const MAX_FILES = 256;
const CALLERS = 30;
const CALLS_EACH = 10;

type Stored = 'embedded' | 'servers';

/** Runs `work` with the settings of a database. */
async function withDatabase(kind: Stored, work: (settings: Record<string, string>) => Promise<void>): Promise<void> {
  if (kind === 'embedded') {
    await work({});
    return;
  }
  const created = await createDatabase(testServerUrl() ?? '');
  try {
    await work({ DATABASE_URL: created.url });
  } finally {
    await killPrograms();
    await created.drop();
  }
}

describe.each(stores)('a process with few means (%s)', (kind) => {
  afterEach(killPrograms);

  (process.platform === 'linux' ? it : it.skip)(
    'of open files lives when clients take them all, and serves on',
    async () => {
      await withDatabase(kind, (settings) =>
        withDatabaseDirectory(async (directory) => {
          const shell = ['sh', '-c', `ulimit -n ${MAX_FILES}; exec "$@"`, 'sh'];
          const program = await startProgram({ DATA_DIR: directory, ...settings }, shell);
          const owner = await signUp(program);
          const { hostname, port } = new URL(program.url);
          const agent = new Agent({ keepAlive: true, maxSockets: 1 });
          const get = async (path: string) => {
            const sent = request(`${program.url}${path}`, { agent, headers: owner.headers });
            const answer = once(sent, 'response');
            sent.end();
            const [response] = (await answer) as [IncomingMessage];
            response.resume();
            await once(response, 'end');
            return response.statusCode;
          };
          expect(await get('/api/v1/users/me')).toBe(200);
          const sockets: Socket[] = [];
          for (let index = 0; index < MAX_FILES + 50; index++) {
            const socket = connect(Number(port), hostname).on('error', () => undefined);
            sockets.push(socket);
          }
          await Promise.race(sockets.map((socket) => once(socket, 'close').catch(() => undefined)));
          for (let call = 0; call < 10; call++) expect([200, 503]).toContain(await get('/api/v1/conversations'));
          for (const socket of sockets) socket.destroy();
          agent.destroy();
          await eventually(
            () => owner.rest('GET', '/conversations').catch(() => null),
            (answer) => answer?.status === 200,
          );
          expect(program.output()).not.toMatch(/nobody waited for|An unexpected error/);
          program.kill('SIGTERM');
          expect(await program.exited).toEqual({ code: 0, signal: null });
        }),
      );
    },
  );

  it('of memory, 256 MB of heap, lives under load', async () => {
    await withDatabase(kind, (settings) =>
      withDatabaseDirectory(async (directory) => {
        const limits = { PLANS: ROOMY_PLANS, RATE_LIMIT_MESSAGE: '100000/60' };
        const heap = { NODE_OPTIONS: '--max-old-space-size=256' };
        const program = await startProgram({ DATA_DIR: directory, ...settings, ...limits, ...heap });
        const owner = await signUp(program);
        const conversationId = await owner.createConversation();
        const messages = `/conversations/${conversationId}/messages`;
        const content = { text: 'words of some length '.repeat(500) };
        const statuses = new Set<number>();
        await Promise.all(
          Array.from({ length: CALLERS }, async () => {
            for (let call = 0; call < CALLS_EACH; call++) {
              const { status } =
                call % 5 === 0
                  ? await owner.rest('POST', messages, { content, message_type: 'user' })
                  : await owner.rest('GET', `${messages}?limit=100`);
              statuses.add(status);
            }
          }),
        );
        expect([...statuses].filter((status) => ![200, 429, 503].includes(status))).toEqual([]);
        expect(statuses).toContain(200);
        program.kill('SIGTERM');
        expect(await program.exited).toEqual({ code: 0, signal: null });
      }),
    );
  });
});
