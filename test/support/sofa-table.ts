import { Actor } from './actor.js';
import { newAdmin } from './admins.js';
import type { TestApp } from './app.js';
import { Authenticator, challengeOf, enrol, forgetUsedStep, protect } from './authenticator.js';
import type { CastMember, Target } from './authorisation-cast.js';
import type { Variables } from './authorisation-table.js';
import { undoTokenIn, type MailServer } from './mail-server.js';
import { creationOptions, registerPasskey, requestOptions } from './passkeys.js';
import { SoftwareAuthenticator } from './software-authenticator.js';

/** Why SOFA cannot serve a route. */
export type Obstacle =
  | 'SOFA serves no subscriptions over HTTP'
  | 'SOFA reads no multipart bodies'
  | 'SOFA neither redirects nor reads or sets cookies';

/**
 * How SOFA's answer is compared with ours: the data of a good request, a list that is empty here, or a refusal where only a
 * login provider, which this test has not, would make the request good.
 */
export type Comparison = 'data' | 'empty list' | 'refusal';

/** The REST operations that SOFA cannot serve, and why. */
export const NOT_SERVED_BY_SOFA: Readonly<Record<string, Obstacle>> = {
  streamChat: 'SOFA serves no subscriptions over HTTP',
  streamReply: 'SOFA serves no subscriptions over HTTP',
  exportConversations: 'SOFA serves no subscriptions over HTTP',
  uploadFile: 'SOFA reads no multipart bodies',
  startProviderLogin: 'SOFA neither redirects nor reads or sets cookies',
  finishProviderLogin: 'SOFA neither redirects nor reads or sets cookies',
};

/** The operations that are not compared by data. Every other one that SOFA serves is: a new route needs no row. */
export const WITHOUT_DATA: Readonly<Record<string, Exclude<Comparison, 'data'>>> = {
  listLoginProviders: 'empty list',
  listIdentities: 'empty list',
  listInvitations: 'empty list',
  adminListDeadMail: 'empty list',
  adminListModelFailures: 'empty list',
  adminListRunningReplies: 'empty list',
  adminListUsageCorrections: 'empty list',
  adminRetryDeadMail: 'refusal',
  adminDropDeadMail: 'refusal',
  revokeInvitation: 'refusal',
  redeemLoginCode: 'refusal',
  startIdentityLink: 'refusal',
  finishIdentityLink: 'refusal',
  unlinkIdentity: 'refusal',
};

/** The caller of a request, and what is there to make it a good one. */
export interface Situation {
  readonly app: Pick<TestApp, 'url' | 'model' | 'database'>;
  readonly mailServer: MailServer;
  readonly target: Target;
  readonly caller: CastMember;
}

function actorOf({ app, caller: { email, password, headers } }: Situation): Actor {
  const actor = new Actor(app.url, { email, password });
  actor.token = headers['authorization']?.replace('Bearer ', '');
  return actor;
}

async function protectedActor(situation: Situation) {
  const actor = actorOf(situation);
  const { app: authenticator } = await protect(actor);
  await forgetUsedStep(situation.app, situation.caller.userId);
  return { actor, authenticator };
}

async function codeByMail({ mailServer, caller: { email } }: Situation, actor: Actor, path: string): Promise<string> {
  await actor.rest('POST', path, { email });
  return mailServer.codeTo(email);
}

async function announcement({ app }: Situation): Promise<string> {
  const { body } = await (await newAdmin(app)).rest('POST', '/admin/announcements', { text: 'A test.' });
  return (body.data as { readonly announcement_id: string }).announcement_id;
}

const freshCode = async (situation: Situation) => ({
  code: (await protectedActor(situation)).authenticator.code(),
});

/** Arguments of good requests where those of the authorisation table are refused, or find nothing. Each caller is new. */
export const GOOD_ARGUMENTS: Readonly<Record<string, (situation: Situation) => Promise<Variables>>> = {
  listMessages: async ({ target }) => {
    const conversationId = await target.conversation();
    await target.write(conversationId, { invokeLlm: true, waitForReply: true });
    return { conversationId };
  },
  listPersonalAccessTokens: async ({ target }) => {
    await target.makeToken(['chat']);
    return {};
  },
  adminListPersonalAccessTokens: async ({ target }) => {
    await target.makeToken(['chat']);
    return { userId: target.owner.userId };
  },
  listAnnouncements: async (situation) => {
    await announcement(situation);
    return {};
  },
  adminListAnnouncements: async (situation) => {
    await announcement(situation);
    return {};
  },
  updateAnnouncement: async (situation) => ({ id: await announcement(situation), input: { text: 'Changed.' } }),
  endAnnouncement: async (situation) => ({ id: await announcement(situation) }),
  confirmSecondFactor: async (situation) => {
    const { uri } = await enrol(actorOf(situation));
    return { code: new Authenticator(uri).code() };
  },
  regenerateRecoveryCodes: freshCode,
  disableSecondFactor: freshCode,
  completeLogin: async (situation) => {
    const { actor, authenticator } = await protectedActor(situation);
    return { input: { challenge: await challengeOf(actor), code: authenticator.code() } };
  },
  finishPasskeyRegistration: async (situation) => {
    const actor = actorOf(situation);
    const credential = new SoftwareAuthenticator().create(await creationOptions(actor), actor.url);
    return { input: { name: 'phone', credential } };
  },
  finishPasskeyLogin: async (situation) => {
    const actor = actorOf(situation);
    const authenticator = new SoftwareAuthenticator();
    await registerPasskey(actor, authenticator);
    return { credential: authenticator.get(await requestOptions(actor), actor.url) };
  },
  confirmEmailChange: async (situation) => {
    const { email, password } = situation.caller;
    const to = `new-${email}`;
    await actorOf(situation).rest('POST', '/auth/change-email', { password, email: to });
    return { code: await situation.mailServer.codeTo(to) };
  },
  undoAccountChange: async (situation) => {
    await actorOf(situation).rest('PATCH', '/users/me', { password: 'a battery of horses' });
    return { token: undoTokenIn((await situation.mailServer.mailTo(situation.caller.email)).message) };
  },
  resetPassword: async (situation) => {
    const { email } = situation.caller;
    const otp = await codeByMail(situation, actorOf(situation), '/auth/request-reset');
    return { input: { email, otp, newPassword: 'a battery of horses' } };
  },
  verifyEmail: async (situation) => {
    const { email } = situation.caller;
    return { input: { email, otp: await codeByMail(situation, actorOf(situation), '/auth/request-verify') } };
  },
};
