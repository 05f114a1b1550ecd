import type { Environment } from '../../src/config.js';
import { startTestApp, type TestApp } from './app.js';
import { type Stores } from './servers.js';
import { startMailServer, type MailServer } from './mail-server.js';

export interface TestAppWithMail {
  readonly app: TestApp;
  readonly mailServer: MailServer;
  close(): Promise<void>;
}

/** The service with a mail server on a socket to send by. */
export async function startTestAppWithMail(stores: Stores, others: Environment = {}): Promise<TestAppWithMail> {
  const mailServer = await startMailServer();
  const settings = { SMTP_URL: mailServer.url, MAIL_FROM: 'Flynkle <no-reply@example.com>', ...others };
  const app = await startTestApp({ stores, settings });
  const close = async () => {
    await app.close();
    await mailServer.close();
  };
  return { app, mailServer, close };
}
