import { cp, mkdir, mkdtemp, readdir, rename, rm, rmdir, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { killPrograms, startInVain, startProgram, withDataDirectory, type Program } from '../support/program.js';
import { ROOMY_PLANS } from '../support/replies.js';
import { incompressible, makeSmallDisk, mayMount, type SmallDisk } from '../support/small-disk.js';

const NO_RATE_LIMITS = { RATE_LIMIT_MESSAGE: '1000/60' };
const NO_ROOM = /no room left|cannot be written to|cannot be reached/;

async function readiness({ url }: Program): Promise<{ status: number; reason: unknown }> {
  const response = await fetch(`${url}/health/ready`);
  const { data } = (await response.json()) as { data: Readonly<Record<string, unknown>> | null };
  return { status: response.status, reason: data?.['reason'] };
}

const untilReady = (program: Program) =>
  eventually(
    () => readiness(program),
    ({ status }) => status === 200,
  );

const expectNoStack = (output: string) => {
  expect(output).not.toMatch(/ {4}at |\\n {4}at/);
};

/** A DATA_DIR with a database that has its tables: to make one takes seconds. */
let template: string;
beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'flynkle-template-'));
  await stops(await startProgram({ DATA_DIR: template }));
});
afterAll(() => rm(template, { recursive: true, force: true }));

const useTemplate = (directory: string) => cp(template, directory, { recursive: true });

async function stops(program: Program): Promise<void> {
  program.kill('SIGTERM');
  expect(await program.exited).toEqual({ code: 0, signal: null });
}

(mayMount() ? describe : describe.skip)('the embedded database on a disk', () => {
  let disk: SmallDisk;
  beforeEach(async () => {
    disk = makeSmallDisk(160);
    await useTemplate(disk.directory);
  });
  afterEach(async () => {
    await killPrograms();
    disk.unmount();
  });

  it('that is full or read-only: writes are 503 at once, with the cause in the log and in readiness, and work again by themselves', async () => {
    const program = await startProgram({ DATA_DIR: disk.directory, PLANS: ROOMY_PLANS, ...NO_RATE_LIMITS });
    const owner = await signUp(program);
    const conversationId = await owner.createConversation();
    const messages = `/conversations/${conversationId}/messages`;
    const write = async () => {
      const content = { text: incompressible(200_000) };
      const { status, body } = await owner.rest('POST', messages, { content, message_type: 'user' });
      expect([200, 503]).toContain(status);
      if (status === 503) expect(body.message).toMatch(NO_ROOM);
      return status;
    };
    const goesOn = async () => {
      await untilReady(program);
      await eventually(write, (status) => status === 200);
    };
    const isBroken = () => program.output().includes('broke down');
    expect(await write()).toBe(200);
    await disk.fill();
    let slowest = 0;
    // Room in files that are there already is used first; at the end of the log's, PostgreSQL panics.
    for (let call = 0; call < 150 && !isBroken(); call++) {
      const start = performance.now();
      await write();
      slowest = Math.max(slowest, performance.now() - start);
    }
    expect(slowest).toBeLessThan(20_000);
    expect(program.output()).toMatch(/broke down|disk of the database is full/);
    expect(program.output()).toContain('No space left on device');
    expect(await readiness(program)).toEqual({ status: 503, reason: expect.stringMatching(NO_ROOM) });
    await disk.clear();
    await goesOn();

    disk.setReadOnly(true);
    for (let call = 0; call < 5; call++) await write();
    disk.setReadOnly(false);
    await goesOn();

    expect((await owner.rest('GET', messages)).status).toBe(200);
    await disk.fill();
    await stops(program);
    expectNoStack(program.output());

    await disk.clear();
    disk.setReadOnly(true);
    const readOnly = await startInVain({ DATA_DIR: disk.directory });
    expect(readOnly.code).toBe(1);
    expect(readOnly.output).toMatch(/"level":"fatal".*(cannot be written to|read-only)/i);
    expectNoStack(readOnly.output);
  });

  it('that is full when it is to be made is told in one line', async () => {
    await rm(join(disk.directory, 'postgres'), { recursive: true });
    await disk.fill(1024 * 1024);
    const { code, output } = await startInVain({ DATA_DIR: disk.directory });
    expect(code).toBe(1);
    expect(output).toMatch(/"level":"fatal".*(No space left on device|ENOSPC|hardly any room left)/i);
    expectNoStack(output);
  });
});

describe('the folder of the embedded database', () => {
  afterEach(killPrograms);

  it('that is taken away while it is in use: nothing is acknowledged, nothing begun anew, and it goes on when it is back', async () => {
    await withDataDirectory(async (directory) => {
      await useTemplate(directory);
      const program = await startProgram({ DATA_DIR: directory });
      const owner = await signUp(program);
      const folder = join(directory, 'postgres');
      const elsewhere = join(directory, 'elsewhere');
      const update = (at: string) => owner.rest('PATCH', '/users/me', { profile: { at } });
      await rename(folder, elsewhere);
      expect(await update('away')).toMatchObject({
        status: 503,
        body: { message: 'The database cannot be reached at present' },
      });
      expect(program.output()).toContain(`the folder ${folder} is gone`);
      await mkdir(folder);
      expect((await readiness(program)).status).toBe(503);
      expect(await readdir(folder)).toEqual([]);
      await rmdir(folder);
      await rename(elsewhere, folder);
      await untilReady(program);
      expect((await owner.rest('GET', '/users/me')).body.data).toMatchObject({ profile: {} });
      await rm(directory, { recursive: true });
      expect((await update('gone')).status).toBe(503);
      expect(await readdir(directory).catch(() => 'gone')).toBe('gone');
      await stops(program);
      expectNoStack(program.output());
    });
  });

  it.each([
    ['the control file', 'global/pg_control', 100],
    ['the log', 'pg_wal', 0],
  ])('of which %s is damaged is told at the start, in one line', async (_, name, bytes) => {
    await withDataDirectory(async (directory) => {
      await useTemplate(directory);
      const path = join(directory, 'postgres', name);
      if (bytes > 0) await truncate(path, bytes);
      else for (const file of await readdir(path)) await writeFile(join(path, file), 'damaged').catch(() => undefined);
      const { code, output } = await startInVain({ DATA_DIR: directory });
      expect(code).toBe(1);
      expect(output).toMatch(/"level":"fatal".*The embedded database cannot be opened/);
      expectNoStack(output);
    });
  });
});
