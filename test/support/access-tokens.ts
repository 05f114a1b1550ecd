import type { Actor } from './actor.js';

export interface MadeToken {
  readonly id: string;
  readonly token: string;
}

/** A new personal access token of the actor's. */
export async function makeToken(actor: Actor, scopes: readonly string[], more: object = {}): Promise<MadeToken> {
  const { password } = actor.credentials;
  const { createPersonalAccessToken } = await actor.ask<{ createPersonalAccessToken: MadeToken }>(
    'mutation ($input: CreatePersonalAccessTokenInput!) { createPersonalAccessToken(input: $input) { id token } }',
    { input: { name: 'a script', scopes, password, ...more } },
  );
  return createPersonalAccessToken;
}
