import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';

/** Chromium's paths in Linux distributions; `CHROMIUM_PATH` overrides them. */
const PLACES = [
  process.env['CHROMIUM_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The installed Chromium; undefined when there is none. */
export const chromiumPath = PLACES.find((path) => path !== undefined && existsSync(path));

export interface OpenedPage {
  readonly page: Page;
  /** Every URL outside of its origins that the page requested; all were blocked. */
  readonly foreign: readonly string[];
  /** Uncaught errors and errors on the console, violations of the content security policy included. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** A page that can reach only these origins. */
export async function openPage(...origins: readonly [string, ...string[]]): Promise<OpenedPage> {
  const browser: Browser = await chromium.launch({
    ...(chromiumPath !== undefined && { executablePath: chromiumPath }),
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
  const page = await browser.newPage();
  const foreign: string[] = [];
  const complaints: string[] = [];
  await page.route(
    (url) => !origins.includes(url.origin) && url.protocol !== 'data:',
    async (route) => {
      foreign.push(route.request().url());
      await route.abort();
    },
  );
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, foreign, complaints, close: () => browser.close() };
}
