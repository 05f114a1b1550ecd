import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { read } from 'read';
import { password } from '../features/identity/accounts/accounts.rules.js';
import { Canceled, UsageError } from './failures.js';

const MAX_TRIES = 3;

export interface PromptStreams {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** Output for questions; separate from results, which may go to a file. */
  readonly output: NodeJS.WritableStream;
}

/** Asks the person at the terminal; without a terminal, a password is read from standard input. */
export class Prompts {
  readonly #input: PromptStreams['input'];
  readonly #output: PromptStreams['output'];

  constructor({ input, output }: PromptStreams) {
    this.#input = input;
    this.#output = output;
  }

  /** Asks twice, without echo, until the password is valid; or reads one line from a pipe. @throws UsageError; Canceled */
  async newPassword(): Promise<string> {
    if (this.#input.isTTY !== true) return this.#pipedPassword();
    for (let number = 1; number <= MAX_TRIES; number++) {
      const first = await this.#ask('New password:', true);
      const fault = passwordFault(first) ?? ((await this.#ask('The same again:', true)) === first ? null : 'differs');
      if (fault === null) return first;
      this.#output.write(fault === 'differs' ? 'That was another one.\n' : `That password ${fault}.\n`);
    }
    throw new UsageError('no password was set');
  }

  /** @throws UsageError without a terminal; Canceled */
  async confirm(question: string): Promise<boolean> {
    if (this.#input.isTTY !== true)
      throw new UsageError(`${question} Nobody can be asked whether that is meant: add --yes`);
    return /^y(es)?$/i.test((await this.#ask(`${question} [y/N]`, false)).trim());
  }

  async #pipedPassword(): Promise<string> {
    const line = (await text(this.#input)).replace(/\r?\n$/, '');
    if (line === '') throw new UsageError('no password came on standard input; --generate makes one');
    if (/[\r\n]/.test(line)) throw new UsageError('standard input is more than a line: it is to be the password alone');
    const fault = passwordFault(line);
    if (fault !== null) throw new UsageError(`the password ${fault}`);
    return line;
  }

  async #ask(prompt: string, silent: boolean): Promise<string> {
    // The end of input (Ctrl-D) ends the reading without an answer: it pauses the input, as an answer does a moment later.
    const over = once(this.#input, 'pause').then(() => new Promise<null>((resolve) => setImmediate(resolve, null)));
    const options = { input: this.#input, output: this.#output, terminal: true, prompt, silent };
    const answer = await Promise.race([read(options).catch(() => null), over]);
    if (silent || answer === null) this.#output.write('\n');
    if (answer === null) throw new Canceled();
    return answer;
  }
}

/** Why a password is refused, as "is too common"; null when it is valid. */
function passwordFault(value: string): string | null {
  return password().safeParse(value).error?.issues[0]?.message ?? null;
}
