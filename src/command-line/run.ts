import { CommanderError } from 'commander';
import { DomainError, Invalid, NotFound } from '../kernel/errors.js';
import { StartupError } from '../kernel/startup-error.js';
import { createCommands, faultsIn, type CommandLine } from './commands.js';
import { Canceled, ExaminationFailed, UsageError } from './failures.js';

const FAILED = 1;
const MISUSED = 2;
/** Exit code that a shell reports for SIGINT. */
const CANCELED = 130;

/**
 * Runs a command.
 * @param words the arguments after the program's name
 * @returns the exit code; any error has been printed
 * @throws errors that are bugs
 */
export async function runCommand(words: readonly string[], line: CommandLine): Promise<number> {
  try {
    await createCommands(line).parseAsync([...words], { from: 'user' });
    return 0;
  } catch (error) {
    return explain(error, line);
  }
}

function explain(error: unknown, { say }: CommandLine): number {
  if (error instanceof CommanderError) {
    // The error has been printed already.
    if (error.code === 'commander.excessArguments' || error.message.includes('password')) {
      say('A password is never an argument, which would stay in the history of the shell: it is asked for');
    }
    return error.exitCode === 0 ? 0 : MISUSED;
  }
  if (error instanceof Canceled) {
    say('Canceled: nothing was changed');
    return CANCELED;
  }
  if (error instanceof UsageError || error instanceof Invalid) {
    say(`error: ${error instanceof Invalid ? faultsIn(error) : error.message}`);
    return MISUSED;
  }
  if (error instanceof NotFound && error.message === 'User not found') {
    say('error: there is no such user; `list` shows who there is, and `restore` takes the address of a deleted one');
    return FAILED;
  }
  if (error instanceof DomainError || error instanceof StartupError || error instanceof ExaminationFailed) {
    say(`error: ${error.message}`);
    return FAILED;
  }
  throw error;
}
