import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { emailAddress } from '../features/identity/accounts/email-address.js';
import type { OperatorService, Outcome } from '../features/identity/accounts/operator.service.js';
import { DEFAULT_DAYS, MAX_USES } from '../features/identity/invitations/invitation.js';
import { Conflict, NotFound, type Invalid } from '../kernel/errors.js';
import { isUuid } from '../kernel/ids.js';
import { Canceled, UsageError } from './failures.js';
import { addBackup, type BackupLine } from './backup-commands.js';
import { addInstallationCommands, type InstallationLine } from './installation-commands.js';
import { mailTableOf } from './mail-lines.js';
import { addOperationsCommands, type OperationsLine } from './operations-commands.js';
import type { Prompts } from './prompts.js';
import { invitationJsonOf, invitationTableOf, jsonOf, nameOf, tableOf } from './user-lines.js';

const EXAMPLES = `
A user is named by e-mail address or by id. Passwords are asked for, or read from standard input: never arguments, which stay
in the shell's history.

Examples:
  npm run admin -- create ada@example.com              a new admin; asks for the password
  npm run admin -- create eve@example.com --no-admin --generate
  npm run admin -- list example.com
  npm run admin -- doctor                            tries the database, Redis, the store, mail, models
  npm run admin -- backup backup.tar.gz              the embedded database, files, mail and key
  npm run admin -- restore backup.tar.gz             into an empty DATA_DIR
  npm run admin -- invite eve@example.com --days 2     prints the code of an invitation to sign up
  npm run admin -- suspend eve@example.com --yes
  npm run admin -- reset ada@example.com < password.txt

It works on the database of the settings (.env, DATABASE_URL, DATA_DIR), by the service's own rules, and is in the audit log.
Exit codes: 0 done, 1 failed, 2 a wrong command or password, 130 canceled.`;

export interface CommandLine extends InstallationLine, OperationsLine, BackupLine {
  readonly prompts: Pick<Prompts, 'newPassword' | 'confirm'>;
  /** Opens the services for the duration of `work`. */
  readonly withOperator: (work: (operator: OperatorService) => Promise<void>) => Promise<void>;
}

/** The commands, to be run with `parseAsync`. */
export function createCommands(line: CommandLine): Command {
  const program = new Command('npm run admin --')
    .description('Manages accounts of Flynkle API, and looks after its installation, from the machine that it runs on.')
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
  addInstallationCommands(program, line);
  addList(program, line);
  addCreate(program, line);
  addInvite(program, line);
  addInvitations(program, line);
  addRevokeInvitation(program, line);
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
  addRestore(program, line);
  addBackup(program, line);
  addReset(program, line);
  addDeadMail(program, line);
  addOperationsCommands(program, line);
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

function addDeadMail(program: Command, { print, say, withOperator }: CommandLine): void {
  program
    .command('dead-mail')
    .summary('list the mails that were given up, the latest first, 100 at most')
    .description('Lists the mails that the mail server took in none of the tries, the latest first, 100 at most.')
    .option('--json', 'as JSON')
    .action(({ json = false }: { json?: boolean }) =>
      withOperator(async (operator) => {
        const { mails, total } = await operator.deadMail();
        print(json ? JSON.stringify(mails, null, 2) : mailTableOf(mails));
        if (mails.length < total) say(`${mails.length} of ${total} mails`);
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
      const address = addressOf(email);
      return line.withOperator(async (operator) => {
        // Checked first, so that nobody enters a password in vain.
        if (await isUser(operator, address)) throw new Conflict('User already exists');
        const password = await newPassword(line, generate);
        const user = await operator.create({ email: address, password, isAdmin: admin, plan });
        line.say(`${nameOf(user)} is ${admin ? 'a new admin' : 'a new user'}`);
        if (generate === true) line.print(password);
      });
    });
}

function addInvite(program: Command, line: CommandLine): void {
  program
    .command('invite')
    .summary('make an invitation to sign up, and print its code')
    .description('Makes an invitation to sign up, and prints its code, once. It is not mailed: hand it over yourself.')
    .argument('[email]', 'the one address that may use it; anyone by default')
    .option('--plan <name>', 'the plan of the accounts made with it; the first of PLANS by default')
    .option('--uses <number>', 'how many accounts may be made with it', numberOf, 1)
    .option('--days <number>', 'how long it is good', numberOf, DEFAULT_DAYS)
    .action((email: string | undefined, { plan, uses, days }: { plan?: string; uses: number; days: number }) => {
      const address = email === undefined ? null : addressOf(email);
      return line.withOperator(async (operator) => {
        const expiresAt = new Date(Date.now() + days * 86_400_000);
        const invitation = await operator.invite({ email: address, plan: plan ?? null, uses, expiresAt });
        line.say(`good until ${invitation.expiresAt.toISOString()}; the code, which is not shown again:`);
        line.print(invitation.code);
      });
    });
}

function addInvitations(program: Command, { print, say, withOperator }: CommandLine): void {
  program
    .command('invitations')
    .summary('list invitations, newest first, 100 at most')
    .description('Lists invitations, newest first, 100 at most. Their codes are not shown again.')
    .option('--json', 'as JSON')
    .action(({ json = false }: { json?: boolean }) =>
      withOperator(async (operator) => {
        const { invitations, total } = await operator.invitations();
        print(
          json
            ? JSON.stringify(invitations.map(invitationJsonOf), null, 2)
            : invitationTableOf(invitations, new Date()),
        );
        if (invitations.length < total) say(`${invitations.length} of ${total} invitations`);
      }),
    );
}

function addRevokeInvitation(program: Command, { prompts, say, withOperator }: CommandLine): void {
  program
    .command('revoke-invitation')
    .summary('revoke an invitation; accounts made with it stay')
    .description('Revokes an invitation: nobody can use it any more, and accounts made with it stay.')
    .argument('<id>', 'as `invitations` shows it')
    .option('--yes', 'do not ask')
    .action(async (id: string, { yes = false }: { yes?: boolean }) => {
      if (!isUuid(id)) throw new UsageError(`"${id}" is not the id of an invitation; \`invitations\` shows them`);
      if (!yes && !(await prompts.confirm(`Nobody can use the invitation ${id} any more.`))) throw new Canceled();
      await withOperator(async (operator) => {
        const { uses } = await operator.revokeInvitation(id);
        say(`the invitation is revoked; ${uses === 1 ? '1 account was' : `${uses} accounts were`} made with it`);
      });
    });
}

function numberOf(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > MAX_USES)
    throw new UsageError(`"${text}" is not a number from 1 up`);
  return value;
}

function addressOf(email: string): string {
  const address = emailAddress().safeParse(email);
  if (!address.success) throw new UsageError(`"${email}" ${address.error.issues[0]?.message ?? 'will not do'}`);
  return address.data;
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

/** Users are named by an e-mail address or an id, which no path of a backup looks like. */
function addRestore(program: Command, line: CommandLine): void {
  const change: Omit<Change, 'name' | 'summary'> = {
    act: (operator, name) => operator.restore(name),
    done: 'is restored, and may log in',
    already: 'is not deleted',
  };
  program
    .command('restore')
    .summary('bring a deleted user back, active; or everything, from a file that `backup` wrote')
    .description(
      'Brings a deleted user back, active. Or, given a file that `backup` wrote, puts the database, files, mail and key in it into ' +
        'DATA_DIR, while no service runs: nothing is changed unless all of it is whole.',
    )
    .argument('<user-or-file>', 'e-mail address or id, or the path of a backup')
    .option('--force', 'where DATA_DIR is not empty, move what is there aside first')
    .action(async (name: string, { force = false }: { force?: boolean }) => {
      if (isUuid(name) || emailAddress().safeParse(name).success) await makeChange(line, change, name, true);
      else for (const text of await line.restoreBackup(name, force)) line.say(text);
    });
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

function addChange(program: Command, line: CommandLine, change: Change): void {
  const { name, summary, question } = change;
  const command = program
    .command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .argument('<user>', 'e-mail address or id');
  if (question !== undefined) command.option('--yes', 'do not ask');
  command.action((who: string, { yes = false }: { yes?: boolean }) => makeChange(line, change, who, yes));
}

function makeChange(
  { prompts, say, withOperator }: CommandLine,
  { act, question, done, already }: Omit<Change, 'name' | 'summary'>,
  who: string,
  yes: boolean,
): Promise<void> {
  return withOperator(async (operator) => {
    if (question !== undefined && !yes) {
      const isMeant = await prompts.confirm(`${nameOf(await operator.find(who))} ${question}`);
      if (!isMeant) throw new Canceled();
    }
    const { user, isChanged } = await act(operator, who);
    say(isChanged ? `${nameOf(user)} ${done}` : `${nameOf(user)} ${already}: nothing was changed`);
  });
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
