import type { RepliesService } from '../../chat/replies/replies.service.js';
import type { SessionsService } from '../../identity/sessions/sessions.service.js';
import { StreamTicketsResolver } from './stream-tickets.resolver.js';

interface StreamTicketsFeatureNeeds {
  readonly replies: RepliesService;
  readonly sessions: SessionsService;
  readonly streamUrl: (messageId: string, ticket: string) => string;
}

/** Tickets for streams of replies: identity signs them, and chat says whose reply it is. */
export function streamTicketsFeature({ replies, sessions, streamUrl }: StreamTicketsFeatureNeeds) {
  return { resolvers: [new StreamTicketsResolver({ replies, sessions, streamUrl })] };
}
