import { NodeFS } from '@electric-sql/pglite/nodefs';

type Init = Parameters<NodeFS['init']>;

/** What we change of the file system inside of PGlite, which its types leave out. */
interface FileSystem {
  chmod(path: unknown, mode: number, ...rest: unknown[]): void;
}

const OWNER_ALONE = 0o700;

/**
 * A folder whose files are for their owner alone. PGlite gives each file that it makes a mode of its own choice, 0666 for most,
 * whatever the mask of the process.
 */
export class PrivateNodeFS extends NodeFS {
  /** The PGlite that it was given to, before it is open or when it failed to. */
  get owner() {
    return this.pg;
  }

  override async init(...[pglite, options]: Init): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(pglite, options);
    const restrict = ({ FS }: { readonly FS: unknown }) => {
      const files = FS as FileSystem;
      const chmod = files.chmod.bind(files);
      files.chmod = (path, mode, ...rest) => {
        chmod(path, mode & OWNER_ALONE, ...rest);
      };
    };
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), restrict] } };
  }
}
