import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The package of clients that are not ours, with their own dependencies. */
const FOLDER = fileURLToPath(new URL('../clients/', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Where clients are generated and compiled, below {@link FOLDER}. */
export const GENERATED = 'generated';
/** Where Relay's compiler puts the documents that it read. */
const RELAY = 'graphql/__generated__';

const BINARIES = [join(FOLDER, 'node_modules/.bin'), join(FOLDER, '.venv/bin'), join(ROOT, 'node_modules/.bin')];
const environment = { ...process.env, PATH: [...BINARIES, process.env['PATH']].join(delimiter) };

const execute = promisify(execFile);

/** Runs a command in the package's folder. @returns its output @throws with all that it wrote when it fails */
export async function run(
  command: string,
  parameters: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const options = { cwd: FOLDER, env: { ...environment, ...variables }, maxBuffer: 100_000_000 };
    return (await execute(command, parameters, options)).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    const output = `${stdout}${stderr}`.slice(-20_000);
    throw new Error(`${[command, ...parameters].join(' ')}\n${output}`, { cause: error });
  }
}

/** Installs the clients' packages, for Node and for Python, if they have changed since. */
export async function installClients(): Promise<void> {
  const wanted = ['package-lock.json', 'requirements.txt']
    .map((name) => readFileSync(join(FOLDER, name), 'utf8'))
    .join();
  const stamp = join(FOLDER, '.venv/installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && existsSync(join(FOLDER, 'node_modules'))) return;
  await run('npm', ['ci', '--ignore-scripts']);
  await run('python3', ['-m', 'venv', '--clear', '.venv']);
  await run('pip', ['install', '--quiet', '--disable-pip-version-check', '--requirement', 'requirements.txt']);
  writeFileSync(stamp, wanted);
}

/** Removes what was generated before. */
export function clearGenerated(): void {
  for (const folder of [GENERATED, RELAY]) {
    rmSync(join(FOLDER, folder), { recursive: true, force: true });
    mkdirSync(join(FOLDER, folder));
  }
}

/** Compiles a scenario with the client that it imports. @returns the program's file */
export async function compileTypeScript(name: string): Promise<string> {
  const outDir = `compiled/${name}`;
  const project = join(GENERATED, `tsconfig.${name}.json`);
  const settings = {
    extends: '../rest/tsconfig.json',
    compilerOptions: { outDir },
    include: [],
    files: [`../rest/${name}.ts`],
  };
  writeFileSync(join(FOLDER, project), JSON.stringify(settings));
  await run('tsc', ['--project', project]);
  return join(GENERATED, outDir, 'rest', `${name}.js`);
}

/** Compiles the programs of `graphql/`, checking their documents by Relay's compiler, and their types. @returns their folder */
export async function compileGraphQLClients(): Promise<string> {
  await run('relay-compiler', ['graphql/relay.config.json']);
  await run('tsc', ['--project', 'graphql']);
  const [sources, programs] = [join(GENERATED, 'babel'), join(GENERATED, 'graphql')];
  for (const folder of ['graphql', 'scenario']) {
    const options = ['--extensions', '.ts', '--config-file', './graphql/babel.config.json'];
    await run('babel', [folder, '--out-dir', join(sources, folder), ...options]);
  }
  const entries = globSync('*.js', { cwd: join(FOLDER, sources, 'graphql') });
  const options = ['--bundle', '--platform=node', '--format=esm', '--packages=external', '--out-extension:.js=.mjs'];
  await run('esbuild', [...entries.map((name) => join(sources, 'graphql', name)), ...options, `--outdir=${programs}`]);
  return programs;
}

/** Compiles Java sources below a folder and a file. @returns the class path to run them with */
export async function compileJava(sources: string, file: string): Promise<string> {
  const classes = join(GENERATED, 'java-classes');
  const classPath = [...javaLibraries(), classes].join(delimiter);
  const files = globSync(`${sources}/**/*.java`, { cwd: FOLDER });
  await run('javac', ['-nowarn', '-d', classes, '-cp', classPath, ...files, file]);
  return classPath;
}

/** Jackson is in OpenAPI Generator's own archive; the others are Debian's. */
function javaLibraries(): readonly string[] {
  const names = ['httpmime', 'httpclient', 'httpcore', 'commons-logging', 'geronimo-annotation-1.3-spec'];
  const generator = globSync('.venv/lib/python*/site-packages/openapi_generator_cli/openapi-generator.jar', {
    cwd: FOLDER,
  });
  return [...generator.map((path) => join(FOLDER, path)), ...names.map((name) => `/usr/share/java/${name}.jar`)];
}
