import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { z } from 'zod';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { detail, type RestError } from '../../../rest/answers.js';
import { Rest } from '../../../rest/route.js';
import { header, path } from '../../../rest/sources.js';
import { uuid } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { AuthTokens, Session } from './session.type.js';
import type { ListedSession, SessionsService, Tokens } from './sessions.service.js';

const INVALID_TOKEN: RestError = { code: 'UNAUTHENTICATED', message: 'Invalid token' };
/** On the routes of the tokens themselves, one that is missing is as bad as a wrong one. */
const MISSING_TOKEN: RestError = { ...INVALID_TOKEN, insteadOf: 'Missing credentials' };

const REFRESH_TOKEN_HEADER = 'X-Refresh-Token';

@Resolver()
export class SessionsResolver {
  constructor(private readonly service: SessionsService) {}

  @Operation('user')
  @Rest({
    method: 'POST',
    path: '/auth/logout',
    operationId: 'logout',
    summary: 'End the session of the access token',
    tag: 'Auth',
    arguments: { refreshToken: header(REFRESH_TOKEN_HEADER) },
    data: detail('logout successful'),
    errors: [INVALID_TOKEN, MISSING_TOKEN],
  })
  @Mutation(() => Boolean, {
    description:
      "Ends the session of the caller's access token: that token and the session's refresh token are dead. Always true.",
  })
  async logout(
    @CurrentViewer() viewer: Viewer,
    @Arg('refreshToken', () => String, {
      nullable: true,
      description: "Ends the session of this one too, if it is the caller's; any other is ignored.",
    })
    refreshToken: string | null,
  ): Promise<boolean> {
    await this.service.logout(viewer, refreshToken ?? null);
    return true;
  }

  @Operation('user')
  @Rest({
    method: 'POST',
    path: '/auth/verify',
    operationId: 'verifyToken',
    summary: 'Check an access token',
    tag: 'Auth',
    data: {
      schema: {
        type: 'object',
        additionalProperties: false,
        required: ['user_id'],
        properties: { user_id: { type: 'string', format: 'uuid' } },
      },
      example: { user_id: '01980f3e-8c1d-7a52-9d0e-6f2f4f2b6c11' },
      from: (userId: string) => ({ user_id: userId }),
    },
    errors: [INVALID_TOKEN, MISSING_TOKEN],
  })
  @Mutation(() => ID, {
    description: 'The id of the user whose access token this is. UNAUTHENTICATED when it is not good.',
  })
  verifyToken(@CurrentViewer() viewer: Viewer): string {
    return viewer.userId;
  }

  @Operation('anyone')
  @Rest({
    method: 'POST',
    path: '/auth/refresh',
    operationId: 'refreshTokens',
    summary: 'Trade a refresh token for new tokens',
    tag: 'Auth',
    // Without the header it is no refresh token, which is answered like a bad one.
    arguments: { refreshToken: header(REFRESH_TOKEN_HEADER, { default: '' }) },
    errors: [INVALID_TOKEN],
  })
  @Mutation(() => AuthTokens, {
    description:
      'New tokens of the same session, for a refresh token that has not been used. Sent again within ten seconds, as by a second tab or a client that lost the answer, it gives the same new refresh token, as long as that one is not used. Sent later, it ends the session: somebody has a copy. UNAUTHENTICATED when it is not good.',
  })
  refreshTokens(
    @Ctx() context: RequestContext,
    @Arg('refreshToken', () => String) refreshToken: string,
  ): Promise<Tokens> {
    return this.service.refresh(refreshToken, context.client);
  }

  @Operation('user')
  @Rest({
    method: 'GET',
    path: '/auth/sessions',
    operationId: 'listSessions',
    summary: 'List where one is logged in, newest first',
    tag: 'Auth',
  })
  @Query(() => [Session], { description: "The caller's live sessions, newest first; at most 100." })
  sessions(@CurrentViewer() viewer: Viewer): Promise<readonly ListedSession[]> {
    return this.service.list(viewer);
  }

  @Operation('user', z.object({ id: uuid() }))
  @Rest({
    method: 'DELETE',
    path: '/auth/sessions/{session_id}',
    operationId: 'revokeSession',
    summary: "End one of one's sessions",
    tag: 'Auth',
    arguments: { id: path('session_id') },
    data: detail('session ended'),
    errors: [{ code: 'NOT_FOUND', message: 'Session not found' }],
  })
  @Mutation(() => Boolean, {
    description:
      "Ends one of the caller's sessions: its tokens are dead. NOT_FOUND when it has ended or is another user's. Always true.",
  })
  async revokeSession(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<boolean> {
    await this.service.revoke(viewer, id);
    return true;
  }
}
