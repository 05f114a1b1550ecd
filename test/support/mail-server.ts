import { once } from 'node:events';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerEnvelope } from 'smtp-server';
import { eventually } from './eventually.js';
import { noteSecrets } from './secrets/suite-secrets.js';

export interface ReceivedMail {
  /** The envelope's recipients, which may differ from the message's headers. */
  readonly recipients: readonly string[];
  readonly message: ParsedMail;
}

export interface MailServer {
  /** As `smtp://127.0.0.1:49152`. */
  readonly url: string;
  readonly port: number;
  readonly received: readonly ReceivedMail[];
  /** Waits for the `number`-th mail to this address. */
  mailTo(address: string, number?: number): Promise<ReceivedMail>;
  /** Waits for the `number`-th mail with a code to this address: there may be others, about acts on the account. */
  codeTo(address: string, number?: number): Promise<string>;
  close(): Promise<void>;
}

/** An SMTP server that accepts mail for everyone except `nobody@…`. */
export async function startMailServer(): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  const mailsTo = (address: string) => received.filter(({ recipients }) => recipients.includes(address));
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo({ address }, _session, done) {
      const refusal = Object.assign(new Error('no such user here'), { responseCode: 550 });
      done(address.startsWith('nobody@') ? refusal : undefined);
    },
    onData(stream, { envelope }, done) {
      simpleParser(stream).then(
        (message) => {
          noteSecrets(secretsIn(message));
          received.push({ recipients: recipientsOf(envelope), message });
          done();
        },
        (error: unknown) => {
          done(error instanceof Error ? error : new Error(String(error)));
        },
      );
    },
  });
  const socket = server.listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const address = socket.address();
  if (address === null || typeof address === 'string') throw new Error('The mail server has no port');
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    port: address.port,
    received,
    async mailTo(recipient, number = 1) {
      const mails = await eventually(
        () => Promise.resolve(mailsTo(recipient)),
        (found) => found.length >= number,
      );
      const mail = mails[number - 1];
      if (mail === undefined) throw new Error('there is no such mail');
      return mail;
    },
    async codeTo(recipient, number = 1) {
      const withCodes = await eventually(
        () => Promise.resolve(mailsTo(recipient).filter(({ message }) => CODE.test(message.text ?? ''))),
        (found) => found.length >= number,
      );
      const mail = withCodes[number - 1];
      if (mail === undefined) throw new Error('there is no such mail');
      return codeIn(mail.message);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
      }),
  };
}

function recipientsOf({ rcptTo }: SMTPServerEnvelope): string[] {
  return rcptTo.map(({ address }) => address);
}

/** What proves that someone reads this mailbox. */
function secretsIn({ text = '' }: Pick<ParsedMail, 'text'>) {
  const codes = text.match(/\b(?:\d{6}|[\w-]{43})\b/g) ?? [];
  return codes.map((value) => ({ kind: 'code in a mail', value }));
}

const CODE = /\b\d{6}\b/;

/** The code in a mail. */
export function codeIn({ text }: Pick<ParsedMail, 'text'>): string {
  const code = CODE.exec(text ?? '')?.[0];
  if (code === undefined) throw new Error('the mail has no code');
  return code;
}

/** The token of the link in a mail that undoes a change. */
export function undoTokenIn({ text }: Pick<ParsedMail, 'text'>): string {
  const token = /\/account\/undo\?token=([A-Za-z0-9_-]{43})$/m.exec(text ?? '')?.[1];
  if (token === undefined) throw new Error('the mail has no link');
  return token;
}
