import { TOTP, URI } from 'otpauth';
import { systemClock, type Clock } from '../../src/kernel/clock.js';
import type { Actor, GraphQLAnswer, RestAnswer } from './actor.js';
import type { TestApp } from './app.js';

const ENROL = `mutation ($input: EnrolSecondFactorInput!) {
  enrolSecondFactor(input: $input) { secret uri qrCode expiresAt }
}`;
const CONFIRM = 'mutation ($code: String!) { confirmSecondFactor(code: $code) { recoveryCodes } }';
const COMPLETE = `mutation ($input: CompleteLoginInput!) {
  completeLogin(input: $input) { accessToken refreshToken expiresIn }
}`;
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }';

export interface Enrolment {
  readonly secret: string;
  readonly uri: string;
  readonly qrCode: string;
  readonly expiresAt: string;
}

/** An authenticator app: it knows the secret of the QR code, and the time. */
export class Authenticator {
  readonly #totp: TOTP;

  constructor(
    uri: string,
    private readonly clock: Clock = systemClock,
  ) {
    const read = URI.parse(uri);
    if (!(read instanceof TOTP)) throw new Error('The URI is not one of a TOTP');
    this.#totp = read;
  }

  get secretHex(): string {
    return this.#totp.secret.hex;
  }

  /** @param steps how many codes ahead: one step is accepted, since clocks differ */
  code(steps = 0): string {
    return this.#totp.generate({ timestamp: this.clock.now().getTime() + steps * 30_000 });
  }

  /** Six digits that are not the code of any step around the present. */
  wrongCode(): string {
    const right = new Set([-3, -2, -1, 0, 1, 2, 3].map((steps) => this.code(steps)));
    const wrong = Array.from({ length: 8 }, (_, number) => String(number).repeat(6)).find((code) => !right.has(code));
    return wrong ?? '';
  }
}

export async function enrol(actor: Actor, code?: string): Promise<Enrolment> {
  const { password } = actor.credentials;
  const { enrolSecondFactor } = await actor.ask<{ enrolSecondFactor: Enrolment }>(ENROL, { input: { password, code } });
  return enrolSecondFactor;
}

export async function confirm(actor: Actor, code: string): Promise<readonly string[]> {
  const { confirmSecondFactor } = await actor.ask<{ confirmSecondFactor: { recoveryCodes: string[] } }>(CONFIRM, {
    code,
  });
  return confirmSecondFactor.recoveryCodes;
}

/** Turns a user's second factor on. */
export async function protect(
  actor: Actor,
): Promise<{ readonly app: Authenticator; readonly confirmation: string; readonly recoveryCodes: readonly string[] }> {
  const { uri } = await enrol(actor);
  const app = new Authenticator(uri);
  const confirmation = app.code();
  return { app, confirmation, recoveryCodes: await confirm(actor, confirmation) };
}

/** Forgets the time step of the last accepted code, so that the current code is accepted again. */
export async function forgetUsedStep({ database }: Pick<TestApp, 'database'>, userId: string): Promise<void> {
  await database.query('UPDATE second_factors SET last_used_step = 0 WHERE user_id = $1', [userId]);
}

/** Logs in with the password, which asks for the second factor. */
export async function challengeOf(actor: Actor): Promise<string> {
  const { errors } = await actor.graphql(LOGIN, { input: actor.credentials });
  const secondFactor = errors?.[0]?.extensions['secondFactor'] as { readonly challenge: string } | undefined;
  if (secondFactor === undefined) throw new Error(`No second factor was asked for: ${JSON.stringify(errors)}`);
  return secondFactor.challenge;
}

export function complete(
  actor: Actor,
  challenge: string,
  code: string,
): Promise<GraphQLAnswer<{ completeLogin: { accessToken: string; refreshToken: string; expiresIn: number } }>> {
  return actor.graphql(COMPLETE, { input: { challenge, code } });
}

export function completeOverRest(actor: Actor, challenge: string, code: string): Promise<RestAnswer> {
  return actor.rest('POST', '/auth/second-factor', { challenge, code });
}
