import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { IdempotentByItself } from '../../../graphql/idempotency.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { MAX_LISTED_SESSIONS } from './session.js';
import { AuthTokens, Session } from './session.type.js';
import { descriptions } from './sessions.descriptions.js';
import { routes } from './sessions.routes.js';
import type { ListedSession, SessionsService, Tokens } from './sessions.service.js';

@Resolver()
export class SessionsResolver {
  constructor(private readonly service: SessionsService) {}

  @Operation('user')
  @IdempotentByItself('it ends the session that a repeat would come with')
  @Rest(routes.logout)
  @Mutation(() => Boolean, { description: descriptions.logout })
  async logout(
    @CurrentViewer() viewer: Viewer,
    @Arg('refreshToken', () => String, { nullable: true, description: descriptions.logoutRefreshToken })
    refreshToken: string | null,
  ): Promise<boolean> {
    await this.service.logout(viewer, refreshToken ?? null);
    return true;
  }

  @Operation('any token')
  @IdempotentByItself('it changes nothing')
  @Rest(routes.verifyToken)
  @Mutation(() => ID, { description: descriptions.verifyToken })
  verifyToken(@CurrentViewer() viewer: Viewer): string {
    return viewer.userId;
  }

  @Operation('anyone')
  @Rest(routes.refreshTokens)
  @Mutation(() => AuthTokens, { description: descriptions.refreshTokens })
  refreshTokens(
    @Ctx() context: RequestContext,
    @Arg('refreshToken', () => String) refreshToken: string,
  ): Promise<Tokens> {
    return this.service.refresh(refreshToken, context.client);
  }

  @Operation('user')
  @Rest(routes.listSessions)
  @Query(() => [Session], { description: `The caller's live sessions, newest first; at most ${MAX_LISTED_SESSIONS}.` })
  sessions(@CurrentViewer() viewer: Viewer): Promise<readonly ListedSession[]> {
    return this.service.list(viewer);
  }

  @Operation('user', idRules)
  @Rest(routes.revokeSession)
  @Mutation(() => Boolean, { description: descriptions.revokeSession })
  async revokeSession(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<boolean> {
    await this.service.revoke(viewer, id);
    return true;
  }
}
