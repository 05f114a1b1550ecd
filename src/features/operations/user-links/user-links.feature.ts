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
 * The fields that lead from a user to what is theirs in the chat, and back, and the lists of it for admins. Neither the chat
 * nor identity knows of the other: they meet here.
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
