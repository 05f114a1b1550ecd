import type { startApp } from '../../../src/app.js';
import type { readConfig } from '../../../src/config.js';

interface Program {
  readonly startApp: typeof startApp;
  readonly readConfig: typeof readConfig;
}

const DIST = new URL('../../../dist/', import.meta.url);

/** The service that suites start: from the sources, or with `TEST_PROGRAM=bundle` as it is shipped, from `dist/`. */
export async function loadProgram(): Promise<Program> {
  if (process.env['TEST_PROGRAM'] !== 'bundle') {
    return { ...(await import('../../../src/app.js')), ...(await import('../../../src/config.js')) };
  }
  const load = async <Module>(file: string) => (await import(new URL(file, DIST).href)) as Module;
  return {
    ...(await load<Pick<Program, 'startApp'>>('app.js')),
    ...(await load<Pick<Program, 'readConfig'>>('config.js')),
  };
}
