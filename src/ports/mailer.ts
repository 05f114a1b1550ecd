/** A mail to one person, in both forms: a mail client shows the one that it can. */
export interface Mail {
  /** One address and nothing else: no name, no list. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** A whole document, with its styles inline and nothing from outside. */
  readonly html: string;
}

export interface Mailer {
  /** For the start-up log, as `SMTP at mail.example.com:587`; without credentials. */
  readonly description: string;
  /**
   * Hands a mail over for delivery.
   * @returns `refused` when the address will not do: to try again would not help
   * @throws Error when it could not be handed over, and a later try may succeed
   */
  send(mail: Mail): Promise<'sent' | 'refused'>;
}
