import { describe, expect, it } from '@jest/globals';
import { describeFailure, isConnectionFailure, leavesConnectionUsable } from './connection-failure.js';

const serverError = (code: string) => Object.assign(new Error('from the server'), { severity: 'ERROR', code });
const socketError = (code: string) =>
  Object.assign(new Error('from the socket'), { code, syscall: 'connect', errno: -1 });
const adapterError = (cause: object) => Object.assign(new Error('from Prisma'), { name: 'DriverAdapterError', cause });

describe('an error of the database', () => {
  it.each([
    ['a refused connection', socketError('ECONNREFUSED')],
    ['a name with several addresses, all refused', Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })],
    ['a reset connection', socketError('ECONNRESET')],
    ['a connection that ended', new Error('Connection terminated unexpectedly')],
    ['no connection in time', new Error('timeout exceeded when trying to connect')],
    ['no answer in time', new Error('Query read timeout')],
    ['a closed pool', new Error('Cannot use a pool after calling end on the pool')],
    ['a server that stops', serverError('57P01')],
    ['a server that starts', serverError('57P03')],
    ['a server that is full', serverError('53300')],
    ['a server that became a standby', serverError('25006')],
    ['a protocol violation', serverError('08P01')],
    ['a refused connection, told by Prisma', adapterError({ kind: 'DatabaseNotReachable' })],
    ['a server that stops, told by Prisma', adapterError({ kind: 'postgres', originalCode: '57P01' })],
  ])('is a connection failure when it is %s', (_, error) => {
    expect(isConnectionFailure(error)).toBe(true);
    expect(leavesConnectionUsable(error)).toBe(false);
  });

  it.each([
    ['a duplicate key', serverError('23505')],
    ['a wrong statement', serverError('42601')],
    ['a deadlock', serverError('40P01')],
  ])('is no connection failure when it is %s, and the connection serves on', (_, error) => {
    expect(isConnectionFailure(error)).toBe(false);
    expect(leavesConnectionUsable(error)).toBe(true);
  });

  it('is no connection failure when a named statement went stale, but the connection is given up', () => {
    expect(isConnectionFailure(serverError('0A000'))).toBe(false);
    expect(leavesConnectionUsable(serverError('0A000'))).toBe(false);
  });

  it.each([undefined, null, 'text', new TypeError('a bug'), adapterError({ kind: 'UniqueConstraintViolation' })])(
    'is no connection failure when it is %p',
    (error) => {
      expect(isConnectionFailure(error)).toBe(false);
    },
  );

  it('is described by its message, or else by its code', () => {
    expect(describeFailure(new Error('why'))).toBe('why');
    expect(describeFailure(Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED');
    expect(describeFailure(undefined)).toBe('unknown');
  });
});
