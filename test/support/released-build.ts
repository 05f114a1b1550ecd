import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The last release, whose contract is in schema/released/. */
export const release = JSON.parse(readFileSync(join(ROOT, 'schema/released/release.json'), 'utf8')) as {
  readonly version: string;
  readonly commit: string;
};

/** Whether this clone has the commit of the last release: a shallow one has not. */
export const hasRelease =
  spawnSync('git', ['cat-file', '-e', `${release.commit}^{commit}`], { cwd: ROOT }).status === 0;

/** A file as it was in the last release. */
export function releasedFile(path: string): string {
  return run('git', ['show', `${release.commit}:${path}`], ROOT);
}

export interface ReleasedBuild {
  readonly folder: string;
  remove(): void;
}

/**
 * The last release, installed and built from its commit as an operator does, in a folder of its own. That takes minutes:
 * `TEST_RELEASED_BUILD` names a folder where it was done before.
 */
export async function buildRelease(): Promise<ReleasedBuild> {
  const built = process.env['TEST_RELEASED_BUILD'];
  if (built !== undefined) return { folder: built, remove: () => undefined };
  const outside = await mkdtemp(join(tmpdir(), 'flynkle-released-'));
  const remove = () => {
    rmSync(outside, { recursive: true, force: true });
  };
  try {
    const folder = join(outside, release.version);
    const archive = join(outside, 'sources.tar');
    mkdirSync(folder);
    run('git', ['archive', '--format=tar', `--output=${archive}`, release.commit], ROOT);
    run('tar', ['--extract', '--file', archive], folder);
    run('npm', ['ci', '--prefer-offline'], folder);
    return { folder, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** What npm tells the tests of this project must not reach an npm that works on another one. */
function run(command: string, words: readonly string[], cwd: string): string {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  const { status, stdout, stderr } = spawnSync(command, words, { cwd, env, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${stderr || stdout}`);
  return stdout;
}
