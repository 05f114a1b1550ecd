import 'reflect-metadata';
import { isAbstractType, type GraphQLSchema } from 'graphql';
import { buildSchemaSync, getMetadataStorage, type ClassType, type NonEmptyArray, type PubSub } from 'type-graphql';
import { AccountsResolver } from '../features/identity/accounts/accounts.resolver.js';
import { AdminResolver } from '../features/identity/accounts/admin.resolver.js';
import { AuditResolver } from '../features/operations/audit/audit.resolver.js';
import { ConversationExportResolver } from '../features/chat/export/conversation-export.resolver.js';
import {
  ConversationsResolver,
  UserConversationsResolver,
} from '../features/chat/conversations/conversations.resolver.js';
import { ConversationMessagesResolver, MessagesResolver } from '../features/chat/messages/messages.resolver.js';
import { HealthResolver } from '../features/operations/health/health.resolver.js';
import { IdentitiesResolver } from '../features/identity/identities/identities.resolver.js';
import { ProviderLoginsResolver } from '../features/identity/identities/provider-logins.resolver.js';
import { OneTimeCodesResolver } from '../features/identity/one-time-codes/one-time-codes.resolver.js';
import { PasskeysResolver } from '../features/identity/passkeys/passkeys.resolver.js';
import { PlansResolver } from '../features/chat/plans/plans.resolver.js';
import {
  RepliesResolver,
  ReplyCompletedResolver,
  ReplyFailedResolver,
} from '../features/chat/replies/replies.resolver.js';
import { SecondFactorResolver } from '../features/identity/second-factor/second-factor.resolver.js';
import { SessionsResolver } from '../features/identity/sessions/sessions.resolver.js';
import { UploadsResolver } from '../features/chat/uploads/uploads.resolver.js';
import { UsageResolver } from '../features/chat/usage/usage.resolver.js';
import type { RequestContext } from './context.js';
import { NodeResolver } from './node.resolver.js';

const resolvers: NonEmptyArray<ClassType> = [
  AccountsResolver,
  AdminResolver,
  AuditResolver,
  ConversationExportResolver,
  ConversationMessagesResolver,
  ConversationsResolver,
  HealthResolver,
  IdentitiesResolver,
  MessagesResolver,
  NodeResolver,
  OneTimeCodesResolver,
  PasskeysResolver,
  PlansResolver,
  ProviderLoginsResolver,
  RepliesResolver,
  ReplyCompletedResolver,
  ReplyFailedResolver,
  SecondFactorResolver,
  SessionsResolver,
  UploadsResolver,
  UsageResolver,
  UserConversationsResolver,
];

/** type-graphql asks for one wherever there are subscriptions; ours read the event log, each through its own `subscribe`. */
const unusedPubSub: PubSub = {
  publish: () => {
    throw new Error('subscriptions read the event log');
  },
  subscribe: () => {
    throw new Error('subscriptions read the event log');
  },
};

/**
 * The executable schema. Its resolvers are the composition root's instances, which come with each request's context: so one
 * schema serves any number of them, and can be printed without any.
 */
export function buildSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers,
    container: { get: (type: ClassType, { context }: { context: RequestContext }) => context.instance(type) },
    // `@Operation` checks the arguments: by rules that every door shares, and all at once.
    validate: false,
    pubSub: unusedPubSub,
  });
  resolveTypesAtOnce(schema);
  return schema;
}

/** type-graphql makes every `resolveType` asynchronous, and a compiled query does not wait for one: ours are put back. */
function resolveTypesAtOnce(schema: GraphQLSchema): void {
  const { unions, interfaceTypes } = getMetadataStorage();
  for (const { name, resolveType } of [...unions, ...interfaceTypes]) {
    const type = schema.getType(name);
    if (resolveType === undefined || !isAbstractType(type)) continue;
    type.resolveType = (value, context, info, abstractType) => {
      const typeName: unknown = resolveType(value, context, info, abstractType);
      if (typeof typeName === 'string') return typeName;
      throw new TypeError(`resolveType of ${name} must answer the name of a type`);
    };
  }
}
