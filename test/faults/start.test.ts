import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { killPrograms, startInVain, startProgram, withDataDirectory } from '../support/program.js';

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
        expect(output).toContain(port);
        expect(output).toMatch(/in use/i);
        expect(output).not.toContain('    at ');
      });
    } finally {
      holder.close();
    }
  });
});
