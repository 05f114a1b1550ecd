import type { Attack, AttackKind } from './attack.js';
import { dataOf, send, signUp } from './attack.js';

const PAGE = '<script>alert(1)</script>';
const FILES: readonly (readonly [name: string, type: string, content: string])[] = [
  ['page.html', 'text/html', PAGE],
  ['picture.svg', 'image/svg+xml', `<svg xmlns="http://www.w3.org/2000/svg">${PAGE}</svg>`],
  ['picture.gif', 'image/gif', `GIF89a${PAGE}`],
  ['code.js', 'text/javascript', 'alert(1)'],
  ['page.xhtml', 'application/xhtml+xml', PAGE],
  ['sheet.xml', 'text/xml', '<?xml-stylesheet href="javascript:alert(1)"?><a/>'],
  ['../../../etc/passwd', 'text/plain', 'x'],
  ['..\\..\\windows\\win.ini', 'text/plain', 'x'],
  ['/etc/passwd', 'text/plain', 'x'],
  ['a\u202egnp.exe', 'image/png', 'MZ'],
  ['a\u0000.png', 'image/png', 'x'],
  ['CON', 'text/plain', 'x'],
  ['.htaccess', 'text/plain', 'x'],
  [`${'x'.repeat(5_000)}.txt`, 'text/plain', 'x'],
  ['"; filename="b.html', 'text/plain', 'x'],
  ['a\r\nx-injected: 1.txt', 'text/plain', 'x'],
  ['empty.txt', 'text/plain', ''],
  ['type.txt', 'text/html\r\nx-injected: 1', 'x'],
  ['type.txt', 'not a type', 'x'],
  ['😀'.repeat(200), 'text/plain', 'x'],
];

/** An uploaded file must never run as a page of the service, nor change the headers of the answer. */
export const files: AttackKind = {
  name: 'files',
  async attacks(service) {
    const { headers } = await signUp(service);
    return FILES.map(([name, type, content]): Attack => ({
      name: `${JSON.stringify(name.slice(0, 40))} as ${JSON.stringify(type)}`,
      run: async () => {
        const form = new FormData();
        form.append('file', new File([content], name, { type }));
        const stored = await send(service, 'POST', '/api/v1/uploads', { body: form, headers });
        if (stored.status >= 400 && stored.status < 500) return undefined;
        if (stored.status !== 200) return `answered ${stored.status.toString()}`;
        const { pathname } = new URL(String(dataOf(stored)['url']));
        const got = await send(service, 'GET', pathname);
        const isDownload = got.headers.get('content-disposition')?.startsWith('attachment') === true;
        const isPlain = got.headers.get('x-content-type-options') === 'nosniff';
        const isInjected = got.headers.has('x-injected') || stored.headers.has('x-injected');
        return isDownload && isPlain && !isInjected ? undefined : JSON.stringify([...got.headers]);
      },
    }));
  },
};
