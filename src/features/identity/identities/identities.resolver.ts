import { Arg, ID, Mutation, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { detail } from '../../../rest/answers.js';
import { Rest } from '../../../rest/route.js';
import { body, path } from '../../../rest/sources.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { finishRules, idRules, startLinkRules } from './identities.rules.js';
import { LAST_WAY_IN, LINKED_ELSEWHERE, type IdentitiesService } from './identities.service.js';
import type { IdentityRow } from './identity.js';
import {
  BAD_STATE,
  FinishProviderLoginInput,
  Identity,
  NOT_VOUCHED_FOR,
  NO_SUCH_PROVIDER,
  PROVIDER_DOWN,
  ProviderLoginStart,
  StartIdentityLinkInput,
  TOO_MANY_STARTS,
  answerOf,
} from './identity.type.js';
import type { ProviderLoginsService, StartedLogin } from './provider-logins.service.js';

interface IdentitiesResolverNeeds {
  readonly service: IdentitiesService;
  readonly logins: ProviderLoginsService;
}

@Resolver()
export class IdentitiesResolver {
  constructor(private readonly needs: IdentitiesResolverNeeds) {}

  @Operation('user')
  @Rest({
    method: 'GET',
    path: '/users/me/identities',
    operationId: 'listIdentities',
    summary: 'List the providers that log one in',
    tag: 'Users',
  })
  @Query(() => [Identity], { description: 'The providers that log the caller in, oldest link first.' })
  identities(@CurrentViewer() viewer: Viewer): Promise<readonly IdentityRow[]> {
    return this.needs.service.list(viewer);
  }

  @Operation('user', startLinkRules)
  @Rest({
    method: 'POST',
    path: '/auth/oidc/{provider}/link',
    operationId: 'startIdentityLink',
    summary: "Begin to link a provider to one's account",
    tag: 'Auth',
    arguments: { input: body({ omit: ['provider'] }), 'input.provider': path('provider') },
    data: {
      schema: {
        type: 'object',
        additionalProperties: false,
        required: ['authorization_url', 'state', 'secret', 'expires_at'],
        properties: {
          authorization_url: { type: 'string', format: 'uri' },
          state: { type: 'string' },
          secret: { type: 'string' },
          expires_at: { type: 'string', format: 'date-time' },
        },
      },
      example: {
        authorization_url: 'https://accounts.example.com/authorize?client_id=flynkle&response_type=code',
        state: 'wq0m3M2Ck7P3d8wq7y1zC0GJvE0m0qf3rVb7t1yq3sA',
        secret: 'n6m8Zr0b3w6m3s6r8Q1yY7bq7y0d1m5cQx8m2v9kT0s',
        expires_at: '2026-01-31T12:10:00.000Z',
      },
      from: ({ authorizationUrl, state, secret, expiresAt }: StartedLogin) => ({
        authorization_url: authorizationUrl,
        state,
        secret,
        expires_at: expiresAt.toISOString(),
      }),
    },
    errors: [
      NO_SUCH_PROVIDER,
      PROVIDER_DOWN,
      TOO_MANY_STARTS,
      { code: 'RATE_LIMITED', message: 'Too many login attempts' },
      { code: 'FORBIDDEN', message: 'Forbidden' },
      { code: 'FORBIDDEN', message: 'Recent login required' },
    ],
  })
  @Mutation(() => ProviderLoginStart, {
    description:
      'Begins a login at a provider that `finishIdentityLink` links to the caller, in the same session. BAD_USER_INPUT without the right password; a user without one has to have logged in within ten minutes, FORBIDDEN `Recent login required`. FORBIDDEN for internal calls; else as `startProviderLogin`.',
  })
  startIdentityLink(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => StartIdentityLinkInput) { provider, redirectUri, password = null }: StartIdentityLinkInput,
  ): Promise<StartedLogin> {
    return this.needs.logins.startLink(viewer, { provider, redirectUri, password });
  }

  @Operation('user', finishRules)
  @Rest({
    method: 'POST',
    path: '/auth/oidc/{provider}/link/finish',
    operationId: 'finishIdentityLink',
    summary: "Link a provider to one's account, logged in there",
    tag: 'Auth',
    arguments: { input: body({ omit: ['provider'] }), 'input.provider': path('provider') },
    errors: [
      BAD_STATE,
      ...NOT_VOUCHED_FOR,
      { code: 'CONFLICT', message: LINKED_ELSEWHERE },
      NO_SUCH_PROVIDER,
      PROVIDER_DOWN,
      { code: 'FORBIDDEN', message: 'Forbidden' },
    ],
  })
  @Mutation(() => Identity, {
    description:
      'Links whom the provider vouches for to the caller: from then on they log in as the caller. CONFLICT when they are linked to another account; BAD_USER_INPUT `Invalid login state` when another session began it; else as `finishProviderLogin`.',
  })
  finishIdentityLink(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => FinishProviderLoginInput) input: FinishProviderLoginInput,
  ): Promise<IdentityRow> {
    return this.needs.logins.finishLink(viewer, answerOf(input));
  }

  @Operation('user', idRules)
  @Rest({
    method: 'DELETE',
    path: '/users/me/identities/{identity_id}',
    operationId: 'unlinkIdentity',
    summary: "Unlink a provider from one's account",
    tag: 'Users',
    arguments: { id: path('identity_id') },
    data: detail('identity unlinked'),
    errors: [
      { code: 'NOT_FOUND', message: 'Identity not found' },
      { code: 'CONFLICT', message: LAST_WAY_IN },
    ],
  })
  @Mutation(() => Boolean, {
    description:
      "The provider no longer logs the caller in; sessions go on. CONFLICT when it is the last one and the caller has no password; NOT_FOUND when it is another user's. Always true.",
  })
  async unlinkIdentity(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<boolean> {
    await this.needs.service.unlink(viewer, id);
    return true;
  }
}
