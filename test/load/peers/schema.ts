// The part of the service's schema that is measured, for servers of GraphQL as their documentation sets them up.
import { makeExecutableSchema } from '@graphql-tools/schema';
import DataLoader from 'dataloader';
import type { GraphQLSchema } from 'graphql';
import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import {
  createMessage,
  findConversation,
  findMe,
  findUsers,
  listConversations,
  listMessages,
  listMessagesOf,
  type ConversationRow,
  type MessageRow,
  type NewMessage,
  type UserRow,
} from './database.js';
import { viewerOf, type Viewer } from './viewer.js';

export const typeDefs = /* GraphQL */ `
  scalar DateTime
  scalar JSONObject

  type Plan {
    id: ID!
  }

  type User {
    id: ID!
    email: String
    phoneNumber: String
    provider: String!
    providerId: String
    isVerified: Boolean!
    verifiedAt: DateTime
    profile: JSONObject!
    isActive: Boolean!
    isSuspended: Boolean!
    isAdmin: Boolean!
    plan: Plan!
    lastLogin: DateTime
  }

  type Conversation {
    id: ID!
    user: User!
    title: String
    status: String
    isPinned: Boolean!
    isArchived: Boolean!
    label: String
    messageCount: Int!
    unreadCount: Int!
    createdAt: DateTime!
    updatedAt: DateTime!
    messages(first: Int = 20): MessageConnection!
  }

  type ConversationConnection {
    nodes: [Conversation!]!
  }

  type Message {
    id: ID!
    user: User
    content: JSONObject!
    text: String
    messageType: String!
    status: String!
    extra: JSONObject
    createdAt: DateTime!
  }

  type MessageConnection {
    nodes: [Message!]!
  }

  type CreateMessageResult {
    message: Message!
  }

  input CreateMessageInput {
    conversationId: ID!
    content: JSONObject!
    messageType: String!
    extra: JSONObject
    invokeLlm: Boolean = false
  }

  type Query {
    me: User!
    conversation(id: ID!): Conversation!
    conversations(first: Int = 20): ConversationConnection!
    messages(conversationId: ID!, first: Int = 20): MessageConnection!
  }

  type Mutation {
    createMessage(input: CreateMessageInput!): CreateMessageResult!
  }
`;

interface Context {
  readonly viewer: Viewer;
}

/** What every server resolves alike; how it loads what is asked for of many is its own. */
export const resolvers = {
  DateTime: GraphQLDateTime,
  JSONObject: GraphQLJSONObject,
  Query: {
    me: (_: unknown, __: unknown, { viewer }: Context) => findMe(viewer),
    conversation: (_: unknown, { id }: { readonly id: string }, { viewer }: Context) => findConversation(viewer, id),
    conversations: async (_: unknown, { first }: { readonly first: number }, { viewer }: Context) => ({
      nodes: await listConversations(viewer, first),
    }),
    messages: async (
      _: unknown,
      { conversationId, first }: { readonly conversationId: string; readonly first: number },
      { viewer }: Context,
    ) => ({ nodes: await listMessages(viewer, conversationId, first) }),
  },
  Mutation: {
    createMessage: async (
      _: unknown,
      { input }: { readonly input: NewMessage & { readonly conversationId: string } },
      { viewer }: Context,
    ) => ({ message: await createMessage(viewer, input.conversationId, input) }),
  },
  User: { plan: ({ plan }: UserRow) => ({ id: plan }) },
  Message: { text: ({ content: { text } }: MessageRow) => (typeof text === 'string' ? text : null) },
};

/** In the order of the ids. */
export async function usersById(ids: readonly string[]): Promise<(UserRow | null)[]> {
  const users = new Map((await findUsers([...new Set(ids)])).map((user) => [user.id, user]));
  return ids.map((id) => users.get(id) ?? null);
}

/** In the order of the ids. */
export async function messagesByConversation(
  ids: readonly string[],
  first: number,
): Promise<{ readonly nodes: MessageRow[] }[]> {
  const messages = Map.groupBy(await listMessagesOf(ids, first), ({ conversationId }) => conversationId);
  return ids.map((id) => ({ nodes: messages.get(id) ?? [] }));
}

export interface LoadingContext extends Context {
  readonly users: DataLoader<string, UserRow | null>;
  messagesOf(first: number): DataLoader<string, { readonly nodes: MessageRow[] }>;
}

/** With a loader of DataLoader for each request. */
export function loadingSchema(): GraphQLSchema {
  return makeExecutableSchema<LoadingContext>({
    typeDefs,
    resolvers: {
      ...resolvers,
      Conversation: {
        user: ({ userId }: ConversationRow, _: unknown, { users }: LoadingContext) => users.load(userId),
        messages: ({ id }: ConversationRow, { first }: { readonly first: number }, context: LoadingContext) =>
          context.messagesOf(first).load(id),
      },
      Message: {
        ...resolvers.Message,
        user: ({ userId }: MessageRow, _: unknown, { users }: LoadingContext) =>
          userId === null ? null : users.load(userId),
      },
    },
  });
}

export async function loadingContext(authorization: string | undefined): Promise<LoadingContext> {
  const viewer = await viewerOf(authorization);
  const loaders = new Map<number, ReturnType<LoadingContext['messagesOf']>>();
  return {
    viewer,
    users: new DataLoader(usersById),
    messagesOf: (first) => {
      const kept = loaders.get(first);
      if (kept !== undefined) return kept;
      const loader = new DataLoader((ids: readonly string[]) => messagesByConversation(ids, first));
      loaders.set(first, loader);
      return loader;
    },
  };
}
