import { randomUUID } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { askHostForSecrets } from '../secrets/suite-secrets.js';
import { SUITE_HEADER, type Host, type HostAnswer } from './protocol.js';

/** Jest loads this module anew for each suite. */
const suite = randomUUID();

/** Calls the host of this worker, a plain Node process that runs services and databases for one suite after another. */
export async function callHost<Name extends keyof Host>(
  name: Name,
  ...parameters: Parameters<Host[Name]>
): Promise<Awaited<ReturnType<Host[Name]>>> {
  askHostForSecrets((secrets) => callHost('endSuite', secrets));
  const response = await fetch(`${hostUrl()}/${name}`, {
    method: 'POST',
    headers: { [SUITE_HEADER]: suite },
    body: new Uint8Array(serialize(parameters)),
  });
  const answer = deserialize(new Uint8Array(await response.arrayBuffer())) as HostAnswer;
  if ('error' in answer) throw Object.assign(new Error(), answer.error);
  return answer.value as Awaited<ReturnType<Host[Name]>>;
}

function hostUrl(): string {
  const urls = (process.env['TEST_HOSTS'] ?? '').split(',');
  const url = urls[Number(process.env['JEST_WORKER_ID']) - 1];
  if (url === undefined) throw new Error('There is no host for this worker: it is started by jest.config.js');
  return url;
}
