/**
 * The service as an application sees it, independent of the client library: `restClient` and `graphqlClient` convert their
 * responses to the same shapes, which hold what both APIs offer.
 */
export interface Client {
  createUser(input: NewUser): Promise<Outcome<User>>;
  /** Later calls are the user's. */
  login(credentials: Credentials): Promise<Outcome<null>>;
  logout(): Promise<Outcome<null>>;
  me(): Promise<Outcome<User>>;
  updateMe(changes: UserChanges): Promise<Outcome<User>>;
  deleteMe(): Promise<Outcome<User>>;
  user(id: string): Promise<Outcome<User>>;
  users(): Promise<Outcome<readonly User[]>>;

  plans(): Promise<Outcome<Readonly<Record<string, Plan>>>>;
  /** @returns whether the plan changed */
  changePlan(plan: string): Promise<Outcome<boolean>>;
  usage(): Promise<Outcome<readonly Usage[]>>;
  models(): Promise<Outcome<readonly Model[]>>;

  createConversation(input: ConversationInput): Promise<Outcome<Conversation>>;
  conversations(page: Page & { readonly query?: string }): Promise<Outcome<readonly Conversation[]>>;
  conversation(id: string): Promise<Outcome<Conversation>>;
  updateConversation(id: string, changes: ConversationInput): Promise<Outcome<Conversation>>;
  deleteConversation(id: string): Promise<Outcome<Conversation>>;
  /** @returns how many were deleted */
  deleteConversations(ids: readonly string[]): Promise<Outcome<number>>;

  createMessage(conversationId: string, input: MessageInput): Promise<Outcome<Message>>;
  messages(conversationId: string, page: Page): Promise<Outcome<readonly Message[]>>;
  message(id: string): Promise<Outcome<Message>>;
  updateMessage(id: string, changes: MessageChanges): Promise<Outcome<Message>>;
  deleteMessage(id: string): Promise<Outcome<Message>>;
  chat(message: string, conversationId?: string): Promise<Outcome<ChatAnswer>>;
}

export type Outcome<Data> = { readonly data: Data } | { readonly failure: Failure };

export interface Failure {
  /** The kind of failure, as a GraphQL error code. */
  readonly code: string;
  readonly faults?: readonly { readonly field: string; readonly message: string }[];
  readonly mayTryAgain: boolean;
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

export interface NewUser extends Credentials {
  readonly provider: string;
}

export interface UserChanges {
  readonly phoneNumber?: string | null;
  readonly profile?: Readonly<Record<string, unknown>>;
  readonly plan?: string;
  readonly isAdmin?: boolean;
}

export interface User {
  readonly id: string;
  readonly email: string | null;
  readonly phoneNumber: string | null;
  readonly provider: string;
  readonly providerId: string | null;
  readonly isVerified: boolean;
  readonly verifiedAt: string | null;
  readonly profile: Readonly<Record<string, unknown>>;
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly isAdmin: boolean;
  readonly plan: string;
  readonly lastLogin: string | null;
}

export interface Plan {
  readonly price: number;
  readonly dailyMessages: number;
  readonly dailyTokens: number;
  readonly maxConversations: number;
  readonly maxFileUploads: number;
}

export interface Model {
  readonly name: string;
  readonly isAllowed: boolean;
  readonly isDefault: boolean;
  readonly contextTokens: number;
  readonly maxReplyTokens: number;
  readonly price: { readonly prompt: string; readonly completion: string; readonly currency: string } | null;
  readonly fallback: string | null;
}

export interface Usage {
  readonly id: string;
  readonly date: string;
  readonly messageCount: number;
  readonly tokenCount: number;
  readonly fileUploads: number;
}

export interface Page {
  readonly first: number;
  readonly offset: number;
}

export interface ConversationInput {
  readonly title?: string | null;
  readonly status?: string | null;
}

export interface Conversation {
  readonly id: string;
  readonly title: string | null;
  readonly status: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface MessageInput {
  readonly content: Readonly<Record<string, unknown>>;
  readonly messageType: string;
  /** Resolves when the reply is stored. */
  readonly invokeLlm?: boolean;
}

export interface MessageChanges {
  readonly content?: Readonly<Record<string, unknown>>;
  readonly messageType?: string;
  readonly extra?: Readonly<Record<string, unknown>> | null;
}

export interface Message {
  readonly id: string;
  readonly conversationId: string;
  readonly userId: string | null;
  readonly content: Readonly<Record<string, unknown>>;
  readonly messageType: string;
  readonly createdAt: string;
  readonly extra: Readonly<Record<string, unknown>> | null;
}

export interface ChatAnswer {
  readonly response: string;
  readonly tokens: number;
  readonly model: string;
  readonly cost: string | null;
  /** In small letters. */
  readonly finishReason: string | null;
}
