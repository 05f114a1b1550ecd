import { describe, expect, it } from '@jest/globals';
import { describeFailure, failureOf, leavesConnectionUsable } from './connection-failure.js';

const serverError = (code: string) => Object.assign(new Error('from the server'), { severity: 'ERROR', code });
const socketError = (code: string) =>
  Object.assign(new Error('from the socket'), { code, syscall: 'connect', errno: -1 });
const adapterError = (cause: object) => Object.assign(new Error('from Prisma'), { name: 'DriverAdapterError', cause });

describe('an error of the database', () => {
  it.each([
    ['a refused connection', socketError('ECONNREFUSED'), 'unreachable'],
    [
      'a name with several addresses, all refused',
      Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }),
      'unreachable',
    ],
    ['a reset connection', socketError('ECONNRESET'), 'unreachable'],
    ['no more files for this process', socketError('EMFILE'), 'busy'],
    ['a connection that ended', new Error('Connection terminated unexpectedly'), 'unreachable'],
    ['a full pool', new Error('timeout exceeded when trying to connect'), 'busy'],
    ['no answer in time', new Error('Query read timeout'), 'unreachable'],
    ['a closed pool', new Error('Cannot use a pool after calling end on the pool'), 'unreachable'],
    ['a server that stops', serverError('57P01'), 'unreachable'],
    ['a server that crashed', serverError('57P02'), 'unreachable'],
    ['a server that starts', serverError('57P03'), 'unreachable'],
    ['a server that is full', serverError('53300'), 'busy'],
    ['a server that became a standby', serverError('25006'), 'unwritable'],
    ['a protocol violation', serverError('08P01'), 'unreachable'],
    ['a refused connection, told by Prisma', adapterError({ kind: 'DatabaseNotReachable' }), 'unreachable'],
    ['a server that stops, told by Prisma', adapterError({ kind: 'postgres', originalCode: '57P01' }), 'unreachable'],
  ])('is a failure, after which the connection is given up, when it is %s', (_, error, failure) => {
    expect(failureOf(error)).toBe(failure);
    expect(leavesConnectionUsable(error)).toBe(false);
  });

  it.each([
    ['a statement that took too long', '57014', 'busy'],
    ['a lock that was not to be had', '55P03', 'busy'],
    ['no memory', '53200', 'busy'],
    ['a full disk', '53100', 'full'],
    ['a disk that fails', '58030', 'unwritable'],
    ['damaged data', 'XX001', 'unwritable'],
    ['a deadlock', '40P01', 'conflict'],
    ['a conflict of transactions', '40001', 'conflict'],
  ])('is a failure, after which the connection serves on, when it is %s', (_, code, failure) => {
    expect(failureOf(serverError(code))).toBe(failure);
    expect(failureOf(adapterError({ kind: 'whatever', originalCode: code }))).toBe(failure);
    expect(leavesConnectionUsable(serverError(code))).toBe(true);
  });

  it.each([
    ['a duplicate key', serverError('23505')],
    ['a wrong statement', serverError('42601')],
  ])('is about the statement when it is %s, and the connection serves on', (_, error) => {
    expect(failureOf(error)).toBeUndefined();
    expect(leavesConnectionUsable(error)).toBe(true);
  });

  it('is about the statement when a named one went stale, but the connection is given up', () => {
    expect(failureOf(serverError('0A000'))).toBeUndefined();
    expect(leavesConnectionUsable(serverError('0A000'))).toBe(false);
  });

  it.each([undefined, null, 'text', new TypeError('a bug'), adapterError({ kind: 'UniqueConstraintViolation' })])(
    'is no failure when it is %p',
    (error) => {
      expect(failureOf(error)).toBeUndefined();
    },
  );

  it('is described by its message, or else by its code', () => {
    expect(describeFailure(new Error('why'))).toBe('why');
    expect(describeFailure(Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED');
    expect(describeFailure(undefined)).toBe('unknown');
  });
});
