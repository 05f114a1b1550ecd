import type { Actor, RestAnswer } from './actor.js';
import type { CreationOptions, Oddities, RequestOptions, SoftwareAuthenticator } from './software-authenticator.js';

/** The options for creating a passkey. */
export async function creationOptions(actor: Actor, code?: string): Promise<CreationOptions> {
  const { password } = actor.credentials;
  const { status, body } = await actor.rest('POST', '/auth/passkeys/options', { password, code });
  if (status !== 200) throw new Error(`No passkey was asked for: ${JSON.stringify(body)}`);
  return body.data as CreationOptions;
}

/** The options for logging in with a passkey. */
export async function requestOptions(actor: Actor): Promise<RequestOptions> {
  const { body } = await actor.rest('POST', '/auth/passkeys/login/options');
  return body.data as RequestOptions;
}

/** @returns the id of the passkey */
export async function registerPasskey(actor: Actor, authenticator: SoftwareAuthenticator): Promise<string> {
  const credential = authenticator.create(await creationOptions(actor), actor.url);
  const { status, body } = await actor.rest('POST', '/auth/passkeys', { name: 'phone', credential });
  if (status !== 200) throw new Error(`The passkey was refused: ${JSON.stringify(body)}`);
  return (body.data as { passkey_id: string }).passkey_id;
}

export async function loginByPasskey(
  actor: Actor,
  authenticator: SoftwareAuthenticator,
  oddities: Oddities = {},
): Promise<RestAnswer> {
  return answerLogin(actor, authenticator.get(await requestOptions(actor), actor.url, oddities));
}

export function answerLogin(actor: Actor, credential: object): Promise<RestAnswer> {
  return actor.rest('POST', '/auth/passkeys/login', { credential });
}
