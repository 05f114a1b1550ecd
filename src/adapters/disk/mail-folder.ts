import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Log } from '../../kernel/log.js';
import type { Mail, Mailer } from '../../ports/mailer.js';
import { composeMail } from '../smtp/compose-mail.js';

export interface MailFolderOptions {
  /** Created with the first mail. */
  readonly directory: string;
  readonly from: string;
  readonly log: Pick<Log, 'info'>;
}

/**
 * Stands in for a mail server: each mail is a file that any mail client opens, readable by its owner alone, and named after
 * its time and a hash of its recipient, as `20260102T030405678Z-1f2e3d4c-9a8b7c6d.eml`.
 */
export class MailFolder implements Mailer {
  readonly description: string;
  readonly #directory: string;
  readonly #from: string;
  readonly #log: Pick<Log, 'info'>;

  constructor({ directory, from, log }: MailFolderOptions) {
    this.#directory = resolve(directory);
    this.description = `files in ${this.#directory}`;
    this.#from = from;
    this.#log = log;
  }

  async send(mail: Mail): Promise<'sent' | 'refused'> {
    const composed = await composeMail(this.#from, mail);
    if (composed === null) return 'refused';
    const name = nameFor(mail.to);
    const file = join(this.#directory, name);
    const draft = join(this.#directory, `.${name}`);
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    // Renamed into place when complete, since a program may watch the folder.
    await writeFile(draft, composed.message, { mode: 0o600 });
    await rename(draft, file);
    this.#log.info({ file }, 'wrote a mail to a file, since SMTP_URL is not set');
    return 'sent';
  }
}

function nameFor(recipient: string): string {
  const time = new Date().toISOString().replace(/[-:.]/g, '');
  const hash = createHash('sha256').update(recipient.toLowerCase()).digest('hex').slice(0, 8);
  return `${time}-${hash}-${randomBytes(4).toString('hex')}.eml`;
}
