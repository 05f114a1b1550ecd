import type { ConversationsService } from '../../chat/conversations/conversations.service.js';
import type { PlansService } from '../../chat/plans/plans.service.js';
import type { UsageService } from '../../chat/usage/usage.service.js';
import type { AdminAccountsService } from '../../identity/accounts/admin-accounts.service.js';
import type { UserDirectory } from '../../identity/accounts/user-directory.js';
import {
  ConversationUserResolver,
  MessageUserResolver,
  UserConversationsResolver,
} from './conversation-links.resolver.js';
import { UserPlanResolver } from './plan-links.resolver.js';
import { UserUsageResolver } from './usage-links.resolver.js';

interface UserLinksFeatureNeeds {
  readonly admins: AdminAccountsService;
  readonly directory: UserDirectory;
  readonly conversations: ConversationsService;
  readonly plans: PlansService;
  readonly usage: UsageService;
}

/**
 * Fields that link users to their conversations, plans and usage and back, and admins' lists of these. They live here
 * because the features of chat and identity do not depend on each other.
 */
export function userLinksFeature({ admins, directory, conversations, plans, usage }: UserLinksFeatureNeeds) {
  return {
    resolvers: [
      new UserConversationsResolver({ conversations, admins }),
      new UserPlanResolver(plans),
      new UserUsageResolver({ usage, admins }),
      new ConversationUserResolver(directory),
      new MessageUserResolver(directory),
    ],
  };
}
