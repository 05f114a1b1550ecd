import { describe, expect, it } from '@jest/globals';
import { createLog } from './log.js';

const SECRET = 'sesame';
const KEYS = ['authorization', 'password', 'accessToken', 'refreshToken', 'token', 'apiKey', 'cookie'];

function written() {
  const lines: string[] = [];
  const log = createLog(
    { logLevel: 'info', logFormat: undefined, production: true },
    { write: (line) => lines.push(line) },
  );
  return { log, lines };
}

describe('the log', () => {
  it.each(KEYS)('never shows a %s, wherever it is', (key) => {
    const { log, lines } = written();
    const plain = { requestId: 'r1', status: 200 };
    log.info({ ...plain, [key]: SECRET }, 'beside plain fields');
    log.info({ [key]: { value: SECRET } }, 'with a value that is no text');
    log.info({ [key]: [SECRET] }, 'with a list');
    log.info({ ...plain, headers: { [key]: SECRET } }, 'one level down');
    log.info(Object.create({ [key]: SECRET }) as object, 'inherited');
    log.error({ err: Object.assign(new Error('failed'), { [key]: SECRET }) }, 'in an error');
    log.error(Object.assign(new Error('failed'), { [key]: SECRET }), 'in an error by itself');
    log.child({ [key]: SECRET }).info(plain, 'in a child');
    log.child({ requestId: 'r2' }).info({ [key]: SECRET }, 'by a child');
    for (const level of ['info', 'warn', 'error', 'fatal'] as const) log[level]({ [key]: SECRET }, 'on every level');
    expect(lines).toHaveLength(13);
    for (const line of lines) expect(line).not.toContain(SECRET);
  });

  it('writes plain fields as they are, at their level, in the same form as others', () => {
    const { log, lines } = written();
    log.info({ requestId: 'r1', status: null, ms: 3, complete: true, userId: undefined }, 'Request');
    log.info({ requestId: 'r1', status: null, ms: 3, complete: true, userId: undefined, more: {} }, 'Request');
    log.debug({ requestId: 'r1' }, 'below the level');
    const [bare = '', other = ''] = lines.map((line) => line.replace(/"time":"[^"]+"/, '"time":""'));
    expect(bare).toBe(
      '{"level":"info","time":"","requestId":"r1","status":null,"ms":3,"complete":true,"msg":"Request"}\n',
    );
    expect(other).toBe(bare.replace(',"msg"', ',"more":{},"msg"'));
    expect(lines).toHaveLength(2);
  });

  it('takes a text alone', () => {
    const { log, lines } = written();
    log.info('started');
    expect(lines[0]).toContain('"msg":"started"');
  });
});
