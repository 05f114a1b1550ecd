import { mailSender, smtpUrl } from './readers.js';
import { optional, secret, type Topic } from './setting.js';

export const mailSettings = {
  title: 'Mail',
  settings: {
    mail: {
      smtpUrl: secret('SMTP_URL', smtpUrl, {
        description: 'URL of a mail server. Default: each mail is written to a file in DATA_DIR/mail.',
        example: 'smtp://user:password@localhost:587',
      }),
      from: optional('MAIL_FROM', mailSender, {
        description: 'Sender of all mail: one address. Required in production if SMTP_URL is set.',
        example: 'Flynkle <no-reply@example.com>',
      }),
    },
  },
} satisfies Topic;
