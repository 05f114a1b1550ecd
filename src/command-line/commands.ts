import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import type { OperatorService, Outcome } from '../features/identity/accounts/operator.service.js';
import { Conflict, NotFound, type Invalid } from '../kernel/errors.js';
import { email as emailRule } from '../kernel/rules.js';
import { Canceled, UsageError } from './failures.js';
import type { Prompts } from './prompts.js';
import { jsonOf, nameOf, tableOf } from './user-lines.js';

const EXAMPLES = `
A user is named by e-mail address or by id. Passwords are asked for, or read from standard input: never arguments, which stay
in the shell's history.

Examples:
  npm run admin -- create ada@example.com              a new admin; asks for the password
  npm run admin -- create eve@example.com --no-admin --generate
  npm run admin -- list example.com
  npm run admin -- suspend eve@example.com --yes
  npm run admin -- reset ada@example.com < password.txt

It works on the database of the settings (.env, DATABASE_URL, DATA_DIR), by the service's own rules, and is in the audit log.
Exit codes: 0 done, 1 failed, 2 a wrong command or password, 130 canceled.`;

export interface CommandLine {
  readonly prompts: Pick<Prompts, 'newPassword' | 'confirm'>;
  /** Prints results, one line or more. */
  readonly print: (text: string) => void;
  /** Prints progress and errors. */
  readonly say: (text: string) => void;
  /** Opens the services for the duration of `work`. */
  readonly withOperator: (work: (operator: OperatorService) => Promise<void>) => Promise<void>;
}

/** The commands, to be run with `parseAsync`. */
export function createCommands(line: CommandLine): Command {
  const program = new Command('npm run admin --')
    .description('Manages accounts of Flynkle API from the machine that it runs on.')
    .usage('<command> [options]')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        line.print(text.trimEnd());
      },
      writeErr: (text) => {
        line.say(text.trimEnd());
      },
      // A surplus argument may be a password: do not print it.
      outputError: (text, write) => {
        write(text.replace(/(too many arguments.* but got \d+): [^]*$/, '$1'));
      },
    });
  addList(program, line);
  addCreate(program, line);
  addChange(program, line, {
    name: 'promote',
    summary: 'make a user an admin',
    act: (operator, name) => operator.promote(name),
    done: 'is an admin now',
    already: 'is an admin already',
  });
  addChange(program, line, {
    name: 'demote',
    summary: 'make an admin an ordinary user; never the last one',
    act: (operator, name) => operator.demote(name),
    question: 'will be no admin any more.',
    done: 'is no admin any more',
    already: 'is no admin',
  });
  addChange(program, line, {
    name: 'suspend',
    summary: 'lock a user out, and end every session of theirs',
    act: (operator, name) => operator.suspend(name),
    question: 'will be locked out, and every session of theirs ends.',
    done: 'is suspended, and logged out everywhere',
    already: 'is suspended already',
  });
  addChange(program, line, {
    name: 'reinstate',
    summary: 'let a suspended or inactive user in again',
    act: (operator, name) => operator.reinstate(name),
    done: 'may log in again',
    already: 'may log in already',
  });
  addChange(program, line, {
    name: 'delete',
    summary: 'delete a user, for `restore` to bring back; never the last admin',
    act: async (operator, name) => ({ user: await operator.delete(name), isChanged: true }),
    question: 'will be deleted, and every session of theirs ends.',
    done: 'is deleted; restore brings them back',
    already: '',
  });
  addChange(program, line, {
    name: 'restore',
    summary: 'bring a deleted user back, active',
    act: (operator, name) => operator.restore(name),
    done: 'is restored, and may log in',
    already: 'is not deleted',
  });
  addReset(program, line);
  addChange(program, line, {
    name: 'remove-second-factor',
    summary: 'switch off the second factor of a user who has lost it',
    act: (operator, name) => operator.removeSecondFactor(name),
    question: 'will log in without a second factor.',
    done: 'logs in without a second factor now',
    already: 'has no second factor',
  });
  return program;
}

function addList(program: Command, { print, say, withOperator }: CommandLine): void {
  program
    .command('list')
    .summary('list users, newest first, 100 at most')
    .description('Lists users, newest first, 100 at most.')
    .argument('[search]', 'a part of the e-mail address or phone number')
    .option('--json', 'as JSON')
    .action((search: string | undefined, { json = false }: { json?: boolean }) =>
      withOperator(async (operator) => {
        const { users, total } = await operator.list(search ?? null);
        print(json ? JSON.stringify(users.map(jsonOf), null, 2) : tableOf(users));
        if (users.length < total)
          say(`${users.length} of ${total} users; search for a part of the address to see others`);
      }),
    );
}

function addCreate(program: Command, line: CommandLine): void {
  program
    .command('create')
    .summary('make an account, an admin unless told otherwise')
    .description('Makes an account, an admin unless told otherwise. Asks for the password.')
    .argument('<email>')
    .option('--no-admin', 'an ordinary user')
    .option('--plan <name>', 'the plan of the user; the first of PLANS by default')
    .option('--generate', 'make a password and print it, once')
    .action((email: string, { admin, plan, generate }: { admin: boolean; plan?: string; generate?: boolean }) => {
      const address = emailRule().safeParse(email);
      if (!address.success) throw new UsageError(`"${email}" ${address.error.issues[0]?.message ?? 'will not do'}`);
      return line.withOperator(async (operator) => {
        // Checked first, so that nobody enters a password in vain.
        if (await isUser(operator, address.data)) throw new Conflict('User already exists');
        const password = await newPassword(line, generate);
        const user = await operator.create({ email: address.data, password, isAdmin: admin, plan });
        line.say(`${nameOf(user)} is ${admin ? 'a new admin' : 'a new user'}`);
        if (generate === true) line.print(password);
      });
    });
}

function addReset(program: Command, line: CommandLine): void {
  program
    .command('reset')
    .summary('set a new password, and end every session of the user')
    .description('Sets a new password, and ends every session of the user. A second factor stays.')
    .argument('<user>', 'e-mail address or id')
    .option('--generate', 'make a password and print it, once')
    .action((name: string, { generate }: { generate?: boolean }) =>
      line.withOperator(async (operator) => {
        await operator.find(name);
        const password = await newPassword(line, generate);
        line.say(`${nameOf(await operator.reset(name, password))} has a new password, and is logged out everywhere`);
        if (generate === true) line.print(password);
      }),
    );
}

interface Change {
  readonly name: string;
  readonly summary: string;
  readonly act: (operator: OperatorService, name: string) => Promise<Outcome>;
  /** The consequence for the user, shown for confirmation unless `--yes` is given. */
  readonly question?: string;
  readonly done: string;
  readonly already: string;
}

function addChange(program: Command, line: CommandLine, { name, summary, act, question, done, already }: Change): void {
  const command = program
    .command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .argument('<user>', 'e-mail address or id');
  if (question !== undefined) command.option('--yes', 'do not ask');
  command.action((who: string, { yes = false }: { yes?: boolean }) =>
    line.withOperator(async (operator) => {
      if (question !== undefined && !yes) {
        const isMeant = await line.prompts.confirm(`${nameOf(await operator.find(who))} ${question}`);
        if (!isMeant) throw new Canceled();
      }
      const { user, isChanged } = await act(operator, who);
      line.say(isChanged ? `${nameOf(user)} ${done}` : `${nameOf(user)} ${already}: nothing was changed`);
    }),
  );
}

function newPassword({ prompts }: CommandLine, generate: boolean | undefined): Promise<string> {
  // 120 bits, 20 characters.
  return generate === true ? Promise.resolve(randomBytes(15).toString('base64url')) : prompts.newPassword();
}

async function isUser(operator: OperatorService, email: string): Promise<boolean> {
  try {
    await operator.find(email);
    return true;
  } catch (error) {
    if (error instanceof NotFound) return false;
    throw error;
  }
}

/** Input faults, with fields named as on the command line. */
export function faultsIn({ faults }: Invalid): string {
  return faults.map(({ field, message }) => `${field.replace(/^input\./, '')} ${message}`).join('\n');
}
