import { once } from 'node:events';
import { chmod, lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openDataDirectory } from '../../src/adapters/disk/private-directory.js';
import { Actor, signUp } from '../support/actor.js';
import { runAdmin } from '../support/admin-program.js';
import {
  killPrograms,
  startInVain,
  startProgram,
  withDatabaseDirectory,
  withDataDirectory,
} from '../support/program.js';

/** Every file and folder that others than its owner may read, write or enter. */
async function openToOthers(directory: string): Promise<string[]> {
  const paths = [directory, ...(await readdir(directory, { recursive: true })).map((name) => join(directory, name))];
  const modes = await Promise.all(paths.map(async (path) => ({ path, mode: (await lstat(path)).mode })));
  return modes.filter(({ mode }) => (mode & 0o077) !== 0).map(({ path }) => path);
}

describe('a start', () => {
  afterEach(killPrograms);

  it('keeps what V8 has compiled beside the program, for the next one', async () => {
    await withDatabaseDirectory(async (directory) => {
      // Without that of the tests.
      const environment = { DATA_DIR: directory, NODE_COMPILE_CACHE: undefined, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
      const first = await startProgram(environment);
      first.kill('SIGTERM');
      await first.exited;
      const second = await startProgram(environment);
      expect(second.output()).toMatch(/V8 code cache for ESM \S+\/dist\/app\.js was accepted/);
    });
  });
});

describe('DATA_DIR', () => {
  afterEach(killPrograms);

  it('is for its user alone, whatever the mask, whoever makes it and however wide it was', async () => {
    await withDataDirectory(async (parent) => {
      const directory = join(parent, 'made', 'data');
      const mask = process.umask(0);
      try {
        const program = await startProgram({ DATA_DIR: directory });
        const owner = await signUp(program);
        await owner.rest('POST', '/auth/request-verify', { email: owner.credentials.email });
        await program.wrote(/wrote a mail to a file/);
        expect(await readdir(directory)).toEqual(
          expect.arrayContaining(['files', 'mail', 'postgres', 'postgres.lock', 'postgres.pid', 'secret-key']),
        );
        expect(await openToOthers(directory)).toEqual([]);
        program.kill('SIGTERM');
        await program.exited;

        // As a release made it that did not care.
        await chmod(directory, 0o755);
        await chmod(join(directory, 'mail'), 0o777);
        await chmod(join(directory, 'secret-key'), 0o644);
        await runAdmin({ DATA_DIR: directory }, ['list']);
        expect(await openToOthers(directory)).toEqual([]);
      } finally {
        process.umask(mask);
      }
    });
  });

  it('begins with the template of the database, and has after a restart what was stored', async () => {
    await withDataDirectory(async (directory) => {
      const first = await startProgram({ DATA_DIR: directory });
      expect(first.output()).toContain('from a template');
      const { credentials } = await signUp(first);
      first.kill('SIGTERM');
      expect(await first.exited).toMatchObject({ code: 0 });
      const second = await startProgram({ DATA_DIR: directory });
      expect(second.output()).toContain('opening the embedded database');
      const login = await new Actor(second.url, credentials).rest('POST', '/auth/login', credentials);
      expect(login.status).toBe(200);
    });
  });

  it('keeps its own mode where other things are in it, and closes what is ours', async () => {
    await withDataDirectory(async (directory) => {
      await chmod(directory, 0o755);
      for (const name of ['secret-key', 'notes.txt']) await writeFile(join(directory, name), 'x');
      await mkdir(join(directory, 'files'), { mode: 0o755 });
      await openDataDirectory(directory);
      expect((await openToOthers(directory)).sort()).toEqual([directory, join(directory, 'notes.txt')]);
    });
  });
});

describe('the log of a service that runs', () => {
  afterEach(killPrograms);

  it('says more from a signal on until the next one, as health checks', async () => {
    await withDataDirectory(async (directory) => {
      const program = await startProgram({ DATA_DIR: directory, LOG_FORMAT: 'json' });
      const ask = async (id: string) => {
        const headers = { 'x-request-id': id };
        expect((await fetch(`${program.url}/health/live`, { headers })).status).toBe(200);
      };
      await ask('quiet-before');
      program.kill('SIGUSR2');
      await program.wrote(/"to":"debug"/);
      await ask('told');
      await program.wrote(/"requestId":"told","door":"health"/);
      program.kill('SIGUSR2');
      await program.wrote(/"to":"info"/);
      await ask('quiet-after');
      expect((await fetch(`${program.url}/nothing`, { headers: { 'x-request-id': 'last' } })).status).toBe(404);
      await program.wrote(/"requestId":"last","door":"page","client":"(127\.0\.0\.1|::1)"/);
      expect(program.output()).not.toContain('quiet-');
    });
  });
});

describe('a start that cannot succeed', () => {
  afterEach(killPrograms);

  it('on the data of another process says so, and leaves that one alone', async () => {
    await withDataDirectory(async (directory) => {
      const first = await startProgram({ DATA_DIR: directory });
      const second = await startInVain({ DATA_DIR: directory });
      expect(second.code).toBe(1);
      expect(second.output).toContain(directory);
      expect(second.output).toMatch(/in use|another process/i);
      expect(second.output).not.toContain('    at ');
      const health = await fetch(`${first.url}/api/v1/health`);
      expect(health.status).toBe(200);
    });
  });

  it('lists every fault of the settings', async () => {
    await withDataDirectory(async (directory) => {
      const { code, output } = await startInVain({
        DATA_DIR: directory,
        PORT: 'eighty',
        RATE_LIMIT_CHAT: 'often',
        DATABASE_URL: 'mysql://localhost',
        PLANS: '{',
      });
      expect(code).toBe(1);
      for (const name of ['PORT', 'RATE_LIMIT_CHAT', 'DATABASE_URL', 'PLANS']) expect(output).toContain(`- ${name}: `);
      expect(output).not.toContain('    at ');
    });
  });

  it('in production without secrets lists what to set', async () => {
    await withDataDirectory(async (directory) => {
      const { code, output } = await startInVain({ DATA_DIR: directory, NODE_ENV: 'production' });
      expect(code).toBe(1);
      expect(output).toContain('SECRET_KEY: must be set in production');
    });
  });

  it('on a port that is taken says which', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    try {
      await withDataDirectory(async (directory) => {
        const { code, output } = await startInVain({ DATA_DIR: directory, PORT: port });
        expect(code).toBe(1);
        expect(output).toContain(`PORT ${port} of HOST 127.0.0.1 cannot be opened: another program uses it`);
        expect(output).not.toContain('    at ');
      });
    } finally {
      holder.close();
    }
  });

  it('without Redis says so in one line', async () => {
    await withDataDirectory(async (directory) => {
      // Port 1 is reserved, and nothing listens on it.
      const { code, output } = await startInVain({ DATA_DIR: directory, REDIS_URL: 'redis://:sesame@127.0.0.1:1' });
      expect(code).toBe(1);
      expect(output).toContain('REDIS_URL: Redis at 127.0.0.1:1 cannot be reached (ECONNREFUSED)');
      expect(output).not.toMatch(/ {4}at |\\n {4}at|sesame/);
    });
  });
});
