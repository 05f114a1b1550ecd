import type { Access } from '../../src/graphql/operation.js';
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
  readonly decisions: Decisions;
  /** Makes the arguments, from the target, or from the caller for an operation on the caller. */
  readonly variables?: (target: Target, caller: CastMember) => Promise<Variables> | Variables;
  /** Ends an account or a session: each call gets users of its own. */
  readonly ends?: true;
  /** Triggers an event of the stream. */
  readonly stir?: (target: Target, variables: Variables) => Promise<unknown>;
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

const anyone = (row: Omit<AuthorisationRow, 'access' | 'decisions'> = {}): AuthorisationRow => ({
  access: 'anyone',
  decisions: ANYONE,
  ...row,
});
const user = (decisions: Decisions, row: Omit<AuthorisationRow, 'access' | 'decisions'> = {}): AuthorisationRow => ({
  access: 'user',
  decisions,
  ...row,
});
const admin = (row: Omit<AuthorisationRow, 'access' | 'decisions'> = {}): AuthorisationRow => ({
  access: 'admin',
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
  'Query.me': user(USERS),
  'Query.user': user(ACCOUNT, { variables: account }),
  'Query.users': admin(),
  'Query.node': user({ ...USERS, other: 'null', admin: 'null' }, { variables: conversation }),
  'Query.sessions': user(USERS),
  'Query.usage': user(USERS),
  'Query.usageLedger': user(USERS),
  'Query.conversations': user(USERS),
  'Query.conversation': user(PRIVATE, { variables: conversation }),
  'Query.messages': user(PRIVATE, {
    variables: async (target) => ({ conversationId: await target.conversation() }),
  }),
  'Query.message': user(PRIVATE, { variables: message }),
  'Query.searchMessages': user(USERS, { variables: () => ({ query: 'hello' }) }),
  'Query.uploads': user(USERS),
  'Query.loginProviders': anyone(),
  'Query.identities': user(USERS),
  'Query.adminConversations': admin({ variables: ofAccount }),
  'Query.auditEvents': admin(),
  'Query.adminUsage': admin({ variables: ofAccount }),

  'Mutation.createUser': anyone({
    variables: () => ({ input: { provider: 'email', password: 'a password of anyone' } }),
  }),
  'Mutation.login': {
    access: 'anyone',
    decisions: { ...ANYONE, suspended: 'account disabled' },
    variables: (_target, { email, password }) => ({ input: { email, password } }),
  },
  'Mutation.refreshTokens': {
    access: 'anyone',
    decisions: { ...ANYONE, suspended: 'invalid token' },
    variables: (_target, { refreshToken }) => ({ refreshToken }),
    ends: true,
  },
  'Mutation.logout': user(USERS, { ends: true }),
  'Mutation.verifyToken': user(USERS),
  'Mutation.revokeSession': user(PRIVATE, {
    variables: async (target) => ({ id: await target.session() }),
    ends: true,
  }),
  'Query.secondFactor': user(USERS),
  'Mutation.completeLogin': {
    access: 'anyone',
    decisions: all('invalid challenge'),
    variables: () => ({ input: { challenge: 'none', code: '000000' } }),
  },
  'Mutation.enrolSecondFactor': user(USERS, { variables: (_target, { password }) => ({ input: { password } }) }),
  'Mutation.confirmSecondFactor': user(SECRETS, { variables: () => ({ code: 'none' }) }),
  'Mutation.regenerateRecoveryCodes': user(SECRETS, { variables: () => ({ code: 'none' }) }),
  'Mutation.disableSecondFactor': user(SECRETS, { variables: () => ({ code: 'none' }) }),
  'Mutation.adminDisableSecondFactor': admin({ variables: ofAccount }),

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
    decisions: SECRET,
    variables: () => ({ input: { ...address(), otp: '000000', newPassword: 'a new password' } }),
  },
  'Mutation.verifyEmail': {
    access: 'anyone',
    decisions: SECRET,
    variables: () => ({ input: { ...address(), otp: '000000' } }),
  },
  // No provider is configured where this table is checked.
  'Mutation.startProviderLogin': {
    access: 'anyone',
    decisions: all('not found'),
    variables: () => ({ input: { provider: 'none' } }),
  },
  'Mutation.finishProviderLogin': { access: 'anyone', decisions: SECRET, variables: providerAnswer },
  'Mutation.redeemLoginCode': {
    access: 'anyone',
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
  'Mutation.adminDeleteUser': admin({ variables: account, ends: true }),
  'Mutation.suspendUser': admin({ variables: account, ends: true }),
  'Mutation.reinstateUser': admin({ variables: account }),
  'Mutation.restoreUser': admin({ variables: account }),
  'Mutation.deleteMe': user(USERS, { ends: true }),
  'Mutation.deleteUser': user(ACCOUNT, { variables: account, ends: true }),
  'Mutation.changePlan': user(USERS, { variables: () => ({ plan: 'pro' }) }),
  'Mutation.createConversation': user(USERS, { variables: () => ({ input: { title: 'mine' } }) }),
  'Mutation.updateConversation': user(PRIVATE, {
    variables: async (target) => ({ ...(await conversation(target)), input: { title: 'renamed' } }),
  }),
  'Mutation.deleteConversation': user(PRIVATE, { variables: conversation }),
  // Other users' ones are ignored.
  'Mutation.deleteConversations': user(USERS, {
    variables: async (target) => ({ ids: [await target.conversation()] }),
  }),
  'Mutation.createMessage': user(PRIVATE, {
    variables: async (target) => ({
      input: { conversationId: await target.conversation(), content: { text: 'hello' }, messageType: 'user' },
    }),
  }),
  'Mutation.updateMessage': user(PRIVATE, {
    variables: async (target) => ({ ...(await message(target)), input: { messageType: 'note' } }),
  }),
  'Mutation.deleteMessage': user(PRIVATE, { variables: message }),
  'Mutation.chat': user(PRIVATE, { variables: chat }),
  'Mutation.stopReply': user(PRIVATE, { variables: async (target) => ({ messageId: await target.reply() }) }),
  'Mutation.uploadFile': user(USERS, { variables: () => ({ file: new File(['text'], 'a.txt') }) }),
  'Mutation.deleteUpload': user(PRIVATE, { variables: async (target) => ({ id: await target.upload() }) }),

  'Subscription.exportConversations': user(USERS),
  'Subscription.chat': user(PRIVATE, { variables: chat }),
  'Subscription.reply': user(PRIVATE, { variables: async (target) => ({ messageId: await target.reply() }) }),
  'Subscription.conversationEvents': user(PRIVATE, {
    variables: async (target) => ({ conversationId: await target.conversation() }),
    stir: (target, { conversationId }) => target.write(conversationId as string),
  }),
};
