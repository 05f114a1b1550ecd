import { readdir, readFile } from 'node:fs/promises';
import { childrenOf } from '../support/postgres-server.js';

/** The unit of CPU times in /proc: every common Linux has 100 ticks per second. */
const MILLISECONDS_PER_TICK = 10;

/** The core of the server that is measured; everything else of a run has another. */
export const SERVER_CORE = ['taskset', '-c', '0'] as const;
export const OTHER_CORE = ['taskset', '-c', '1'] as const;

export interface Usage {
  readonly cpuMs: number;
  readonly residentKb: number;
}

/** CPU time of a process, as {@link processCpuMs}, and its memory. */
export async function usageOf(pid: number): Promise<Usage> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return { cpuMs: await processCpuMs(pid), residentKb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) };
}

/** CPU time of a process, which has one thread, and of its children, those that have ended included. */
export async function familyCpuMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  const own = await Promise.all([pid, ...childrenOf(pid)].map(threadCpuMs));
  const ended = (Number(fields[13]) + Number(fields[14])) * MILLISECONDS_PER_TICK;
  return own.reduce((sum, ms) => sum + ms, ended);
}

/** CPU time of a process with all its threads that live, to the nanosecond. */
export async function processCpuMs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const each = await Promise.all(threads.map((thread) => threadCpuMs(`${pid}/task/${thread}`)));
  return each.reduce((sum, ms) => sum + ms, 0);
}

/** To the nanosecond, unlike the ticks of /proc/<pid>/stat. */
async function threadCpuMs(pid: number | string): Promise<number> {
  const text = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '0');
  return Number(text.split(' ')[0]) / 1e6;
}
