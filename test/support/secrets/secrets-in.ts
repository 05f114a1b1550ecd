import type { Environment } from '../../../src/config/setting.js';
import type { Secret } from './secret-search.js';

/** Keys of JSON, arguments of GraphQL and parameters of a URL by what they hold. */
const KINDS: readonly (readonly [kind: string, key: RegExp])[] = [
  ['password', /password/i],
  ['token', /(?:token|secret|ticket|verifier|challenge|key|cookie|state)$/i],
  ['code', /codes?$/i],
  ['text', /^(?:content|message|text|output|prompt)$/i],
];

/** By kind, what is no word that stands in a log for another reason: tests try bad input, too. */
const TELLING: Readonly<Record<string, RegExp>> = {
  password: /^(?!\p{L}*$).{8,}$/su,
  token: /^[\w.+/=-]{16,}$/,
  code: /^(?:\d{6}|[\w-]{16,})$/,
  text: /^(?=.* ).{12,}$/su,
};

/** Tests of bad input send long values of a letter or two, wherever there is room for one. Codes in a mail are shorter. */
const isRepeated = (value: string) => value.length > 6 && new Set(value).size < 5;
const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;

function* secretOf(key: string, value: string): Iterable<Secret> {
  const kind = KINDS.find(([, name]) => name.test(key))?.[0];
  if (kind === undefined || TELLING[kind]?.test(value) !== true || UUID.test(value) || isRepeated(value)) return;
  yield { kind, value };
}

/** Those in the settings of a service, wherever they stand in them. */
export function* secretsInSettings(environment: Environment): Iterable<Secret> {
  for (const [name, value = ''] of Object.entries(environment)) {
    if (value.startsWith('[') || value.startsWith('{')) yield* secretsInJson(value);
    else if (URL.canParse(value)) yield* secretsInAddress(name, value);
    else if (/(?:KEY|SECRET|PASSWORD|TOKEN)$/.test(name))
      for (const key of value.split(',')) yield { kind: name, value: key };
    else if (name.endsWith('HEADERS'))
      for (const [, header = ''] of value.matchAll(/=([^,]+)/g)) yield { kind: name, value: header };
  }
}

function* secretsInAddress(name: string, address: string): Iterable<Secret> {
  const { password } = new URL(address);
  // A password that is a word of every address cannot be told from it.
  if (password !== '' && !address.replace(`:${password}@`, '').includes(password)) {
    yield { kind: `password of ${name}`, value: decodeURIComponent(password) };
  }
}

/** Those in a body of a request, of REST or GraphQL. */
export function* secretsInJson(text: string): Iterable<Secret> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return;
  }
  yield* secretsInValue(body);
}

/** Without recursion, since attacks send values that are nested deeper than the stack is. */
function* secretsInValue(whole: unknown): Iterable<Secret> {
  const waiting: (readonly [key: string, value: unknown])[] = [['', whole]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [key, value] = next;
    if (typeof value === 'string') {
      yield* secretOf(key, value);
      if (key === 'query') yield* secretsInDocument(value);
    } else if (Array.isArray(value)) for (const item of value) waiting.push([key, item]);
    else if (typeof value === 'object' && value !== null) {
      for (const [name, item] of Object.entries(value)) waiting.push([name, item]);
    }
  }
}

function* secretsInDocument(document: string): Iterable<Secret> {
  for (const [, key = '', value = ''] of document.matchAll(/(\w+)\s*:\s*"((?:[^"\\]|\\.)*)"/g)) {
    yield* secretOf(key, value);
  }
}

/** Those that an answer gives: what else is in it, the client sent before, or may be logged. */
export function* secretsInAnswer(text: string): Iterable<Secret> {
  for (const [, key = '', one, list = ''] of text.matchAll(/"(\w+)"\s*:\s*(?:"([^"\\]+)"|\[([^[\]{}]*)\])/g)) {
    const values = one === undefined ? [...list.matchAll(/"([^"\\]+)"/g)].map(([, value = '']) => value) : [one];
    for (const value of values) for (const secret of secretOf(key, value)) if (secret.kind !== 'text') yield secret;
  }
}

/** Those in what a model says. */
export function* secretsInTexts(texts: readonly string[]): Iterable<Secret> {
  for (const text of texts) yield* secretOf('text', text);
}

interface RequestHead {
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** Those in the address and the headers of a request. */
export function* secretsInHead({ url = '', headers }: RequestHead): Iterable<Secret> {
  for (const [key, value] of new URLSearchParams(url.split('?')[1] ?? '')) yield* secretOf(key, value);
  const file = /^\/files\/([\w-]{16,})/.exec(url)?.[1];
  if (file !== undefined) yield { kind: 'address of a file', value: file };
  const [, credentials = ''] = String(headers['authorization'] ?? '').split(' ', 2);
  yield* secretOf('token', credentials);
  yield* secretOf('key', String(headers['x-internal-api-key'] ?? ''));
  for (const cookie of String(headers['cookie'] ?? '').split(';')) {
    yield* secretOf('cookie', cookie.slice(cookie.indexOf('=') + 1).trim());
  }
}
