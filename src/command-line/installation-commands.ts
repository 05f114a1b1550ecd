import type { Command } from 'commander';
import type { Finding, HeldSetting } from '../kernel/installation.js';
import { columns, visible } from './columns.js';
import { ExaminationFailed } from './failures.js';

/** What the commands about the installation need. */
export interface InstallationLine {
  /** Prints results, one line or more. */
  readonly print: (text: string) => void;
  /** Every setting, in the order of `.env.example`. */
  readonly settings: () => readonly HeldSetting[];
  /** Tries every part, one after the other. */
  readonly examine: () => AsyncIterable<Finding>;
}

export function addInstallationCommands(program: Command, { print, settings, examine }: InstallationLine): void {
  program
    .command('config')
    .summary('show every setting, and where its value is from; secrets are masked')
    .description('Shows every setting with the value that holds, and where that is from. Secrets are masked.')
    .option('--json', 'as JSON')
    .action(({ json = false }: { json?: boolean }) => {
      const held = settings();
      const lines = held.map(({ name, value, source }) => [name, source, value === null ? '' : visible(value)]);
      print(json ? JSON.stringify(held, null, 2) : columns([['SETTING', 'FROM', 'VALUE'], ...lines]));
    });
  program
    .command('doctor')
    .summary('try every part that the settings name, and say what is wrong')
    .description(
      'Tries every part that the settings name: database, Redis, store, mail, models, login providers, servers of tools. ' +
        'It changes nothing, but for a small file in the store (made, with its bucket or folder, and deleted again); no model is asked a question.',
    )
    .action(async () => {
      let failed = 0;
      for await (const { part, isFine, text } of examine()) {
        if (!isFine) failed++;
        print(`${isFine ? 'ok    ' : 'FAILED'}  ${part.padEnd(18)}  ${visible(text)}`);
      }
      if (failed > 0) throw new ExaminationFailed(`${failed} ${failed === 1 ? 'part' : 'parts'} cannot be used`);
    });
}
