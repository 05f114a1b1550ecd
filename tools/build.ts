// Generates files that are not in the repository, each part only if its sources have changed since:
// `node tools/build.ts <part>...`, with the parts below in their order.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Output } from '@swc/core';

interface Part {
  /** Shown in the terminal while the part is made. */
  readonly title: string;
  /** Globs of the source files. */
  readonly sources: readonly string[];
  /** The folder of the part, which contains nothing else. */
  readonly output: string;
  readonly make: () => unknown;
}

const PRISMA_CLIENT = 'src/generated/prisma';

const parts = new Map<string, Part>([
  [
    'prisma-client',
    {
      title: 'Making the Prisma client',
      sources: ['prisma/schema.prisma', 'prisma.config.ts', 'package-lock.json'],
      output: PRISMA_CLIENT,
      make: () => run('prisma', 'generate'),
    },
  ],
  [
    'program',
    {
      title: 'Compiling the program',
      sources: ['src/**/*.ts', '.swcrc', 'package-lock.json'],
      output: 'dist',
      make: () => Promise.all([compileProgram(), bundlePrismaClient()]),
    },
  ],
  [
    'typed-clients',
    {
      title: "Making the tests' typed clients",
      sources: ['schema/**/*.graphql', 'schema/openapi.json', 'codegen.yml', 'package-lock.json'],
      output: 'test/generated',
      make: () => {
        run('graphql-codegen');
        run('openapi-typescript', 'schema/openapi.json', '--output', 'test/generated/openapi.ts');
      },
    },
  ],
]);

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
for (const name of process.argv.slice(2)) {
  const part = parts.get(name);
  if (part === undefined) fail(`There is no part ${name}; the parts are ${[...parts.keys()].join(', ')}.`);
  await makeWhenStale(part);
}

async function makeWhenStale(part: Part): Promise<void> {
  const stamp = join(part.output, '.fingerprint');
  const fingerprint = fingerprintOf(part.sources);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return;

  requireInstalledDependencies();
  console.log(`${part.title} (${part.output}/)`);
  rmSync(part.output, { recursive: true, force: true });
  await part.make();
  writeFileSync(stamp, fingerprint);
}

/** Names, sizes and modification times, so that a file that `git pull` removed or restored counts as a change too. */
function fingerprintOf(sources: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of globSync(sources).sort()) {
    const { mtimeMs, size } = statSync(path);
    hash.update(`${path} ${mtimeMs.toString()} ${size.toString()}\n`);
  }
  return hash.digest('hex');
}

async function compileProgram(): Promise<void> {
  // Imported here, so that `npm start` needs only a tenth of a second when there is nothing to compile.
  const { transformFile } = await import('@swc/core');
  const files = globSync('src/**/*.ts', { exclude: ['**/*.test.ts', `${PRISMA_CLIENT}/**`] });
  await Promise.all(
    files.map(async (source) => {
      const target = join('dist', relative('src', source).replace(/\.ts$/, '.js'));
      writeModule(target, await transformFile(source, { sourceFileName: relative(dirname(target), source) }));
    }),
  );
}

/**
 * Bundles the parts of @prisma/client that the generated client imports. The whole package has 72 MB, of which 67 MB are query
 * compilers for other databases and formats.
 */
async function bundlePrismaClient(): Promise<void> {
  const { build } = await import('esbuild');
  await build({
    entryPoints: [`${PRISMA_CLIENT}/client.ts`],
    outdir: join('dist', relative('src', PRISMA_CLIENT)),
    bundle: true,
    // In Node, the package resolves to its CommonJS runtime, which cannot be bundled into an ES module.
    alias: { '@prisma/client/runtime/client': '@prisma/client/runtime/client.mjs' },
    // Keeps the query compiler in a separate file, which is imported when it is first used.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'error',
  });
}

function writeModule(target: string, { code, map }: Output): void {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, `${code}\n//# sourceMappingURL=${basename(target)}.map\n`);
  if (map !== undefined) writeFileSync(`${target}.map`, map);
}

/** After a pull that changed package-lock.json, fails with a message instead of building against outdated packages. */
function requireInstalledDependencies(): void {
  const wanted = readPackages('package-lock.json');
  const installed = readPackages('node_modules/.package-lock.json');
  const isOutdated = Object.entries(wanted).some(([path, { version, dev, devOptional, optional }]) => {
    if (!path.startsWith('node_modules/')) return false;
    const found = installed[path];
    return found === undefined ? !(dev ?? devOptional ?? optional ?? false) : found.version !== version;
  });
  if (isOutdated) fail('The installed packages are not those of package-lock.json: run "npm ci".');
}

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
}

function readPackages(lockfile: string): Record<string, LockedPackage> {
  if (!existsSync(lockfile)) return {};
  return (JSON.parse(readFileSync(lockfile, 'utf8')) as { packages: Record<string, LockedPackage> }).packages;
}

function run(command: string, ...parameters: string[]): void {
  const { status, error, stdout, stderr } = spawnSync(join('node_modules', '.bin', command), parameters, {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) fail(`${command} failed:\n${error?.message ?? stdout + stderr}`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
