import { mailSender, url } from './readers.js';
import { optional, type Topic } from './setting.js';

export const mailSettings = {
  title: 'Mail',
  settings: {
    mail: {
      smtpUrl: optional('SMTP_URL', url('smtp:', 'smtps:'), {
        description: 'A mail server. Unless set, each mail is a file in DATA_DIR/mail.',
        example: 'smtp://user:password@localhost:587',
      }),
      from: optional('MAIL_FROM', mailSender, {
        description: 'Sender of the mails: one address. Required in production together with SMTP_URL.',
        example: 'Flynkle <no-reply@example.com>',
      }),
    },
  },
} satisfies Topic;
