import { randomUUID } from 'node:crypto';
import { Conflict, Invalid } from '../../../kernel/errors.js';
import type { SecretBox } from '../../../kernel/secret-box.js';
import type { Timers } from '../../../kernel/timers.js';
import { sha256 } from '../../../kernel/token.js';
import type { Database, Sql } from '../../../ports/database.js';
import { withKeyedAct, type KeyedAct } from '../../../ports/keyed-act.js';
import type { CalledField, Fingerprints } from './fingerprint.js';
import type { Claim, IdempotencyRepository, KeyId } from './idempotency.repository.js';
import { errorOutcome, isAnswer, RepeatedError, type Outcome } from './outcome.js';
import { pack, unpack } from './stored-value.js';

/** A key whose call has not renewed it for so long may be taken over: its instance may be dead. */
const CLAIM_SECONDS = 5;
const RENEW_MS = 1_500;
/** Longest wait for the first call with a key, after which the client is sent away to come back. */
const PATIENCE_MS = 20_000;
/** Between two looks at a key under which another instance acts: doubled each time, up to the maximum. */
const POLL_MS = { first: 25, most: 400 };
const RETRY_AFTER_SECONDS = 1;

/** Printable ASCII, which every door can carry. */
const KEY = /^[\x20-\x7e]{1,255}$/;

/** A field that a request with a key calls. */
export interface KeyedField extends CalledField {
  readonly userId: string;
  /**
   * Whether the call goes on when its act is stored. Such a call stores what it came to by itself ({@link KeyedAct.remember});
   * all that any other changes is one transaction with its outcome.
   */
  readonly goesOn: boolean;
}

export interface KeyedRequest {
  /** Does what `act` does for the first of all calls with this key, and gives the same answer to all. */
  call(field: KeyedField, act: () => Promise<unknown>): Promise<unknown>;
}

/** The request that a key came with. */
export interface Repeatable {
  readonly key: string;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Called when the answer is that of an earlier request. */
  readonly onReplay: () => void;
}

interface IdempotencyServiceNeeds {
  readonly database: Pick<Database, 'act' | 'query'>;
  readonly repository: IdempotencyRepository;
  readonly fingerprints: Fingerprints;
  readonly box: SecretBox;
  readonly timers: Timers;
}

/** Lets requests with an `Idempotency-Key` act once, however often they are sent (docs/decisions/0051). */
export class IdempotencyService {
  /** The keys that are acted under on this instance: each promise resolves when that is over. */
  readonly #here = new Map<string, Promise<void>>();

  constructor(private readonly needs: IdempotencyServiceNeeds) {}

  /** A request may call several fields, one after the other: each has a key of its own, by its place. */
  request(request: Repeatable): KeyedRequest {
    let place = 0;
    return { call: (field, act) => this.#call(request, place++, field, act) };
  }

  async #call(request: Repeatable, place: number, field: KeyedField, act: () => Promise<unknown>): Promise<unknown> {
    const id = { userId: field.userId, key: sha256(`${place} ${textOf(request.key)}`) };
    const [fingerprint, ...older] = this.needs.fingerprints.of(field);
    const { timers } = this.needs;
    const until = timers.now() + PATIENCE_MS;
    for (let delay = POLL_MS.first; ; delay = Math.min(2 * delay, POLL_MS.most)) {
      await this.#free(id, until, request.signal);
      const claim = { ...id, claim: randomUUID() };
      const found = await this.needs.repository.claim(claim, fingerprint, CLAIM_SECONDS);
      if (found?.isClaimed === true) {
        const first = await this.#actFirst(claim, field, act);
        if (first !== TAKEN_OVER) return first.result;
      } else if (found !== null) {
        if (![fingerprint, ...older].some((known) => known.equals(found.fingerprint))) {
          throw new Conflict('This Idempotency-Key was used for another call');
        }
        if (found.outcome !== null) {
          return this.#answerAgain(id, this.#open(id, found.outcome), request.onReplay, act);
        }
      }
      if (timers.now() >= until || request.signal.aborted) {
        const message = 'The first call with this Idempotency-Key is still under way';
        throw new Conflict(message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
      }
      await timers.sleep(delay, request.signal);
    }
  }

  /** @returns how many keys were too old, and are removed */
  sweep(): Promise<number> {
    return this.needs.repository.deleteOld();
  }

  /** For a start while no other instance is running: no call is under way. */
  releaseAll(): Promise<void> {
    return this.needs.repository.releaseAll();
  }

  /** Waits until no call on this instance acts under the key, or patience is over. */
  async #free(id: KeyId, until: number, signal: AbortSignal): Promise<void> {
    const { timers } = this.needs;
    for (let underWay; (underWay = this.#here.get(nameOf(id))) !== undefined;) {
      const left = until - timers.now();
      if (left <= 0 || signal.aborted) return;
      const over = new AbortController();
      await Promise.race([underWay, timers.sleep(left, AbortSignal.any([signal, over.signal]))]);
      over.abort();
    }
  }

  async #actFirst(
    claim: Claim,
    field: KeyedField,
    act: () => Promise<unknown>,
  ): Promise<{ readonly result: unknown } | typeof TAKEN_OVER> {
    const name = nameOf(claim);
    const over = Promise.withResolvers<undefined>();
    this.#here.set(name, over.promise);
    const renewal = setInterval(() => {
      // One that fails is made up for by the next, or whoever takes the key over keeps this call from storing anything.
      this.needs.repository.renew(claim, CLAIM_SECONDS).catch(() => undefined);
    }, RENEW_MS);
    const leave = () => {
      clearInterval(renewal);
      if (this.#here.get(name) === over.promise) this.#here.delete(name);
      over.resolve(undefined);
    };
    try {
      return { result: await (field.goesOn ? this.#actAndGoOn(claim, act, leave) : this.#actAtOnce(claim, act)) };
    } catch (error) {
      if (error instanceof TakenOver) return TAKEN_OVER;
      throw error;
    } finally {
      leave();
    }
  }

  /** All that `act` changes, and what it came to, is one transaction. */
  async #actAtOnce(claim: Claim, act: () => Promise<unknown>): Promise<unknown> {
    const { database, repository } = this.needs;
    const ended = await database
      .act(
        () => answerOf(act),
        async (sql, answer) => {
          const outcome: Outcome | null =
            'error' in answer ? errorOutcome(answer.error) : { kind: 'result', result: answer.result };
          if (outcome === null) await repository.release(sql, claim);
          else await this.#store(sql, claim, outcome);
        },
      )
      .catch(async (error: unknown) => {
        // An outcome that is stored after all, in a transaction whose answer was lost, stays.
        await repository.release(database, claim).catch(() => undefined);
        throw error;
      });
    if ('error' in ended) throw ended.error;
    return ended.result;
  }

  /** @param leave lets others look at the key */
  async #actAndGoOn(claim: Claim, act: () => Promise<unknown>, leave: () => void): Promise<unknown> {
    const { database, repository } = this.needs;
    const progress = { hasActed: false };
    const keyed = this.#keyedAct(claim, undefined, async (sql, memento, replyId) => {
      await this.#store(sql, claim, { kind: 'memento', memento }, replyId);
      progress.hasActed = true;
      // They see it as soon as the transaction is through.
      leave();
    });
    try {
      return await withKeyedAct(keyed, act);
    } catch (error) {
      const outcome = isAnswer(error) ? errorOutcome(error) : null;
      if (outcome !== null && !progress.hasActed) await this.#store(database, claim, outcome);
      throw error;
    } finally {
      await repository.release(database, claim).catch(() => undefined);
    }
  }

  #answerAgain(id: KeyId, outcome: Outcome, onReplay: () => void, act: () => Promise<unknown>): Promise<unknown> {
    if (outcome.kind === 'memento') return this.#answerFromMemento(id, outcome.memento, onReplay, act);
    onReplay();
    return outcome.kind === 'result' ? Promise.resolve(outcome.result) : Promise.reject(new RepeatedError(outcome));
  }

  /** An error counts as the earlier answer only where the key is still kept: where it is not, the next call acts. */
  async #answerFromMemento(
    id: KeyId,
    memento: unknown,
    onReplay: () => void,
    act: () => Promise<unknown>,
  ): Promise<unknown> {
    const refuse = () => Promise.reject(new Error('A call that was remembered does not act'));
    const keyed = this.#keyedAct(id, memento, refuse);
    try {
      const result = await withKeyedAct(keyed, act);
      onReplay();
      return result;
    } catch (error) {
      if ((await keyed.reread().catch(() => undefined)) !== undefined) onReplay();
      throw error;
    }
  }

  #keyedAct(id: KeyId | Claim, remembered: unknown, remember: KeyedAct['remember']): KeyedAct {
    return {
      remembered,
      remember,
      amend: async (sql, memento) => {
        // Nobody asks any more where the key has been removed meanwhile.
        if ('claim' in id)
          await this.needs.repository.store(sql, id, this.#seal(id, { kind: 'memento', memento }), null);
      },
      reread: async () => {
        const found = await this.needs.repository.find(id);
        if (found?.outcome == null) return undefined;
        const outcome = this.#open(id, found.outcome);
        return outcome.kind === 'memento' ? outcome.memento : undefined;
      },
    };
  }

  async #store(sql: Pick<Sql, 'query'>, claim: Claim, outcome: Outcome, replyId?: string): Promise<void> {
    if (!(await this.needs.repository.store(sql, claim, this.#seal(claim, outcome), replyId ?? null))) {
      throw new TakenOver('Another call acts under this Idempotency-Key');
    }
  }

  /** Encrypted, since a result may be a secret of which the database has nothing but a hash. */
  #seal(id: KeyId, outcome: Outcome): Uint8Array {
    return this.needs.box.seal(nameOf(id), Buffer.from(pack(outcome)));
  }

  #open(id: KeyId, sealed: Uint8Array): Outcome {
    const text = this.needs.box.open(nameOf(id), sealed);
    if (text === null) throw new Conflict('The answer to this Idempotency-Key can no longer be read');
    return unpack(text.toString()) as Outcome;
  }
}

/** Another instance took this one for dead, and acts in its place: what this one did is rolled back. */
class TakenOver extends Error {}
const TAKEN_OVER = Symbol('taken over');

type Answer = { readonly result: unknown } | { readonly error: Parameters<typeof errorOutcome>[0] };

async function answerOf(act: () => Promise<unknown>): Promise<Answer> {
  try {
    return { result: await act() };
  } catch (error) {
    if (isAnswer(error)) return { error };
    throw error;
  }
}

/** @throws Invalid */
function textOf(key: string): string {
  // A header may have it in quotes, as a string of RFC 9651.
  const text = /^"(.*)"$/s.exec(key)?.[1] ?? key;
  if (KEY.test(text)) return text;
  throw new Invalid([{ field: 'idempotencyKey', message: 'must have 1 to 255 printable ASCII characters' }]);
}

function nameOf({ userId, key }: KeyId): string {
  return `${userId} ${Buffer.from(key).toString('base64url')}`;
}
