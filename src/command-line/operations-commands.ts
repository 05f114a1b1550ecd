import type { Command } from 'commander';
import { operator } from '../features/identity/accounts/account-actor.js';
import type { OperatorService } from '../features/identity/accounts/operator.service.js';
import type { UserSessionsService } from '../features/identity/user-sessions/user-sessions.service.js';
import type { DeadMailService } from '../features/operations/dead-mail/dead-mail.service.js';
import {
  ANNOUNCEMENT_LEVELS,
  MAX_ANNOUNCEMENT_LENGTH,
  type AnnouncementLevel,
  type AnnouncementState,
} from '../features/operations/announcements/announcement.js';
import type { AnnouncementsService } from '../features/operations/announcements/announcements.service.js';
import type { ModelBreakerClosings } from '../features/operations/model-breakers/model-breaker-closings.js';
import type { RunningRepliesService } from '../features/operations/running-replies/running-replies.service.js';
import type { UsageCorrectionsService } from '../features/operations/usage-corrections/usage-corrections.service.js';
import { MAX_CORRECTED } from '../features/operations/usage-corrections/usage-correction.js';
import { isUuid } from '../kernel/ids.js';
import type { Connection, PageArguments } from '../kernel/page.js';
import { MAX_REASON_LENGTH } from '../kernel/rules.js';
import { columns, visible } from './columns.js';
import { Canceled, UsageError } from './failures.js';
import type { Prompts } from './prompts.js';
import { nameOf } from './user-lines.js';

/** What runs in the service, by the services that admins call, on behalf of the operator. */
export interface Operations {
  readonly users: Pick<OperatorService, 'find'>;
  readonly replies: Pick<RunningRepliesService, 'list' | 'stop'>;
  readonly announcements: Pick<AnnouncementsService, 'create' | 'end' | 'list' | 'update'>;
  readonly breakers: Pick<ModelBreakerClosings, 'record'>;
  readonly deadMail: Pick<DeadMailService, 'drop' | 'retry' | 'retryAll'>;
  readonly sessions: Pick<UserSessionsService, 'list' | 'revoke' | 'revokeAll'>;
  readonly corrections: Pick<UsageCorrectionsService, 'correct'>;
}

export interface OperationsLine {
  readonly prompts: Pick<Prompts, 'confirm'>;
  /** Prints results, one line or more. */
  readonly print: (text: string) => void;
  /** Prints progress and errors. */
  readonly say: (text: string) => void;
  /** Opens the services for the duration of `work`. */
  readonly withOperations: (work: (operations: Operations) => Promise<void>) => Promise<void>;
}

/** How many lines a list has at most. */
const LONGEST_LIST: PageArguments = { first: 100 };

interface ListForm<Row> {
  /** What the rows are called, as in `2 of 3 replies`. */
  readonly plural: string;
  readonly headings: readonly string[];
  readonly cells: (row: Row) => readonly string[];
  /** The form of a row with `--json`. */
  readonly json: (row: Row) => object;
}

export function addOperationsCommands(program: Command, line: OperationsLine): void {
  addRunningReplies(program, line);
  addStopReply(program, line);
  addCloseBreaker(program, line);
  addRetryMail(program, line);
  addDropMail(program, line);
  addSessions(program, line);
  addEndSessions(program, line);
  addCorrectUsage(program, line);
  addAnnounce(program, line);
  addAnnouncements(program, line);
  addChangeAnnouncement(program, line);
  addEndAnnouncement(program, line);
}

function addRunningReplies(program: Command, line: OperationsLine): void {
  program
    .command('replies')
    .summary('list the replies that run or wait for their tools, newest first, 100 at most')
    .description('Lists the replies that run or wait for their tools, newest first, 100 at most.')
    .option('--json', 'as JSON')
    .action(({ json = false }: { json?: boolean }) =>
      line.withOperations(async ({ replies }) => {
        await printList(line, json, await replies.list(operator, LONGEST_LIST), {
          plural: 'replies',
          headings: ['REPLY', 'USER', 'CONVERSATION', 'MODEL', 'STATE', 'SINCE'],
          cells: ({ id, userId, conversationId, model, state, startedAt }) => [
            id,
            userId,
            conversationId,
            visible(model ?? '-'),
            state.toLowerCase().replaceAll('_', ' '),
            startedAt.toISOString(),
          ],
          json: ({ id, userId, conversationId, model, state, startedAt }) => {
            return { id, userId, conversationId, model, state, startedAt };
          },
        });
      }),
    );
}

function addStopReply(program: Command, line: OperationsLine): void {
  program
    .command('stop-reply')
    .summary('stop a reply; what has come is kept and charged')
    .description('Stops a reply, as its user could: what has come is kept and charged.')
    .argument('<id>', 'as `replies` shows it')
    .option('--reason <text>', 'why, for the audit log')
    .option('--yes', 'do not ask')
    .action(async (id: string, { reason, yes = false }: { reason?: string; yes?: boolean }) => {
      requireId(id, 'a reply', 'replies');
      if (!yes && !(await line.prompts.confirm(`The reply ${id} will end with what has come.`))) throw new Canceled();
      await line.withOperations(async ({ replies }) => {
        const { state } = await replies.stop(operator, id, reason ?? null);
        line.say(
          state === 'ENDED'
            ? 'the reply had ended: nothing was changed'
            : 'the reply is asked to stop; its instance ends it within seconds',
        );
      });
    });
}

function addCloseBreaker(program: Command, line: OperationsLine): void {
  program
    .command('close-breaker')
    .summary('have a model asked again that is left alone since its provider failed')
    .description('Has all instances ask a model again that they leave alone, since its provider failed.')
    .argument('<model>', 'its name, as in MODELS')
    .option('--reason <text>', 'why, for the audit log')
    .action((model: string, { reason }: { reason?: string }) => {
      if (reason !== undefined) requireReason(reason);
      return line.withOperations(async ({ breakers }) => {
        await breakers.record(operator, model, reason ?? null);
        line.say(`the instances that leave ${model} alone ask it again within seconds`);
      });
    });
}

function addRetryMail(program: Command, line: OperationsLine): void {
  program
    .command('retry-mail')
    .summary('have mails that were given up sent after all, by the running service')
    .description('Has mails that were given up sent after all, with as many tries as at first, by the running service.')
    .argument('[id]', 'as `dead-mail` shows it')
    .option('--queue <name>', 'all of a queue, as `dead-mail` shows it, in place of one')
    .action((id: string | undefined, { queue }: { queue?: string }) => {
      if ((id === undefined) === (queue === undefined)) throw new UsageError('Name a mail by its id, or a --queue');
      if (id !== undefined) requireId(id, 'a mail', 'dead-mail');
      return line.withOperations(async ({ deadMail }) => {
        if (id !== undefined) {
          await deadMail.retry(operator, id);
          line.say('the mail is tried again');
          return;
        }
        let all = 0;
        for (let left = 1; left > 0;) {
          const result = await deadMail.retryAll(operator, queue ?? '');
          all += result.retried;
          left = result.retried === 0 ? 0 : result.left;
        }
        line.say(all === 1 ? '1 mail is tried again' : `${all} mails are tried again`);
      });
    });
}

function addDropMail(program: Command, line: OperationsLine): void {
  program
    .command('drop-mail')
    .summary('drop a mail that was given up')
    .description('Drops a mail that was given up: it is never sent.')
    .argument('<id>', 'as `dead-mail` shows it')
    .option('--yes', 'do not ask')
    .action(async (id: string, { yes = false }: { yes?: boolean }) => {
      requireId(id, 'a mail', 'dead-mail');
      if (!yes && !(await line.prompts.confirm(`The mail ${id} will never be sent.`))) throw new Canceled();
      await line.withOperations(async ({ deadMail }) => {
        await deadMail.drop(operator, id);
        line.say('the mail is dropped');
      });
    });
}

function addSessions(program: Command, line: OperationsLine): void {
  program
    .command('sessions')
    .summary('list where a user is logged in, newest first, 100 at most')
    .description('Lists where a user is logged in, newest first, 100 at most.')
    .argument('<user>', 'e-mail address or id')
    .option('--json', 'as JSON')
    .action((name: string, { json = false }: { json?: boolean }) =>
      line.withOperations(async ({ users, sessions }) => {
        const live = await sessions.list(operator, (await users.find(name)).id);
        const rows = live.map(({ id, createdAt, lastUsedAt, ipAddress, userAgent }) => {
          return { id, createdAt, lastUsedAt, ipAddress, userAgent };
        });
        const cells = rows.map(({ id, createdAt, lastUsedAt, ipAddress, userAgent }) => [
          id,
          createdAt.toISOString(),
          lastUsedAt.toISOString(),
          ipAddress ?? '-',
          visible(userAgent ?? '-'),
        ]);
        const headings = ['ID', 'SINCE', 'LAST USED', 'ADDRESS', 'CLIENT'];
        line.print(json ? JSON.stringify(rows, null, 2) : columns([headings, ...cells]));
      }),
    );
}

function addEndSessions(program: Command, line: OperationsLine): void {
  program
    .command('end-sessions')
    .summary('log a user out everywhere, or end one session of theirs')
    .description('Logs a user out everywhere, or ends one session of theirs. Personal access tokens stay.')
    .argument('<user>', 'e-mail address or id')
    .option('--session <id>', 'one, as `sessions` shows it; all by default')
    .option('--yes', 'do not ask')
    .action((name: string, { session, yes = false }: { session?: string; yes?: boolean }) => {
      if (session !== undefined) requireId(session, 'a session', 'sessions');
      return line.withOperations(async ({ users, sessions }) => {
        const user = await users.find(name);
        const what = session === undefined ? 'every session' : `the session ${session}`;
        if (!yes && !(await line.prompts.confirm(`${nameOf(user)}: ${what} will end.`))) throw new Canceled();
        if (session === undefined) {
          const { ended } = await sessions.revokeAll(operator, user.id);
          line.say(ended === 1 ? '1 session has ended' : `${ended} sessions have ended`);
        } else {
          await sessions.revoke(operator, user.id, session);
          line.say('the session has ended');
        }
      });
    });
}

function addCorrectUsage(program: Command, line: OperationsLine): void {
  program
    .command('correct-usage')
    .summary('add to what a user has used today; negative figures give back')
    .description('Adds to what a user has used today, at once; negative figures give back.')
    .argument('<user>', 'e-mail address or id')
    .requiredOption('--reason <text>', 'why: for admins, and not shown to the user')
    .option('--messages <number>', 'as 10 or -10', figureUpTo(MAX_CORRECTED.messages), 0)
    .option('--tokens <number>', 'as 5000 or -5000', figureUpTo(MAX_CORRECTED.tokens), 0)
    .action((name: string, { reason, messages, tokens }: { reason: string; messages: number; tokens: number }) => {
      if (messages === 0 && tokens === 0) throw new UsageError('Give --messages or --tokens, other than 0');
      requireReason(reason);
      return line.withOperations(async ({ users, corrections }) => {
        const user = await users.find(name);
        await corrections.correct(operator, user.id, { messages, tokens, reason });
        line.say(`${nameOf(user)}: ${messages} messages and ${tokens} tokens were added to what was used today`);
      });
    });
}

const LEVELS = ANNOUNCEMENT_LEVELS.map((level) => level.toLowerCase()).join(', ');

interface AnnounceOptions {
  readonly level: AnnouncementLevel;
  readonly from?: Date;
  readonly until?: Date;
}

function addAnnounce(program: Command, line: OperationsLine): void {
  program
    .command('announce')
    .summary('tell everyone something, now or later')
    .description('Tells everyone something, now or later: whoever uses the service sees it, also without a login.')
    .argument('<text>', `plain text of at most ${MAX_ANNOUNCEMENT_LENGTH} characters`)
    .option('--level <level>', LEVELS, levelIn, 'INFO')
    .option('--from <time>', 'when it begins, as 2026-01-31T22:00Z; now by default', timeIn)
    .option('--until <time>', 'when it ends; by default, when `end-announcement` ends it', timeIn)
    .action((text: string, { level, from, until }: AnnounceOptions) => {
      requireAnnouncementText(text);
      return line.withOperations(async ({ announcements }) => {
        const request = { text, level, startsAt: from, endsAt: until };
        const { id, state, startsAt } = await announcements.create(operator, request);
        line.say(shownFrom(state, startsAt));
        line.print(id);
      });
    });
}

function addAnnouncements(program: Command, line: OperationsLine): void {
  program
    .command('announcements')
    .summary('list what everyone is told, was told and will be, newest first, 100 at most')
    .description('Lists what everyone is told, was told and will be, newest first, 100 at most.')
    .option('--json', 'as JSON')
    .action(({ json = false }: { json?: boolean }) =>
      line.withOperations(async ({ announcements }) => {
        await printList(line, json, await announcements.list(operator, LONGEST_LIST), {
          plural: 'announcements',
          headings: ['ID', 'STATE', 'LEVEL', 'FROM', 'UNTIL', 'TEXT'],
          cells: ({ id, state, level, startsAt, endsAt, text }) => [
            id,
            state.toLowerCase(),
            level.toLowerCase(),
            startsAt.toISOString(),
            endsAt?.toISOString() ?? '-',
            visible(text),
          ],
          json: (announcement) => announcement,
        });
      }),
    );
}

interface ChangeAnnouncementOptions {
  readonly text?: string;
  readonly level?: AnnouncementLevel;
  readonly from?: Date;
  readonly until?: Date | 'never';
}

function addChangeAnnouncement(program: Command, line: OperationsLine): void {
  program
    .command('change-announcement')
    .summary('change what everyone is told, or will be')
    .description('Changes an announcement that has not ended. What is left out stays as it is.')
    .argument('<id>', 'as `announcements` shows it')
    .option('--text <text>', `plain text of at most ${MAX_ANNOUNCEMENT_LENGTH} characters`)
    .option('--level <level>', LEVELS, levelIn)
    .option('--from <time>', 'when it begins, as 2026-01-31T22:00Z', timeIn)
    .option('--until <time>', 'when it ends, or `never`: when `end-announcement` ends it', (text) =>
      text === 'never' ? text : timeIn(text),
    )
    .action((id: string, { text, level, from, until }: ChangeAnnouncementOptions) => {
      requireId(id, 'an announcement', 'announcements');
      if (text !== undefined) requireAnnouncementText(text);
      const changes = { text, level, startsAt: from, endsAt: until === 'never' ? null : until };
      if (Object.values(changes).every((value) => value === undefined))
        throw new UsageError('Give --text, --level, --from or --until');
      return line.withOperations(async ({ announcements }) => {
        const { state, startsAt } = await announcements.update(operator, id, changes);
        line.say(shownFrom(state, startsAt));
      });
    });
}

function requireAnnouncementText(text: string): void {
  if (text.trim() === '' || text.length > MAX_ANNOUNCEMENT_LENGTH)
    throw new UsageError(`An announcement has 1 to ${MAX_ANNOUNCEMENT_LENGTH} characters`);
}

function shownFrom(state: AnnouncementState, startsAt: Date): string {
  return state === 'SCHEDULED' ? `it will be shown from ${startsAt.toISOString()} on` : 'it is shown to everyone';
}

function addEndAnnouncement(program: Command, line: OperationsLine): void {
  program
    .command('end-announcement')
    .summary('end an announcement now')
    .description('Ends an announcement now, or one that has not begun before it does.')
    .argument('<id>', 'as `announcements` shows it')
    .action((id: string) => {
      requireId(id, 'an announcement', 'announcements');
      return line.withOperations(async ({ announcements }) => {
        await announcements.end(operator, id);
        line.say('the announcement has ended');
      });
    });
}

function levelIn(text: string): AnnouncementLevel {
  const level = ANNOUNCEMENT_LEVELS.find((known) => known === text.toUpperCase());
  if (level === undefined) throw new UsageError(`"${text}" is none of ${LEVELS}`);
  return level;
}

/** With its offset: whose time zone a time without one is in, nobody can tell. */
function timeIn(text: string): Date {
  const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i.test(text)
    ? new Date(text)
    : null;
  if (time === null || Number.isNaN(time.getTime()))
    throw new UsageError(`"${text}" is not a time with its offset, as 2026-01-31T22:00Z`);
  return time;
}

function figureUpTo(max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || Math.abs(value) > max)
      throw new UsageError(`"${text}" is not a whole number of at most ${max}`);
    return value;
  };
}

async function printList<Row>(
  { print, say }: OperationsLine,
  asJson: boolean,
  { nodes, countAll }: Connection<Row>,
  { plural, headings, cells, json }: ListForm<Row>,
): Promise<void> {
  print(asJson ? JSON.stringify(nodes.map(json), null, 2) : columns([headings, ...nodes.map(cells)]));
  const total = await countAll();
  if (nodes.length < total) say(`${nodes.length} of ${total} ${plural}`);
}

function requireReason(reason: string): void {
  if (reason.trim() === '' || reason.length > MAX_REASON_LENGTH)
    throw new UsageError(`A reason has 1 to ${MAX_REASON_LENGTH} characters`);
}

function requireId(id: string, what: string, command: string): void {
  if (!isUuid(id)) throw new UsageError(`"${id}" is not the id of ${what}; \`${command}\` shows them`);
}
