/** A secret by its value, or text that belongs to its user alone. */
export interface Secret {
  /** What it is, as `password`. */
  readonly kind: string;
  readonly value: string;
}

/** What secrets look like, whoever made them. */
const SHAPES: readonly (readonly [kind: string, shape: RegExp])[] = [
  ['signed token', /eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}/g],
  ['personal access token', /flk_pat_[0-9A-Za-z]{30,}/g],
  ['token of 256 bits', /(?<![\w./-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{43}(?![\w-])/g],
  ['recovery code', /(?<![\w-])(?:[0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}(?![\w-])/g],
  ['hash of a password', /\$(?:argon2\w*|2[aby])\$[^\s"]+/g],
  ['password in a URL', /\b[a-z][\w+.-]*:\/\/[^\s/:@"]*:(?!\*+@)[^\s/@"]+@/g],
  ['credentials of a request', /\b(?:Bearer|Basic) [\w.~+/-]{16,}=*/g],
  ['key of a model', /\bsk-[\w-]{8,}/g],
  ['private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----/g],
  ['secret of a second factor', /otpauth:\/\/[^\s"]+/g],
];

/** Shorter ones would be found in innocent words. */
const MIN_LENGTH = 6;
/** Whoever quotes a text may cut it short: this much of its beginning is enough. */
const BEGINNING = 24;
const ALL_DIGITS = /^\d+$/;

/** Looks for secrets in lines of a log and the like, whose text is JSON. */
export class SecretSearch {
  /** By their first characters. */
  readonly #secrets = new Map<string, Secret[]>();
  /** Whether a secret begins with these two characters: most places in a text are dismissed by it. */
  readonly #beginnings = new Uint8Array(1 << 16);

  constructor(secrets: Iterable<Secret>) {
    for (const { kind, value } of new Map([...secrets].map((secret) => [secret.value, secret])).values()) {
      // As it stands in JSON.
      const written = JSON.stringify(value)
        .slice(1, -1)
        .slice(0, kind === 'text' ? BEGINNING : undefined);
      if (written.length < MIN_LENGTH) continue;
      const start = written.slice(0, MIN_LENGTH);
      const alike = this.#secrets.get(start);
      if (alike === undefined) this.#secrets.set(start, [{ kind, value: written }]);
      else alike.push({ kind, value: written });
      this.#beginnings[beginningAt(written, 0)] = 1;
    }
  }

  /** A sentence for each line that holds a secret: what it is, and the line without any. */
  in(text: string): string[] {
    const found = [...this.#known(text), ...SHAPES.flatMap(([kind, shape]) => shaped(kind, shape, text))];
    const byLine = Map.groupBy(found, ({ at }) => text.lastIndexOf('\n', at) + 1);
    return [...byLine].map(([start, secrets]) => {
      const end = text.indexOf('\n', start);
      const line = text.slice(start, end === -1 ? undefined : end);
      const [{ kind, value } = { kind: '', value: '' }] = secrets;
      return `a ${kind} (${value.slice(0, 3)}…, ${value.length} characters) in: ${masked(line, secrets)}`;
    });
  }

  *#known(text: string): Iterable<Secret & { readonly at: number }> {
    for (let at = 0; at <= text.length - MIN_LENGTH; at++) {
      if (this.#beginnings[beginningAt(text, at)] === 0) continue;
      for (const secret of this.#secrets.get(text.slice(at, at + MIN_LENGTH)) ?? []) {
        if (text.startsWith(secret.value, at) && isWhole(text, at, secret.value)) yield { ...secret, at };
      }
    }
  }
}

function beginningAt(text: string, at: number): number {
  return ((text.charCodeAt(at) << 8) ^ text.charCodeAt(at + 1)) & 0xffff;
}

/** Whether digits are a code, and no part or value of another number. */
function isWhole(text: string, at: number, value: string): boolean {
  if (!ALL_DIGITS.test(value)) return true;
  return !/[\w.:-]/.test(text.charAt(at - 1)) && !/[\w.-]/.test(text.charAt(at + value.length));
}

function shaped(kind: string, shape: RegExp, text: string) {
  return [...text.matchAll(shape)].map(({ 0: value, index: at }) => ({ kind, value, at }));
}

function masked(line: string, secrets: readonly Secret[]): string {
  return secrets.reduce((rest, { value }) => rest.replaceAll(value, '***'), line);
}
