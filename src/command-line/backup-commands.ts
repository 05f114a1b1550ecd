import type { Command } from 'commander';

/** What the commands about backups need. */
export interface BackupLine {
  /** Prints progress and errors. */
  readonly say: (text: string) => void;
  /** @returns what to say, a line each */
  readonly backUp: (file: string) => Promise<readonly string[]>;
  /** @returns what to say, a line each */
  readonly restoreBackup: (file: string, force: boolean) => Promise<readonly string[]>;
}

export function addBackup(program: Command, { say, backUp }: BackupLine): void {
  program
    .command('backup')
    .summary('write the embedded database, with files, mail and key, into a file; also while the service runs')
    .description(
      'Writes the embedded database as it is at this moment, with uploaded files, unsent mail and the secret key, into a new ' +
        'file, for its owner alone. The service may run meanwhile. `restore <file>` brings it back.',
    )
    .argument('<file>', 'as backup.tar.gz')
    .action(async (file: string) => {
      for (const line of await backUp(file)) say(line);
    });
}
