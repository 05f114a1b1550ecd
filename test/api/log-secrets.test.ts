import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { makeToken } from '../support/access-tokens.js';
import { signUp } from '../support/actor.js';
import { startTestAppWithMail } from '../support/app-with-mail.js';
import { Authenticator, confirm, enrol } from '../support/authenticator.js';
import { codeIn } from '../support/mail-server.js';
import { startOtlpReceiver } from '../support/otlp-receiver.js';
import { startProgram, withDatabaseDirectory } from '../support/program.js';
import { askModel, readReply, ROOMY_PLANS } from '../support/replies.js';
import { checkForLeaks } from '../support/secrets/suite-secrets.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const QUESTION = 'What shall I tell the doctor about it?';
const ANSWER = 'Tell them when it began, and where it hurts.';
const SECRET_KEY = 'thirty-two bytes or more of the tests';

/** What the check finds, with the name that each leak was planted by. */
async function leaks(): Promise<readonly string[]> {
  const said = await checkForLeaks().catch((error: unknown) => (error as Error).message);
  return said?.split('\n').slice(1) ?? [];
}

/**
 * Every other suite passes only if none of these is in what its services log. Here they are put there, to see that the check
 * would have told.
 */
describe('a secret in the log of a service', () => {
  it('fails the suite, whichever it is, and is not shown', async () => {
    const { app, mailServer } = await startTestAppWithMail('embedded', { SECRET_KEY, PLANS: ROOMY_PLANS });
    const user = await signUp(app);
    const tokens = await user.login();
    await user.rest('POST', '/auth/request-reset', { email: user.credentials.email });
    const { message } = await mailServer.mailTo(user.credentials.email);
    const conversation = await user.createConversation();
    app.model.reply(ANSWER);
    const reply = await askModel(user, conversation, QUESTION);
    await readReply(user, 'webSocket', reply);
    const { body: ticket } = await user.rest('POST', `/messages/${reply}/stream-ticket`);
    const personal = await makeToken(user, ['conversations:read']);
    const { secret, uri } = await enrol(user);
    const [recoveryCode] = await confirm(user, new Authenticator(uri).code());

    const planted = {
      SECRET_KEY,
      modelKey: 'sk-of-the-tests-2b7c',
      password: user.credentials.password,
      accessToken: tokens.accessToken,
      refreshToken: tokens.refreshToken,
      ticket: (ticket.data as { ticket: string }).ticket,
      personalToken: personal.token,
      oneTimeCode: codeIn(message),
      secondFactor: secret,
      recoveryCode,
      prompt: QUESTION,
      answer: ANSWER,
      cutPrompt: `${QUESTION.slice(0, 30)}…`,
    };
    const lines = Object.entries(planted).map(([name, value]) =>
      JSON.stringify({ planted: name, detail: `<${value}>` }),
    );
    const harmless = JSON.stringify({ planted: 'nothing', ms: 123456, requestId: reply, detail: 'Not the password' });
    expect(readFileSync(app.logFile, 'utf8')).not.toBe('');
    appendFileSync(app.logFile, [...lines, harmless].join('\n'));
    const found = await leaks();

    const names = found.map((leak) => /"planted":"(\w+)"/.exec(leak)?.[1] ?? leak);
    expect([...new Set(names)].sort()).toEqual(Object.keys(planted).sort());
    for (const value of Object.values(planted)) expect(found.join('\n')).not.toContain(value);
    // The check has ended the service.
    await Promise.allSettled([app.close(), mailServer.close()]);
  });

  it('is found in the output of a started program, too', async () => {
    await withDatabaseDirectory(async (directory) => {
      const settings = { DATA_DIR: directory, OPENAI_API_KEY: 'the key of the model' };
      const launcher = ['sh', '-c', 'echo "its key is $OPENAI_API_KEY"; exec "$@"', 'sh'];
      await startProgram(settings, launcher);
    });
    expect(await leaks()).toEqual([expect.stringMatching(/^a OPENAI_API_KEY \(.*\) in: its key is \*\*\*$/)]);
  });

  it('is found in a span', async () => {
    const receiver = await startOtlpReceiver();
    const span = { traceId: '1', id: '2', attributes: { 'url.full': 'http://user:sesame@localhost/' } };
    (receiver.spans as object[]).push(span);
    await receiver.close();
    expect(await leaks()).toEqual([expect.stringMatching(/^a password in a URL .*"url.full":"\*\*\*localhost/)]);
  });

  it('fails a suite that leaks after its last test', async () => {
    const { default: ours } = (await import(new URL('../../jest.config.js', import.meta.url).href)) as {
      readonly default: { readonly projects: readonly Readonly<Record<string, unknown>>[] };
    };
    const config = {
      ...ours.projects[0],
      rootDir: ROOT,
      testMatch: ['<rootDir>/test/support/secrets/leaking-suite.ts'],
    };
    const jest = fileURLToPath(new URL('../../node_modules/jest/bin/jest.js', import.meta.url));
    const flags = ['--experimental-vm-modules', jest, '--ci', '--config', JSON.stringify(config)];
    const child = spawn(process.execPath, flags, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'close');
    const said = await text(child.stderr);
    await ended;
    expect(child.exitCode).toBe(1);
    expect(said).toContain('a password (a p…, 23 characters) in: {"msg":"closed by ***"}');
    expect(said).toContain('1 passed');
  });
});
