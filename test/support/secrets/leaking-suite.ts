/** A suite whose service leaks in a line after the last test, for log-secrets.test.ts to run: it must fail for that. */
import { afterAll, expect, it } from '@jest/globals';
import { keepFreeOfSecrets, noteSecrets } from './suite-secrets.js';

let output = '';
noteSecrets([{ kind: 'password', value: 'a password of the house' }]);
keepFreeOfSecrets(() => output);
afterAll(() => {
  output = '{"msg":"closed by a password of the house"}\n';
});

it('passes', () => {
  expect(output).toBe('');
});
