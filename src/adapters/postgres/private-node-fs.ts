import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { NodeFS } from '@electric-sql/pglite/nodefs';

type Init = Parameters<NodeFS['init']>;

/** A file or folder that is known; those that are open at the same time share it. */
interface FileNode {
  readonly name: string;
  readonly parent: FileNode;
  readonly mount: { readonly opts: { readonly root: string } };
}

interface Stream {
  readonly node: FileNode;
}

type Write = (stream: Stream, buffer: unknown, offset: number, length: number, position: number) => number;

/** What we change of the file system inside of PGlite, which its types leave out. */
interface FileSystem {
  chmod(path: unknown, mode: number, ...rest: unknown[]): void;
  readonly ErrnoError: new (errno: number) => Error;
}

/** Emscripten's view of folders of Node's. */
interface Folders {
  readonly node_ops: {
    lookup: (parent: FileNode, name: string) => FileNode;
    setattr: (node: FileNode, attributes: unknown) => void;
  };
  readonly stream_ops: {
    open: (stream: Stream) => void;
    setattr: (stream: Stream, attributes: unknown) => void;
    write: Write;
    llseek: (stream: Stream, offset: number, whence: number) => number;
  };
}

interface Module {
  readonly FS: unknown;
  readonly NODEFS: unknown;
}

const OWNER_ALONE = 0o700;
const FROM_END = 2;
/** Emscripten's number of it. */
const ENOENT = 44;

/**
 * A folder whose files are for their owner alone. PGlite gives each file that it makes a mode of its own choice, 0666 for most,
 * whatever the mask of the process.
 *
 * While it is open nobody else changes its files, so it remembers what PostgreSQL asks of them with every statement
 * (docs/decisions/0098-a-statement-of-the-embedded-database-does-more.md).
 */
export class PrivateNodeFS extends NodeFS {
  /** The PGlite that it was given to, before it is open or when it failed to. */
  get owner() {
    return this.pg;
  }

  override async init(...[pglite, options]: Init): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(pglite, options);
    const change = ({ FS, NODEFS }: Module) => {
      restrict(FS as FileSystem);
      rememberSizes(NODEFS as Folders);
      missQuietly(NODEFS as Folders, FS as FileSystem);
    };
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), change] } };
  }
}

function restrict(files: FileSystem): void {
  const chmod = files.chmod.bind(files);
  files.chmod = (path, mode, ...rest) => {
    chmod(path, mode & OWNER_ALONE, ...rest);
  };
}

/**
 * PostgreSQL asks for the end of a table's file each time that it reads the table as a whole, or adds a row to its end: some forty times
 * while messages are added.
 */
function rememberSizes({ node_ops: nodes, stream_ops: streams }: Folders): void {
  const sizes = new WeakMap<FileNode, number>();
  const { setattr } = nodes;
  nodes.setattr = (node, attributes) => {
    sizes.delete(node);
    setattr(node, attributes);
  };
  const { open, setattr: setattrOpen, write, llseek } = streams;
  streams.open = (stream) => {
    sizes.delete(stream.node);
    open(stream);
  };
  streams.setattr = (stream, attributes) => {
    sizes.delete(stream.node);
    setattrOpen(stream, attributes);
  };
  streams.write = (stream, buffer, offset, length, position) => {
    const size = sizes.get(stream.node);
    // Nobody knows how far a write came that failed.
    if (size !== undefined) sizes.delete(stream.node);
    const written = write(stream, buffer, offset, length, position);
    if (size !== undefined) sizes.set(stream.node, Math.max(size, position + written));
    return written;
  };
  streams.llseek = (stream, offset, whence) => {
    if (whence !== FROM_END) return llseek(stream, offset, whence);
    const known = sizes.get(stream.node);
    if (known !== undefined) return known + offset;
    const size = llseek(stream, 0, FROM_END);
    sizes.set(stream.node, size);
    return size + offset;
  };
}

/** PostgreSQL looks for the map of a table's free room with each new page, and a small table has none; an error of Node's is dear. */
function missQuietly({ node_ops: nodes }: Folders, { ErrnoError }: FileSystem): void {
  const { lookup } = nodes;
  nodes.lookup = (parent, name) => {
    if (isMissing(join(pathOf(parent), name))) throw new ErrnoError(ENOENT);
    return lookup(parent, name);
  };
}

/** False also where that cannot be told: Emscripten's own look says why, in a form that gets through to PostgreSQL. */
function isMissing(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function pathOf(node: FileNode): string {
  return node.parent === node ? node.mount.opts.root : join(pathOf(node.parent), node.name);
}
