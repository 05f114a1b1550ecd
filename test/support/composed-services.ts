import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand, type Ran } from './admin-program.js';
import { composeServices, substituted, type ComposeService } from './compose-file.js';
import { forward, type End } from './forward.js';
import { freePort } from './free-port.js';
import { postgresBinaries } from './postgres-server.js';
import { printedUntil } from './printed-text.js';

/** Whether namespaces can be made here, and Debian's servers be started. */
export const canComposeByHand =
  process.getuid?.() === 0 &&
  postgresBinaries !== undefined &&
  spawnSync('unshare', ['--net', '--mount', 'true']).status === 0 &&
  ['redis-server', 'ceph-mon', 'ceph-osd', 'radosgw', 'ip', 'nsenter'].every(
    (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0,
  );

/**
 * Runs what follows `--` in a root file system of its own, in which nothing can be written to but what compose mounts. Programs and
 * libraries are the machine's; the names of hosts and users are not.
 */
const CONTAINER = `
root=$1 hosts=$2 users=$3 user=$4; shift 4
mount -t tmpfs -o mode=755 tmpfs "$root"
for name in bin sbin usr etc lib lib32 lib64 libx32; do
  if [ -L "/$name" ]; then cp -P "/$name" "$root/$name"
  elif [ -d "/$name" ]; then
    mkdir "$root/$name"
    mount --bind "/$name" "$root/$name"
    mount -o remount,bind,ro "$root/$name"
  fi
done
for name in dev proc; do mkdir "$root/$name"; mount --rbind "/$name" "$root/$name"; done
mount --bind "$hosts" "$root/etc/hosts"
mount --bind "$users" "$root/etc/passwd"
mkdir "$root/var"
ln -s ../run "$root/var/run"
while [ "$1" != -- ]; do
  mkdir -p "$root$3"
  case $1 in
    tmpfs) mount -t tmpfs -o "$2" tmpfs "$root$3" ;;
    rw) mount --bind "$2" "$root$3" ;;
    ro) mount --bind "$2" "$root$3"; mount -o remount,bind,ro "$root$3" ;;
  esac
  shift 3
done
shift
mount -o remount,ro "$root"
exec chroot --userspec="$user" --groups= "$root" "$@"`;

/** The users of the images, by number. */
const USERS = `root:x:0:0::/:/bin/sh
postgres:x:70:70::/:/bin/sh
redis:x:999:1000::/:/bin/sh
node:x:1000:1000::/:/bin/sh
`;

/** What the image of a service has that the compose file does not say. */
export interface OfImage {
  /** `uid:gid`, for a service without a `user`. */
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  /** Folders outside, by the place where the image has them. */
  readonly files?: Readonly<Record<string, string>>;
}

/**
 * The network, the volumes and the containers of docker-compose.yml, made without an engine. All services share a network of their own,
 * which is a namespace: each listens on the port that the file has, whatever listens on it outside, and the names of the services are
 * those of the loopback address. Their volumes are folders.
 */
export class ComposedServices {
  readonly #children = new Set<ChildProcess>();
  readonly #servers: Server[] = [];

  private constructor(
    readonly folder: string,
    private readonly network: string,
    private readonly images: Readonly<Record<string, OfImage>>,
  ) {}

  static async create(images: Readonly<Record<string, OfImage>>): Promise<ComposedServices> {
    const folder = await mkdtemp(join(tmpdir(), 'flynkle-composed-'));
    // Users of the images pass through it to their volumes.
    await chmod(folder, 0o711);
    await mkdir(join(folder, 'root'));
    await mkdir(join(folder, 'volumes'), { mode: 0o711 });
    const names = Object.keys(composeServices).join(' ');
    await writeFile(join(folder, 'hosts'), `127.0.0.1 localhost ${names}\n`);
    await writeFile(join(folder, 'users'), USERS);
    // It ends with its standard input, which is open as long as this process runs.
    const holder = spawn('unshare', ['--net', 'sh', '-euc', 'ip link set lo up; echo up; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await printedUntil(holder.stdout, 'up');
    const composed = new ComposedServices(folder, `--net=/proc/${holder.pid ?? 0}/ns/net`, images);
    composed.#children.add(holder);
    return composed;
  }

  /** What to put before a command that is to run in the network, with the files of outside. */
  get inNetwork(): readonly [string, ...string[]] {
    return ['nsenter', this.network];
  }

  volume(name: string): string {
    return join(this.folder, 'volumes', name);
  }

  /** Lets 127.0.0.1 outside reach a port of the network. @returns the port outside */
  async publish(inside: number): Promise<number> {
    const [outside, socket] = [await freePort(), join(this.folder, `${inside}.out`)];
    await this.#forwardInside([[socket, inside]]);
    this.#servers.push(await forward(outside, socket));
    return outside;
  }

  /** Lets the network reach a port of 127.0.0.1 outside, as the same port. */
  async admit(port: number): Promise<void> {
    const socket = join(this.folder, `${port}.in`);
    this.#servers.push(await forward(socket, port));
    await this.#forwardInside([[port, socket]]);
  }

  /**
   * What to put before a command that is to run in a container of the service, with exactly the variables that compose and the image give.
   * A volume that is new belongs to the container's user, as an engine makes it after the image's folder.
   */
  async container(
    name: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<readonly [string, ...string[]]> {
    const service = composeServices[name] ?? {};
    const image = this.images[name] ?? {};
    const user = service.user === 'root' ? '0:0' : (service.user ?? image.user ?? '0:0');
    const mounts = [...imageMounts(image), ...memoryMounts(service), ...(await this.#volumeMounts(service, user))];
    const variables = Object.entries({ ...image.environment, ...environment }).map(([key, value]) => `${key}=${value}`);
    const places = [join(this.folder, 'root'), join(this.folder, 'hosts'), join(this.folder, 'users'), user];
    return [
      ...this.inNetwork,
      ...['unshare', '--mount', 'sh', '-euc', CONTAINER, 'sh', ...places, ...mounts.flat(), '--'],
      ...['/usr/bin/env', '--ignore-environment', `--chdir=${image.workingDirectory ?? '/'}`, ...variables],
    ];
  }

  /** Starts a command in a container. */
  async start(name: string, environment: Readonly<Record<string, string>>, command: readonly string[]) {
    const [program, ...words] = [...(await this.container(name, environment)), ...command] as const;
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
    this.#children.add(child);
    return child;
  }

  async run(name: string, environment: Readonly<Record<string, string>>, command: readonly string[]): Promise<Ran> {
    return runCommand([...(await this.container(name, environment)), ...command], {});
  }

  /** Ends what it has started and waits for it. */
  async stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    this.#children.delete(child);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, 'exit');
    }
    return child.exitCode;
  }

  async remove(): Promise<void> {
    for (const server of this.#servers) server.close();
    // PostgreSQL waits for its clients at a SIGTERM.
    for (const child of [...this.#children].reverse()) await this.stop(child, 'SIGINT');
    await rm(this.folder, { recursive: true, force: true });
  }

  async #forwardInside(pairs: readonly (readonly [End, End])[]): Promise<void> {
    const [program, ...words] = this.inNetwork;
    const script = ['--import', 'tsx', 'test/support/forward-process.ts', JSON.stringify(pairs)];
    const child = spawn(program, [...words, process.execPath, ...script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.add(child);
    await printedUntil(child.stdout, 'forwards');
  }

  async #volumeMounts({ volumes = [] }: ComposeService, user: string): Promise<Mount[]> {
    const [uid, gid] = user.split(':').map(Number);
    const mounts = volumes.map(async (text): Promise<Mount> => {
      const [volume = '', target = '', mode] = text.split(':');
      const folder = this.volume(volume);
      const isNew = (await mkdir(folder, { mode: 0o700, recursive: true })) !== undefined;
      if (isNew) await chown(folder, uid ?? 0, gid ?? 0);
      return [mode === 'ro' ? 'ro' : 'rw', folder, target];
    });
    return Promise.all(mounts);
  }
}

/** How, what, and where in the container. */
type Mount = readonly ['tmpfs' | 'rw' | 'ro', string, string];

function imageMounts({ files = {} }: OfImage): Mount[] {
  return Object.entries(files).map(([target, folder]) => ['ro', folder, target]);
}

function memoryMounts({ tmpfs = [] }: ComposeService): Mount[] {
  return tmpfs.map((text) => {
    const [target = '', options = 'mode=1777'] = text.split(':');
    return ['tmpfs', options, target];
  });
}

/** A health check's command, as an engine runs it. */
export function healthCommand([kind, ...words]: readonly string[] = []): readonly string[] {
  if (kind === 'CMD-SHELL') return ['/bin/sh', '-c', substituted(words.join(' '))];
  if (kind === 'CMD') return words.map((word) => substituted(word));
  throw new Error(`No health check: ${String(kind)}`);
}
