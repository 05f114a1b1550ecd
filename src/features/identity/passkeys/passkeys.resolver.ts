import { GraphQLJSONObject } from 'graphql-scalars';
import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { RestError } from '../../../rest/answers.js';
import { Rest } from '../../../rest/route.js';
import { body, path } from '../../../rest/sources.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { idRules } from '../accounts/accounts.rules.js';
import {
  INVALID_CODE,
  RECENT_LOGIN_REQUIRED,
  TOO_MANY_CODES,
  TOO_MANY_LOGINS,
} from '../second-factor/second-factor.type.js';
import { AuthTokens } from '../sessions/session.type.js';
import type { Tokens } from '../sessions/sessions.service.js';
import type { LoginAnswer, PasskeyRow } from './passkey.js';
import { FinishPasskeyRegistrationInput, Passkey, StartPasskeyRegistrationInput } from './passkey.type.js';
import { finishLoginRules, finishRegistrationRules, renameRules, startRegistrationRules } from './passkeys.rules.js';
import type { PasskeysService } from './passkeys.service.js';
import type { PasskeyOptions } from './relying-party.js';

const tag = 'Passkeys';
const byId = { id: path('passkey_id') };
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Passkey not found' };
const TOO_MANY_PASSKEYS: RestError = { code: 'CONFLICT', message: 'Too many passkeys' };

@Resolver()
export class PasskeysResolver {
  constructor(private readonly service: PasskeysService) {}

  @Operation('user')
  @Rest({
    method: 'GET',
    path: '/auth/passkeys',
    operationId: 'listPasskeys',
    summary: 'List passkeys, oldest first',
    tag,
  })
  @Query(() => [Passkey], { description: "The caller's passkeys, oldest first; at most 20." })
  passkeys(@CurrentViewer() viewer: Viewer): Promise<readonly PasskeyRow[]> {
    return this.service.list(viewer);
  }

  @Operation('user', startRegistrationRules)
  @Rest({
    method: 'POST',
    path: '/auth/passkeys/options',
    operationId: 'startPasskeyRegistration',
    summary: 'Begin to add a passkey',
    tag,
    arguments: { input: body() },
    errors: [INVALID_CODE, TOO_MANY_CODES, TOO_MANY_LOGINS, RECENT_LOGIN_REQUIRED, TOO_MANY_PASSKEYS],
  })
  @Mutation(() => GraphQLJSONObject, {
    description:
      'What to ask the browser for a passkey with: `navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(...) })`. Good for five minutes and one answer. BAD_USER_INPUT without the right password, and, while a second factor is on, without a code of it; a user without a password has to have logged in within ten minutes, FORBIDDEN `Recent login required`. RATE_LIMITED after too many tries; CONFLICT with 20 passkeys.',
  })
  startPasskeyRegistration(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => StartPasskeyRegistrationInput) input: StartPasskeyRegistrationInput,
  ): Promise<PasskeyOptions> {
    return this.service.startRegistration(viewer, { password: input.password ?? null, code: input.code ?? null });
  }

  @Operation('user', finishRegistrationRules)
  @Rest({
    method: 'POST',
    path: '/auth/passkeys',
    operationId: 'finishPasskeyRegistration',
    summary: 'Add a passkey',
    tag,
    arguments: { input: body() },
    errors: [
      { code: 'BAD_USER_INPUT', status: 400, message: 'Invalid passkey' },
      { code: 'CONFLICT', message: 'Passkey already registered' },
      TOO_MANY_PASSKEYS,
    ],
  })
  @Mutation(() => Passkey, {
    description:
      'Adds the passkey that the browser made for `startPasskeyRegistration`. BAD_USER_INPUT `Invalid passkey` when the answer is not good: another challenge, a used or an old one, another origin, a user who was not verified. CONFLICT when it is registered already.',
  })
  finishPasskeyRegistration(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => FinishPasskeyRegistrationInput) { name, credential }: FinishPasskeyRegistrationInput,
  ): Promise<PasskeyRow> {
    return this.service.finishRegistration(viewer, name, credential);
  }

  @Operation('user', idRules.extend(renameRules.shape))
  @Rest({
    method: 'PATCH',
    path: '/auth/passkeys/{passkey_id}',
    operationId: 'renamePasskey',
    summary: 'Call a passkey something else',
    tag,
    arguments: { ...byId, name: body() },
    errors: [NOT_FOUND],
  })
  @Mutation(() => Passkey, { description: "Renames one of the caller's passkeys. NOT_FOUND for anyone else's." })
  renamePasskey(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @Arg('name', () => String, { description: 'From 1 to 64 characters.' }) name: string,
  ): Promise<PasskeyRow> {
    return this.service.rename(viewer, id, name);
  }

  @Operation('user', idRules)
  @Rest({
    method: 'DELETE',
    path: '/auth/passkeys/{passkey_id}',
    operationId: 'deletePasskey',
    summary: 'Remove a passkey',
    tag,
    arguments: byId,
    errors: [NOT_FOUND],
  })
  @Mutation(() => Passkey, {
    description:
      "Removes one of the caller's passkeys and answers it as it was: no login is possible with it from then on; sessions go on. NOT_FOUND for anyone else's.",
  })
  deletePasskey(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<PasskeyRow> {
    return this.service.delete(viewer, id);
  }

  @Operation('anyone')
  @Rest({
    method: 'POST',
    path: '/auth/passkeys/login/options',
    operationId: 'startPasskeyLogin',
    summary: 'Begin a login with a passkey',
    tag,
    errors: [TOO_MANY_LOGINS],
  })
  @Mutation(() => GraphQLJSONObject, {
    description:
      'What to ask the browser for any passkey of this service with: `navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(...) })`. Good for five minutes and one answer. RATE_LIMITED after too many from a client.',
  })
  startPasskeyLogin(@Ctx() context: RequestContext): Promise<PasskeyOptions> {
    return this.service.startLogin(context.client);
  }

  @Operation('anyone', finishLoginRules)
  @Rest({
    method: 'POST',
    path: '/auth/passkeys/login',
    operationId: 'finishPasskeyLogin',
    summary: 'Log in with a passkey',
    tag,
    arguments: { credential: body() },
    errors: [
      { code: 'UNAUTHENTICATED', message: 'Invalid passkey' },
      { code: 'UNAUTHENTICATED', message: 'Invalid credentials' },
      { code: 'FORBIDDEN', message: 'Account disabled' },
    ],
  })
  @Mutation(() => AuthTokens, {
    description:
      'Opens a session for the user of the passkey that the browser answered `startPasskeyLogin` with; no second factor is asked for. UNAUTHENTICATED `Invalid passkey` when anything about the answer is not good: ask for another one. FORBIDDEN `Account disabled`.',
  })
  finishPasskeyLogin(
    @Ctx() context: RequestContext,
    @Arg('credential', () => GraphQLJSONObject, {
      description: 'What `navigator.credentials.get` gave, as its `toJSON()` gives it. At most 16,384 bytes.',
    })
    credential: LoginAnswer,
  ): Promise<Tokens> {
    return this.service.finishLogin(credential, context.client);
  }
}
