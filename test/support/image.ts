import { execFile, spawnSync } from 'node:child_process';
import { chown, copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ProgramEnvironment } from './program.js';

const execute = promisify(execFile);
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** As Debian's package has them; npm inside of the build trusts who the machine trusts, also where a proxy stands in between. */
const CERTIFICATES = 'etc/ssl/certs/ca-certificates.crt';
const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** The user of the image. */
const USER = 1000;

/**
 * Runs what follows it in a root file system that nothing can be written to but the folder at `/data` and what is in memory at `/tmp`, as
 * the user of the image, who has no rights of root, in `/app`: what an engine does with `read_only`, `tmpfs` and `cap_drop` of
 * docker-compose.yml. `/secrets` and the names of other servers are those of a folder and a file outside. The process is that of the
 * command; all of this ends with it.
 */
const CONFINED = `
root=$1 data=$2 secrets=$3 hosts=$4 user=$5; shift 5
mount --bind "$root" "$root"
mount --bind "$hosts" "$root/etc/hosts"
mount -o remount,bind,ro "$root"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$root/tmp"
mount --bind "$data" "$root/data"
mount --bind "$secrets" "$root/secrets"
mount -o remount,bind,ro "$root/secrets"
exec chroot --userspec="$user:$user" --groups= "$root" /usr/bin/env --chdir=/app "$@"`;

export interface ImageConfig {
  readonly User: string;
  readonly Cmd: readonly string[];
  /** As `NAME=value`. */
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly ExposedPorts: object;
  readonly Volumes: object;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

/** Where a container of the image runs. */
export interface Place {
  /** For `/data`; it is given to the image's user. */
  readonly data: string;
  /** For `/secrets`. */
  readonly secrets: string;
  /** For `/etc/hosts`. */
  readonly hosts: string;
}

/** Whether images can be built and run here. */
export const canBuildImages =
  process.getuid?.() === 0 &&
  ['buildah', 'debootstrap', 'unshare'].every((name) => spawnSync(name, ['--version']).status === 0);

/**
 * The image of the Dockerfile, built by Debian's buildah, which needs no engine. Where no registry of images is, nor its base, that is
 * made of Debian's packages, by the name that the Dockerfile has for it, with the Node that runs this and its npm.
 */
export class Image {
  private constructor(
    private readonly folder: string,
    /** Its files. */
    readonly root: string,
    readonly config: ImageConfig,
    /** In bytes: the base, and all. */
    readonly sizes: { readonly base: number; readonly image: number },
  ) {}

  static async build(): Promise<Image> {
    const folder = await mkdtemp(join(tmpdir(), 'flynkle-image-'));
    try {
      const base = await addBase(folder);
      const buildah = buildahIn(folder);
      const name = 'flynkle-api';
      const isolated = ['--pull-never', '--isolation', 'chroot', '--format', 'docker'];
      await buildah('build', ...isolated, '--build-arg', `NODE_IMAGE=${base}`, '--tag', name, '.');
      const { Docker } = JSON.parse(await buildah('inspect', '--type', 'image', name)) as {
        readonly Docker: { readonly config: ImageConfig };
      };
      await buildah('from', '--pull-never', '--name', 'container', name);
      const root = (await buildah('mount', 'container')).trim();
      // An engine makes what it mounts onto.
      await mkdir(join(root, 'secrets'));
      const sizes = { base: await sizeOf(buildah, base), image: await sizeOf(buildah, name) };
      return new Image(folder, root, Docker.config, sizes);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The image's own variables, and those of a container. */
  environment(own: ProgramEnvironment): ProgramEnvironment {
    const variables = this.config.Env.map((text) => {
      const [name = '', ...value] = text.split('=');
      return [name, value.join('=')] as const;
    });
    return { ...Object.fromEntries(variables), ...own };
  }

  /** What to put before a command so that it runs in a container, by the environment that it is given. */
  async confined({ data, secrets, hosts }: Place): Promise<readonly [string, ...string[]]> {
    await chown(data, USER, USER);
    return ['unshare', '--mount', 'sh', '-euc', CONFINED, 'sh', this.root, data, secrets, hosts, String(USER)];
  }
}

function buildahIn(folder: string) {
  const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  return (...words: readonly string[]) => run('buildah', ...storage, ...words);
}

async function addBase(folder: string): Promise<string> {
  const { tag, version, suite } = await baseOfDockerfile();
  if (process.version !== `v${version}`)
    throw new Error(`The Dockerfile's Node is ${version}; this is ${process.version}`);
  const npm = process.env['npm_execpath'];
  if (npm === undefined) throw new Error('npm does not say where it is: run the suite by npm');
  const base = join(folder, 'base');
  await run('debootstrap', '--variant=minbase', suite, base);
  for (const made of ['dev', 'var/cache/apt', 'var/lib/apt/lists']) {
    await rm(join(base, made), { recursive: true });
    await mkdir(join(base, made));
  }
  const local = join(base, 'usr/local');
  await copyFile(process.execPath, join(local, 'bin/node'));
  await mkdir(join(local, 'lib/node_modules'), { recursive: true });
  await cp(dirname(dirname(npm)), join(local, 'lib/node_modules/npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  await mkdir(dirname(join(base, CERTIFICATES)), { recursive: true });
  await copyFile(join('/', CERTIFICATES), join(base, CERTIFICATES));
  await writeFile(join(local, 'etc/npmrc'), `cafile=/${CERTIFICATES}\n`);
  const buildah = buildahIn(folder);
  await buildah('from', '--name', 'base', 'scratch');
  await buildah('add', '--quiet', 'base', base, '/');
  await buildah('config', '--env', `PATH=${SEARCH_PATH}`, '--cmd', 'node', 'base');
  await buildah('commit', '--quiet', '--rm', '--format', 'docker', 'base', tag);
  await rm(base, { recursive: true });
  return tag;
}

/** Without its digest: what is made here has another one. */
async function baseOfDockerfile() {
  const text = await readFile('Dockerfile', 'utf8');
  const [, tag, version, suite] = /^ARG NODE_IMAGE=(node:([\d.]+)-(\w+)-slim)/m.exec(text) ?? [];
  if (tag === undefined || version === undefined || suite === undefined)
    throw new Error('The Dockerfile names no base that can be made here');
  return { tag: `docker.io/library/${tag}`, version, suite };
}

async function sizeOf(buildah: (...words: readonly string[]) => Promise<string>, name: string): Promise<number> {
  const [image] = JSON.parse(await buildah('images', '--json', name)) as readonly { readonly size: string }[];
  const [, figure, unit] = /^([\d.]+) ([MG])B$/.exec(image?.size ?? '') ?? [];
  return Number(figure) * (unit === 'G' ? 1e9 : 1e6);
}

async function run(command: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await execute(command, words, { maxBuffer: MAX_OUTPUT_BYTES });
  return stdout;
}
