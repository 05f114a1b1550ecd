import { GraphQLJSONObject } from 'graphql-scalars';
import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { IdempotentByItself } from '../../../graphql/idempotency.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { AuthTokens } from '../sessions/session.type.js';
import type { Tokens } from '../sessions/sessions.service.js';
import { MAX_NAME_LENGTH, MAX_PASSKEYS, type LoginAnswer, type PasskeyRow } from './passkey.js';
import { FinishPasskeyRegistrationInput, Passkey, StartPasskeyRegistrationInput } from './passkey.type.js';
import { descriptions } from './passkeys.descriptions.js';
import { routes } from './passkeys.routes.js';
import { finishLoginRules, finishRegistrationRules, renameRules, startRegistrationRules } from './passkeys.rules.js';
import type { PasskeysService } from './passkeys.service.js';
import type { PasskeyOptions } from './relying-party.js';

@Resolver()
export class PasskeysResolver {
  constructor(private readonly service: PasskeysService) {}

  @Operation('user')
  @Rest(routes.listPasskeys)
  @Query(() => [Passkey], { description: `The caller's passkeys, oldest first; at most ${MAX_PASSKEYS}.` })
  passkeys(@CurrentViewer() viewer: Viewer): Promise<readonly PasskeyRow[]> {
    return this.service.list(viewer);
  }

  @Operation('user', startRegistrationRules)
  @IdempotentByItself('it only begins: a repeat begins anew, with a challenge of its own')
  @Rest(routes.startPasskeyRegistration)
  @Mutation(() => GraphQLJSONObject, { description: descriptions.startPasskeyRegistration })
  startPasskeyRegistration(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => StartPasskeyRegistrationInput) input: StartPasskeyRegistrationInput,
  ): Promise<PasskeyOptions> {
    return this.service.startRegistration(viewer, { password: input.password ?? null, code: input.code ?? null });
  }

  @Operation('user', finishRegistrationRules)
  @Rest(routes.finishPasskeyRegistration)
  @Mutation(() => Passkey, { description: descriptions.finishPasskeyRegistration })
  finishPasskeyRegistration(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => FinishPasskeyRegistrationInput) { name, credential }: FinishPasskeyRegistrationInput,
  ): Promise<PasskeyRow> {
    return this.service.finishRegistration(viewer, name, credential);
  }

  @Operation('user', renameRules)
  @Rest(routes.renamePasskey)
  @Mutation(() => Passkey, { description: "Renames one of the caller's passkeys. NOT_FOUND for anyone else's." })
  renamePasskey(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @Arg('name', () => String, { description: `From 1 to ${MAX_NAME_LENGTH} characters.` }) name: string,
  ): Promise<PasskeyRow> {
    return this.service.rename(viewer, id, name);
  }

  @Operation('user', idRules)
  @Rest(routes.deletePasskey)
  @Mutation(() => Passkey, { description: descriptions.deletePasskey })
  deletePasskey(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<PasskeyRow> {
    return this.service.delete(viewer, id);
  }

  @Operation('anyone')
  @Rest(routes.startPasskeyLogin)
  @Mutation(() => GraphQLJSONObject, { description: descriptions.startPasskeyLogin })
  startPasskeyLogin(@Ctx() context: RequestContext): Promise<PasskeyOptions> {
    return this.service.startLogin(context.client);
  }

  @Operation('anyone', finishLoginRules)
  @Rest(routes.finishPasskeyLogin)
  @Mutation(() => AuthTokens, { description: descriptions.finishPasskeyLogin })
  finishPasskeyLogin(
    @Ctx() context: RequestContext,
    @Arg('credential', () => GraphQLJSONObject, { description: descriptions.loginAnswer })
    credential: LoginAnswer,
  ): Promise<Tokens> {
    return this.service.finishLogin(credential, context.client);
  }
}
