import { mailSender, url } from './readers.js';
import { optional, type Topic } from './setting.js';

export const mailSettings = {
  title: 'Mail',
  settings: {
    mail: {
      smtpUrl: optional('SMTP_URL', url('smtp:', 'smtps:'), {
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
