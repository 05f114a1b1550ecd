import type { Access } from '../../src/graphql/operation.js';
import type { TokenAccess } from '../../src/graphql/token-access.js';
import type { ActorName, CastMember, Target } from './authorisation-cast.js';

export type Decision =
  | 'allowed'
  /** UNAUTHENTICATED: no credentials. */
  | 'missing credentials'
  /** UNAUTHENTICATED: an invalid or expired token. */
  | 'invalid token'
  | 'forbidden'
  /** FORBIDDEN: the caller's account is suspended. */
  | 'account disabled'
  | 'not found'
  /** Allowed, with null as the result: the object is not visible to the caller. */
  | 'null'
  /** BAD_USER_INPUT for every caller, since the call lacks a valid secret. */
  | 'bad input'
  /** UNAUTHENTICATED for every caller, for the same reason. */
  | 'invalid challenge'
  | 'invalid passkey';

export type Decisions = Readonly<Record<ActorName, Decision>>;

export interface AuthorisationRow {
  /** The operation's own declaration of who may call it. */
  readonly access: Access;
  /** What a personal access token of the caller's needs, likewise. */
  readonly token: TokenAccess;
  readonly decisions: Decisions;
  /** Makes the arguments, from the target, or from the caller for an operation on the caller. */
  readonly variables?: (target: Target, caller: CastMember) => Promise<Variables> | Variables;
  /** Ends an account or a session: each call gets users of its own. */
  readonly ends?: true;
  /** Triggers an event of the stream. */
  readonly stir?: (target: Target, variables: Variables, caller: CastMember) => Promise<unknown>;
}

export type Variables = Readonly<Record<string, unknown>>;

const all = (decision: Decision): Decisions => ({
  nobody: decision,
  owner: decision,
  other: decision,
  admin: decision,
  suspended: decision,
  internal: decision,
});

const ANYONE = all('allowed');
/** Concerns only the caller. */
const USERS: Decisions = { ...ANYONE, nobody: 'missing credentials', suspended: 'account disabled' };
/** Hidden from everyone but its owner, admins included. */
const PRIVATE: Decisions = { ...USERS, other: 'not found', admin: 'not found' };
const ACCOUNT: Decisions = { ...USERS, other: 'forbidden' };
const ADMINS: Decisions = { ...ACCOUNT, owner: 'forbidden', internal: 'forbidden' };
const SECRET = all('bad input');
const SECRETS: Decisions = { ...SECRET, nobody: 'missing credentials', suspended: 'account disabled' };

type Details = Omit<AuthorisationRow, 'access' | 'token' | 'decisions'>;

const anyone = (row: Details = {}): AuthorisationRow => ({
  access: 'anyone',
  token: 'any',
  decisions: ANYONE,
  ...row,
});
/** For users, and for their personal access tokens as said. */
const scoped = (token: TokenAccess, decisions: Decisions, row: Details = {}): AuthorisationRow => ({
  access: 'user',
  token,
  decisions,
  ...row,
});
/** For users who logged in. */
const user = (decisions: Decisions, row: Details = {}) => scoped('closed', decisions, row);
const admin = (row: Details = {}): AuthorisationRow => ({
  access: 'admin',
  token: 'closed',
  decisions: ADMINS,
  ...row,
});

const passkeyAnswer = (response: object) => ({ id: 'AA', rawId: 'AA', type: 'public-key', response });
const account = ({ owner }: Target) => ({ id: owner.userId });
const ofAccount = ({ owner }: Target) => ({ userId: owner.userId });
const changedAccount = ({ owner }: Target) => ({ id: owner.userId, input: { profile: { a: 1 } } });
const conversation = async (target: Target) => ({ id: await target.conversation() });
const message = async (target: Target) => ({ id: await target.message() });
const address = () => ({ email: 'nobody@example.com' });
const providerAnswer = () => ({ input: { provider: 'none', state: 'none', secret: 'none', code: 'none' } });
const chat = async (target: Target) => ({ input: { message: 'hello', conversationId: await target.conversation() } });

/**
 * Every root field of the schema, by `Type.field`, and with it every REST route, since routes come from their field's
 * metadata: who may call it, and the result for each kind of caller.
 */
export const AUTHORISATION: Readonly<Record<string, AuthorisationRow>> = {
  'Query.health': anyone(),
  'Query.plans': anyone(),
  'Query.me': scoped('account:read', USERS),
  'Query.user': scoped('account:read', ACCOUNT, { variables: account }),
  'Query.users': admin(),
  'Query.node': scoped('any', { ...USERS, other: 'null', admin: 'null' }, { variables: conversation }),
  'Query.sessions': user(USERS),
  'Query.models': scoped('any', USERS),
  'Query.usage': scoped('usage:read', USERS),
  'Query.usageSummary': scoped('usage:read', USERS),
  'Query.limits': scoped('usage:read', USERS),
  'Query.usageLedger': scoped('usage:read', USERS),
  'Query.conversations': scoped('conversations:read', USERS),
  'Query.conversationSummaries': scoped('conversations:read', USERS),
  'Query.conversation': scoped('conversations:read', PRIVATE, { variables: conversation }),
  'Query.messages': scoped('conversations:read', PRIVATE, {
    variables: async (target) => ({ conversationId: await target.conversation() }),
  }),
  'Query.message': scoped('conversations:read', PRIVATE, { variables: message }),
  'Query.searchMessages': scoped('conversations:read', USERS, { variables: () => ({ query: 'hello' }) }),
  'Query.uploads': scoped('uploads:read', USERS),
  'Query.loginProviders': anyone(),
  'Query.identities': user(USERS),
  'Query.adminConversations': admin({ variables: ofAccount }),
  'Query.auditEvents': admin(),
  'Query.deadMail': admin(),
  'Mutation.retryDeadMail': {
    access: 'admin',
    token: 'closed',
    decisions: { ...ADMINS, admin: 'not found' },
    variables: () => ({ id: crypto.randomUUID() }),
  },
  'Mutation.retryAllDeadMail': admin({ variables: () => ({ queue: 'none' }) }),
  'Mutation.dropDeadMail': {
    access: 'admin',
    token: 'closed',
    decisions: { ...ADMINS, admin: 'not found' },
    variables: () => ({ id: crypto.randomUUID() }),
  },
  'Query.adminHealth': admin(),
  'Query.adminUsageCorrections': admin({ variables: ofAccount }),
  'Mutation.adminCorrectUsage': admin({
    variables: (target) => ({ ...ofAccount(target), input: { tokens: 1, reason: 'a test' } }),
  }),
  'Query.runningReplies': admin(),
  'Mutation.adminStopReply': admin({ variables: async (target) => ({ messageId: await target.reply() }) }),
  'Query.modelBreakers': admin(),
  'Query.announcements': anyone(),
  'Query.adminAnnouncements': admin(),
  'Mutation.createAnnouncement': admin({ variables: () => ({ input: { text: 'A test.' } }) }),
  'Mutation.updateAnnouncement': {
    access: 'admin',
    token: 'closed',
    decisions: { ...ADMINS, admin: 'not found' },
    variables: () => ({ id: crypto.randomUUID(), input: { text: 'Another.' } }),
  },
  'Mutation.endAnnouncement': {
    access: 'admin',
    token: 'closed',
    decisions: { ...ADMINS, admin: 'not found' },
    variables: () => ({ id: crypto.randomUUID() }),
  },
  'Mutation.closeModelBreaker': admin({ variables: () => ({ model: 'gpt-4o-mini' }) }),
  'Query.modelFailures': admin(),
  'Query.adminUsage': admin({ variables: ofAccount }),

  'Mutation.createUser': anyone({
    variables: () => ({ input: { provider: 'email', password: 'a password of anyone' } }),
  }),
  'Mutation.login': {
    access: 'anyone',
    token: 'any',
    decisions: { ...ANYONE, suspended: 'account disabled' },
    variables: (_target, { email, password }) => ({ input: { email, password } }),
  },
  'Mutation.refreshTokens': {
    access: 'anyone',
    token: 'any',
    decisions: { ...ANYONE, suspended: 'invalid token' },
    variables: (_target, { refreshToken }) => ({ refreshToken }),
    ends: true,
  },
  'Mutation.logout': user(USERS, { ends: true }),
  'Mutation.verifyToken': scoped('any', USERS),
  'Mutation.revokeSession': user(PRIVATE, {
    variables: async (target) => ({ id: await target.session() }),
    ends: true,
  }),
  'Query.secondFactor': user(USERS),
  'Mutation.completeLogin': {
    access: 'anyone',
    token: 'any',
    decisions: all('invalid challenge'),
    variables: () => ({ input: { challenge: 'none', code: '000000' } }),
  },
  'Mutation.enrolSecondFactor': user(USERS, { variables: (_target, { password }) => ({ input: { password } }) }),
  'Mutation.confirmSecondFactor': user(SECRETS, { variables: () => ({ code: 'none' }) }),
  'Mutation.regenerateRecoveryCodes': user(SECRETS, { variables: () => ({ code: 'none' }) }),
  'Mutation.disableSecondFactor': user(SECRETS, { variables: () => ({ code: 'none' }) }),
  'Mutation.adminDisableSecondFactor': admin({ variables: ofAccount }),

  'Query.personalAccessTokens': user(USERS),
  // An internal caller has no login.
  'Mutation.createPersonalAccessToken': user(
    { ...USERS, internal: 'forbidden' },
    { variables: (_target, { password }) => ({ input: { name: 'script', scopes: ['chat'], password } }) },
  ),
  'Mutation.revokePersonalAccessToken': user(PRIVATE, {
    variables: async (target) => ({ id: await target.accessToken() }),
    ends: true,
  }),
  'Query.adminPersonalAccessTokens': admin({ variables: ofAccount }),
  'Mutation.adminRevokePersonalAccessToken': admin({
    variables: async (target) => ({ ...ofAccount(target), id: await target.accessToken() }),
    ends: true,
  }),

  'Query.adminSessions': admin({ variables: ofAccount }),
  'Mutation.adminRevokeSession': admin({
    variables: async (target) => ({ ...ofAccount(target), id: await target.session() }),
    ends: true,
  }),
  'Mutation.adminRevokeAllSessions': admin({ variables: ofAccount, ends: true }),

  'Query.passkeys': user(USERS),
  'Mutation.startPasskeyRegistration': user(USERS, {
    variables: (_target, { password }) => ({ input: { password } }),
  }),
  'Mutation.finishPasskeyRegistration': user(SECRETS, {
    variables: () => ({
      input: { name: 'phone', credential: passkeyAnswer({ clientDataJSON: 'e30', attestationObject: 'oA' }) },
    }),
  }),
  'Mutation.renamePasskey': user(PRIVATE, {
    variables: async (target) => ({ id: await target.passkey(), name: 'phone' }),
  }),
  // A user may have at most twenty: each call is on another user's.
  'Mutation.deletePasskey': user(PRIVATE, {
    variables: async (target) => ({ id: await target.passkey() }),
    ends: true,
  }),
  'Mutation.startPasskeyLogin': anyone(),
  'Mutation.finishPasskeyLogin': {
    access: 'anyone',
    token: 'any',
    decisions: all('invalid passkey'),
    variables: () => ({
      credential: passkeyAnswer({
        clientDataJSON: 'e30',
        authenticatorData: 'AA',
        signature: 'AA',
        userHandle: 'AA',
      }),
    }),
  },

  'Mutation.requestPasswordReset': anyone({ variables: address }),
  'Mutation.requestEmailVerification': anyone({ variables: address }),
  'Mutation.resetPassword': {
    access: 'anyone',
    token: 'any',
    decisions: SECRET,
    variables: () => ({ input: { ...address(), otp: '000000', newPassword: 'a new password' } }),
  },
  'Mutation.verifyEmail': {
    access: 'anyone',
    token: 'any',
    decisions: SECRET,
    variables: () => ({ input: { ...address(), otp: '000000' } }),
  },
  'Mutation.changePassword': user(USERS, {
    variables: (_target, { password }) => ({ current: password, new: 'a new password of theirs' }),
    ends: true,
  }),
  'Mutation.changeEmail': user(USERS, {
    variables: (_target, { password }) => ({ password, email: `${crypto.randomUUID()}@example.com` }),
  }),
  'Mutation.confirmEmailChange': user(SECRETS, { variables: () => ({ code: 'none' }) }),
  'Mutation.undoAccountChange': {
    access: 'anyone',
    token: 'any',
    decisions: SECRET,
    variables: () => ({ token: 'none' }),
  },
  // No provider is configured where this table is checked.
  'Mutation.startProviderLogin': {
    access: 'anyone',
    token: 'any',
    decisions: all('not found'),
    variables: () => ({ input: { provider: 'none' } }),
  },
  'Mutation.finishProviderLogin': { access: 'anyone', token: 'any', decisions: SECRET, variables: providerAnswer },
  'Mutation.redeemLoginCode': {
    access: 'anyone',
    token: 'any',
    decisions: SECRET,
    variables: () => ({ input: { code: 'none', codeVerifier: 'none' } }),
  },
  'Mutation.startIdentityLink': user(
    { ...all('not found'), nobody: 'missing credentials', suspended: 'account disabled', internal: 'forbidden' },
    { variables: () => ({ input: { provider: 'none', redirectUri: 'https://app.example.com/' } }) },
  ),
  'Mutation.finishIdentityLink': user(
    { ...SECRET, nobody: 'missing credentials', suspended: 'account disabled', internal: 'forbidden' },
    { variables: providerAnswer },
  ),
  'Mutation.unlinkIdentity': user(
    { ...all('not found'), nobody: 'missing credentials', suspended: 'account disabled' },
    { variables: ({ owner }) => ({ id: owner.userId }) },
  ),
  'Mutation.updateMe': user(USERS, { variables: () => ({ input: { profile: { a: 1 } } }) }),
  'Mutation.updateUser': user(ACCOUNT, { variables: changedAccount }),
  'Mutation.adminUpdateUser': admin({ variables: changedAccount }),
  'Mutation.adminCreateUser': admin({
    variables: () => ({ input: { provider: 'email', password: 'a password of anyone' } }),
  }),
  'Query.invitations': admin(),
  'Mutation.createInvitation': admin({ variables: () => ({ input: {} }) }),
  'Mutation.revokeInvitation': {
    access: 'admin',
    token: 'closed',
    decisions: { ...ADMINS, admin: 'not found' },
    variables: () => ({ id: crypto.randomUUID() }),
  },
  'Mutation.adminDeleteUser': admin({ variables: account, ends: true }),
  'Mutation.suspendUser': admin({ variables: account, ends: true }),
  'Mutation.reinstateUser': admin({ variables: account }),
  'Mutation.restoreUser': admin({ variables: account }),
  'Mutation.deleteMe': user(USERS, { ends: true }),
  'Mutation.deleteUser': user(ACCOUNT, { variables: account, ends: true }),
  'Mutation.changePlan': user(USERS, { variables: () => ({ plan: 'pro' }) }),
  'Mutation.createConversation': scoped('conversations:write', USERS, {
    variables: () => ({ input: { title: 'mine' } }),
  }),
  'Mutation.updateConversation': scoped('conversations:write', PRIVATE, {
    variables: async (target) => ({ ...(await conversation(target)), input: { title: 'renamed' } }),
  }),
  'Mutation.markRead': scoped('conversations:write', PRIVATE, {
    variables: (target) => target.read(),
  }),
  'Mutation.deleteConversation': scoped('conversations:write', PRIVATE, { variables: conversation }),
  // Other users' ones are ignored.
  'Mutation.deleteConversations': scoped('conversations:write', USERS, {
    variables: async (target) => ({ ids: [await target.conversation()] }),
  }),
  'Mutation.deleteConversationList': scoped('conversations:write', USERS, {
    variables: async (target) => ({ ids: [await target.conversation()] }),
  }),
  'Mutation.createMessage': scoped('conversations:write', PRIVATE, {
    variables: async (target) => ({
      input: { conversationId: await target.conversation(), content: { text: 'hello' }, messageType: 'user' },
    }),
  }),
  'Mutation.updateMessage': scoped('conversations:write', PRIVATE, {
    variables: async (target) => ({ ...(await message(target)), input: { messageType: 'note' } }),
  }),
  'Mutation.deleteMessage': scoped('conversations:write', PRIVATE, { variables: message }),
  'Mutation.chat': scoped('chat', PRIVATE, { variables: chat }),
  'Mutation.stopReply': scoped('chat', PRIVATE, { variables: async (target) => ({ messageId: await target.reply() }) }),
  'Query.messageSiblings': scoped('conversations:read', PRIVATE, {
    variables: async (target) => ({ messageId: await target.message() }),
  }),
  'Mutation.editMessage': scoped('conversations:write', PRIVATE, {
    variables: async (target) => ({ ...(await message(target)), input: { content: { text: 'hello again' } } }),
  }),
  'Mutation.regenerateReply': scoped('chat', PRIVATE, {
    variables: async (target) => ({ messageId: await target.reply() }),
  }),
  'Mutation.selectBranch': scoped('conversations:write', PRIVATE, {
    variables: async (target) => ({ messageId: await target.message() }),
  }),
  'Mutation.forkConversation': scoped('conversations:write', PRIVATE, {
    variables: async (target) => ({ messageId: await target.message() }),
  }),
  'Mutation.submitToolResults': scoped('chat', PRIVATE, {
    variables: async (target) => ({
      messageId: await target.waitingReply(),
      results: [{ callId: 'call_1', output: '3' }],
    }),
  }),
  'Mutation.createStreamTicket': user(PRIVATE, {
    variables: async (target) => ({ messageId: await target.reply() }),
  }),
  'Mutation.uploadFile': scoped('uploads:write', USERS, { variables: () => ({ file: new File(['text'], 'a.txt') }) }),
  'Mutation.deleteUpload': scoped('uploads:write', PRIVATE, {
    variables: async (target) => ({ id: await target.upload() }),
  }),

  'Subscription.exportConversations': scoped('conversations:read', USERS),
  'Subscription.chat': scoped('chat', PRIVATE, { variables: chat }),
  'Subscription.reply': scoped('conversations:read', PRIVATE, {
    variables: async (target) => ({ messageId: await target.reply() }),
  }),
  'Subscription.conversationListEvents': scoped('conversations:read', USERS, {
    stir: (target, _variables, caller) => target.conversationOf(caller),
  }),
  'Subscription.conversationEvents': scoped('conversations:read', PRIVATE, {
    variables: async (target) => ({ conversationId: await target.conversation() }),
    stir: (target, { conversationId }) => target.write(conversationId as string),
  }),
};
