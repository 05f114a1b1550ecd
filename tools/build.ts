// Generates files that are not in the repository, each part only if its sources have changed since:
// `node tools/build.ts <part>...`, with the parts below in their order.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

interface Part {
  /** Shown in the terminal while the part is made. */
  readonly title: string;
  /** Globs of the source files. */
  readonly sources: readonly string[];
  /** The folder of the part, which contains nothing else but folders of other parts. */
  readonly output: string;
  readonly make: () => unknown;
}

const PRISMA_CLIENT = 'src/generated/prisma';
const EMBEDDED_TEMPLATE = 'dist/embedded-template';

/**
 * What esbuild writes into each bundle, and what it is changed to.
 *
 * - `keepNames` defines the name of a function anew each time that it is made, which gives that one a table of properties of its own.
 *   Classes need theirs; closures, of which a request makes dozens, do not: functions that cannot be constructed are left as they
 *   are, which is looked at first, since to read a function's name takes as long as to make one. So are those that have their name,
 *   since esbuild gave them no other.
 * - Each file that imports a package of CommonJS is given a copy of all its exports, by getters: of GraphQL's 216, a hundred copies,
 *   which took 5 MB. Files share one, unless the package has got more exports since, which it does while packages load in a circle.
 */
const HELPERS = [
  {
    found: '__name=(target,value)=>__defProp(target,"name",',
    changed: '__name=(target,value)=>target.prototype===void 0||target.name===value?target:__defProp(target,"name",',
  },
  {
    found: '__toESM=(mod,isNodeMode,target)=>(',
    changed:
      '__copies=[new WeakMap,new WeakMap],__toESM=(mod,isNodeMode)=>{if(Object(mod)!==mod)return __copyOf(mod,isNodeMode);' +
      'let copies=__copies[isNodeMode?1:0],size=__getOwnPropNames(mod).length,kept=copies.get(mod);' +
      'return kept?.size!==size&&copies.set(mod,kept={size,copy:__copyOf(mod,isNodeMode)}),kept.copy},' +
      '__copyOf=(mod,isNodeMode,target)=>(',
  },
] as const;

/** A function that is given the name that it has: `function next(){}__name(next,"next")`, which is run whenever the one around it is. */
const NAMED_ALREADY = /\b__name\(([A-Za-z_$][\w$]*),"\1"\)/g;

/** The files that the bundle was made of, of which tools/bill-of-materials.ts names the packages. */
const BUNDLED = 'dist/bundled.json';

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
      title: 'Bundling the program',
      sources: ['src/**/*.ts', 'tools/build.ts', 'tools/reflect-metadata.js', 'tsconfig.json', 'package-lock.json'],
      output: 'dist',
      make: async () => {
        await bundleProgram();
        await writeTokenTable();
      },
    },
  ],
  [
    'embedded-template',
    {
      title: 'Making the template of the embedded database',
      sources: [
        'prisma/migrations/**/*.sql',
        'src/adapters/jobs/pg-boss-job-queue.ts',
        'src/adapters/postgres/{embedded-template,migrate,pglite}.ts',
        'tools/embedded-template.ts',
        'package-lock.json',
      ],
      output: EMBEDDED_TEMPLATE,
      make: () => run('tsx', 'tools/embedded-template.ts', EMBEDDED_TEMPLATE),
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
  clear(part.output);
  await part.make();
  writeFileSync(stamp, fingerprint);
}

/** Removes what an earlier build has left in the folder of a part. */
function clear(folder: string): void {
  if (!existsSync(folder)) return;
  const ofOthers = [...parts.values()].map(({ output }) => output);
  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`;
    if (!ofOthers.includes(path)) rmSync(path, { recursive: true });
  }
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

/**
 * Bundles the program and the packages that it uses: a start that has to find and link 2,000 modules takes a second longer.
 * What is needed later, as the pages and the adapters that the settings do not ask for, is in chunks of its own. The
 * generated Prisma client is part of it: @prisma/client has 72 MB, of which 67 MB are query compilers for other databases.
 */
async function bundleProgram(): Promise<void> {
  // Imported here, so that `npm start` needs only a tenth of a second when there is nothing to compile.
  const { build } = await import('esbuild');
  const { metafile } = await build({
    // The suites start the service by the last two: see test/support/host/started-program.ts.
    entryPoints: ['src/main.ts', 'src/admin.ts', 'src/app.ts', 'src/config.ts'],
    outdir: 'dist',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Native code and other files that a package finds from its own folder; and what type-graphql asks for only when told to.
    external: ['argon2', 'bcrypt', '@electric-sql/pglite', 'swagger-ui-dist', '@zxcvbn-ts/*', 'class-validator'],
    alias: {
      // In Node, the package resolves to its CommonJS runtime, which cannot be bundled into an ES module.
      '@prisma/client/runtime/client': '@prisma/client/runtime/client.mjs',
      // Where Apollo hashes every query: in a bundle it finds no `require`, and takes an implementation in JavaScript.
      '@apollo/utils.createhash': 'node:crypto',
    },
    // Before the decorators, in whichever chunk those are.
    inject: ['tools/reflect-metadata.js'],
    // For packages of CommonJS.
    banner: {
      js: `import { createRequire as createRequireOf } from 'node:module';\nconst require = createRequireOf(import.meta.url);`,
    },
    // Classes of one name in several modules keep it: it is that of GraphQL types and of errors.
    keepNames: true,
    // V8 holds the text of what it has loaded. Names stay, for stack traces and profiles.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'external',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'error',
    metafile: true,
    plugins: [finishing()],
  });
  const used = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const files = new Set(used.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])));
  writeFileSync(BUNDLED, JSON.stringify([...files].sort()));
}

/** Writes what src/adapters/openai/token-table.ts reads: for each token, in the order of the ranks, the number of its bytes and these. */
async function writeTokenTable(): Promise<void> {
  const { default: tokens } = await import('gpt-tokenizer/bpeRanks/o200k_base');
  const entries = Array.from(tokens, (token) => {
    const bytes = Buffer.from(token);
    return Buffer.concat([Buffer.of(bytes.length), bytes]);
  });
  writeFileSync('dist/o200k_base.bin', Buffer.concat(entries));
}

/**
 * Finishes what esbuild has written: its helpers, their calls, and regular expressions, which are written in ASCII as everything else is, since V8
 * holds a text with one other character in twice the bytes.
 */
function finishing(): Plugin {
  return {
    name: 'finishing',
    setup(build) {
      build.onEnd(() => {
        const missing = new Set(HELPERS);
        for (const path of globSync('dist/**/*.js')) {
          const text = readFileSync(path, 'utf8');
          let finished = text;
          for (const helper of HELPERS) {
            if (!text.includes(helper.found)) continue;
            missing.delete(helper);
            finished = finished.replace(helper.found, helper.changed);
          }
          finished = finished.replaceAll(NAMED_ALREADY, nothing).replaceAll(/[^\0-\x7f]/g, escaped);
          if (finished !== text) writeFileSync(path, finished);
        }
        const [one] = missing;
        if (one !== undefined) throw new Error(`esbuild no longer writes a helper that is changed here: ${one.found}`);
      });
    },
  };
}

/** As long as what it is in place of: what comes behind stays where the source map has it. */
function nothing(call: string): string {
  return '0'.padEnd(call.length);
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
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
