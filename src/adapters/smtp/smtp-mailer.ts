import { createTransport } from 'nodemailer';
import type { Mail, Mailer } from '../../ports/mailer.js';
import { composeMail } from './compose-mail.js';

/** Socket timeout: after this silence the attempt fails, and the job that sends the mail retries later. */
const CONNECT_MS = 10_000;
const SILENCE_MS = 20_000;
/** A server that says a little now and then must not take longer than this in all, which is less than a job may take. */
const SEND_MS = 45_000;

export interface SmtpMailerOptions {
  /** `smtp://user:password@host:587` (STARTTLS when the server has it) or `smtps://…:465`; further nodemailer options as its query. */
  readonly url: string;
  readonly from: string;
}

/** Sends mail through an SMTP server, with one connection per mail. */
export class SmtpMailer implements Mailer {
  readonly description: string;
  readonly #from: string;
  readonly #transport: ReturnType<typeof createTransport>;

  constructor({ url, from }: SmtpMailerOptions) {
    this.description = `SMTP at ${new URL(url).host}`;
    this.#from = from;
    this.#transport = createTransport({
      url,
      connectionTimeout: CONNECT_MS,
      greetingTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  }

  /** Connects and logs in, and sends nothing. @throws with what failed, without the server's text */
  async verify(): Promise<void> {
    const failure = await inTime(this.#transport.verify()).then(() => null, failureOf);
    if (failure !== null) throw new Error(failure.description);
  }

  async send(mail: Mail): Promise<'sent' | 'refused'> {
    const composed = await composeMail(this.#from, mail);
    if (composed === null) return 'refused';
    const { envelope, message } = composed;
    const sending = this.#transport.sendMail({ envelope: { from: envelope.from, to: [...envelope.to] }, raw: message });
    const failure = await inTime(sending).then(() => null, failureOf);
    if (failure === null) return 'sent';
    if (failure.isRefusal) return 'refused';
    throw new Error(`the SMTP server did not take the mail: ${failure.description}`);
  }
}

async function inTime(sending: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(Object.assign(new Error('late'), { code: `no end within ${SEND_MS / 1_000} s` }));
  }, SEND_MS);
  try {
    await Promise.race([sending, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The failure without the server's text, which quotes the address. */
function failureOf(error: unknown): { readonly isRefusal: boolean; readonly description: string } {
  const { code, command, responseCode } = error as Readonly<Record<'code' | 'command' | 'responseCode', unknown>>;
  const isPermanent = typeof responseCode === 'number' && responseCode >= 500;
  const known = [code, command, responseCode].filter((part) => typeof part === 'string' || typeof part === 'number');
  return { isRefusal: isPermanent && command === 'RCPT TO', description: known.join(' ') };
}
