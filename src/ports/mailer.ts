/** A mail to one person, as text and HTML: a mail client shows the one that it supports. */
export interface Mail {
  /** One address and nothing else: no name, no list. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** A complete HTML document with inline styles and no external resources. */
  readonly html: string;
}

export interface Mailer {
  /** For the start-up log, as `SMTP at mail.example.com:587`; without credentials. */
  readonly description: string;
  /**
   * Hands a mail over for delivery.
   * @returns `refused` when the address is not accepted: a retry would not help
   * @throws Error when it could not be handed over, and a later try may succeed
   */
  send(mail: Mail): Promise<'sent' | 'refused'>;
}
