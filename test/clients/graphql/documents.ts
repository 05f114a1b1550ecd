// What the clients ask, each in its own form of a document. MESSAGES is read page by page.

export const SIGN_UP = 'mutation SignUp($input: CreateUserInput!) { createUser(input: $input) { id email } }';
export const LOG_IN = 'mutation LogIn($input: LoginInput!) { login(input: $input) { accessToken expiresIn } }';
export const CHANGE_PLAN = 'mutation ChangePlan($plan: ID!) { changePlan(plan: $plan) { plan { id } } }';
export const UPLOAD = 'mutation Upload($file: Upload!) { uploadFile(file: $file) { id url filename } }';
export const CREATE_CONVERSATION =
  'mutation Begin($input: CreateConversationInput!) { createConversation(input: $input) { id title } }';
export const CHAT = 'mutation Chat($input: ChatInput!) { chat(input: $input) { response tokens message { id } } }';
export const ASK =
  'mutation Ask($input: CreateMessageInput!) { createMessage(input: $input) { message { id } reply { id status } } }';
export const REPLY = `subscription Reply($id: ID!, $after: Int) {
  reply(messageId: $id, after: $after) {
    ... on ReplyDelta { sequence text }
    ... on ReplyCompleted { sequence response message { id status text } }
    ... on ReplyFailed { sequence code message { id status text } }
  }
}`;
export const STOP = 'mutation Stop($id: ID!) { stopReply(messageId: $id) { id status text } }';
export const TICKET = 'mutation Ticket($id: ID!) { createStreamTicket(messageId: $id) { url } }';
export const MESSAGES = `query Messages($conversationId: ID!, $first: Int!, $after: String) {
  messages(conversationId: $conversationId, first: $first, after: $after) {
    edges { cursor node { id messageType status text } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;
export const DELETE_CONVERSATION = 'mutation Delete($id: ID!) { deleteConversation(id: $id) { id title } }';

/** A page of {@link MESSAGES}, smaller than the list. */
export const PAGE_SIZE = 4;

export interface SignedUp {
  readonly createUser: { readonly email: string | null };
}
export interface LoggedIn {
  readonly login: { readonly accessToken: string };
}
export interface ChangedPlan {
  readonly changePlan: { readonly plan: { readonly id: string } };
}
export interface Uploaded {
  readonly uploadFile: { readonly url: string; readonly filename: string };
}
export interface Begun {
  readonly createConversation: { readonly id: string };
}
export interface Chatted {
  readonly chat: { readonly response: string };
}
export interface Asked {
  readonly createMessage: { readonly reply: { readonly id: string } | null };
}
export interface Followed {
  readonly reply: {
    readonly sequence: number;
    readonly text?: string;
    readonly response?: string;
    readonly code?: string;
  };
}
export interface Stopped {
  readonly stopReply: { readonly status: string };
}
export interface Ticket {
  readonly createStreamTicket: { readonly url: string };
}
export interface Messages {
  readonly messages: {
    readonly edges: readonly {
      readonly node: {
        readonly id: string;
        readonly messageType: string;
        readonly status: string;
        readonly text: string | null;
      };
    }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}
export interface Deleted {
  readonly deleteConversation: { readonly title: string | null };
}
