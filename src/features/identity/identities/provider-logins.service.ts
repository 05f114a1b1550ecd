import type { Client } from '../../../kernel/caller.js';
import { clientNetwork } from '../../../kernel/client-network.js';
import { minutesFrom, type Clock } from '../../../kernel/clock.js';
import {
  DomainError,
  Forbidden,
  Invalid,
  NotFound,
  Unauthenticated,
  Unavailable,
  type Fault,
} from '../../../kernel/errors.js';
import { isToken, newToken, sha256 } from '../../../kernel/token.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { IdentityProvider } from '../../../ports/identity-provider.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { LoginRow } from '../accounts/user.js';
import type { FreshProof } from '../sessions/fresh-proof.js';
import type { LoginDetails, LoginService } from '../login/login.service.js';
import type { Tokens } from '../sessions/sessions.service.js';
import type { IdentitiesService } from './identities.service.js';
import { vouchedUser, type IdentityRow, type VouchedUser } from './identity.js';
import { bindingOf, CODE_SECONDS, LOGIN_MINUTES, matchesChallenge } from './provider-login.js';
import type { ProviderLoginsRepository, StoredLogin } from './provider-logins.repository.js';

export const INVALID_STATE = 'Invalid login state';
export const INVALID_CODE = 'Invalid login code';

/** The data with which a client starts a login. */
export interface LoginRequest {
  readonly provider: string;
  /** The client's own page that finishes the login. Null for the service's callback. */
  readonly redirectUri: string | null;
  /** The client's page to which the service's callback redirects the browser. */
  readonly returnUrl: string | null;
  /** Goes with `returnUrl`: the PKCE challenge for redeeming the login code that the browser takes there. */
  readonly codeChallenge: string | null;
  /** The secret of another login of this client, if that one is to stay valid. */
  readonly secret: string | null;
}

/** The data with which a user starts linking a provider. */
export interface LinkRequest {
  readonly provider: string;
  /** The client's own page that finishes the linking. */
  readonly redirectUri: string;
  /** Null for a user without a password, who must have logged in recently. */
  readonly password: string | null;
}

export interface StartedLogin {
  readonly authorizationUrl: string;
  /** Comes back from the provider and tells a client's logins apart. */
  readonly state: string;
  /** Required to finish the login; the client must not send it anywhere else. */
  readonly secret: string;
  readonly expiresAt: Date;
}

/** The data with which a client finishes a login. */
export interface LoginAnswer {
  readonly provider: string;
  readonly state: string;
  readonly secret: string;
  readonly code: string | null;
  readonly issuer: string | null;
  readonly error: string | null;
}

/** Either the tokens, or the `returnUrl` with a code to redeem for them; the other is null. */
export interface FinishedLogin {
  readonly tokens: Tokens | null;
  readonly returnUrl: string | null;
}

export interface ProviderLoginsServiceNeeds {
  readonly providers: readonly IdentityProvider[];
  readonly repository: ProviderLoginsRepository;
  readonly identities: Pick<IdentitiesService, 'link' | 'resolve' | 'isLinked'>;
  readonly directory: Pick<UserDirectory, 'findLoginById'>;
  readonly login: Pick<LoginService, 'admit'>;
  readonly freshProof: Pick<FreshProof, 'require'>;
  readonly audit: AuditLog;
  /** Limits started logins per network. Throws RateLimited `Too many requests`. */
  readonly limiter: RateLimiter;
  /** Addresses of clients, in the form of `URL.href`, to which a provider or the callback may redirect a browser. */
  readonly returnUrls: readonly string[];
  /** The address of the service's own callback for a provider. */
  readonly callbackUrl: (provider: string) => string;
  readonly clock: Clock;
}

/** Login at a provider: the redirect to it, and the return from it. */
export class ProviderLoginsService {
  readonly #providers: ReadonlyMap<string, IdentityProvider>;

  constructor(private readonly needs: ProviderLoginsServiceNeeds) {
    this.#providers = new Map(needs.providers.map((provider) => [provider.name, provider]));
  }

  list(): readonly Pick<IdentityProvider, 'name' | 'label'>[] {
    return [...this.#providers.values()];
  }

  /** @throws NotFound `Login provider`; Invalid; RateLimited; Unavailable `Login provider unavailable` */
  start(request: LoginRequest, client: Client): Promise<StartedLogin> {
    return this.#start(request, null, client);
  }

  /**
   * Starts a login at a provider that is to be linked to the viewer. The link lets its owner log in for good, so the
   * viewer has to prove their identity first: an access token alone, which may be stolen, is not enough.
   * @throws as {@link start}, and as {@link FreshProof.require}; Forbidden for an internal call, which has no session
   */
  async startLink(viewer: Viewer, { provider, redirectUri, password }: LinkRequest): Promise<StartedLogin> {
    const { sessionId, client } = viewer;
    if (sessionId === null) throw new Forbidden();
    this.#provider(provider);
    await this.needs.freshProof.require(viewer, password, 'input.password');
    const request = { provider, redirectUri, returnUrl: null, codeChallenge: null, secret: null };
    return this.#start(request, sessionId, client);
  }

  async #start(request: LoginRequest, sessionId: string | null, client: Client): Promise<StartedLogin> {
    const { repository, limiter, callbackUrl, clock } = this.needs;
    const provider = this.#provider(request.provider);
    const faults = this.#faultsOf(request);
    if (faults.length > 0) throw new Invalid(faults);
    await limiter(client.ipAddress === null ? 'unknown' : clientNetwork(client.ipAddress));
    const now = clock.now();
    const state = newToken();
    const secret = request.secret !== null && isToken(request.secret) ? request.secret : newToken();
    const redirectUri = request.redirectUri ?? callbackUrl(provider.name);
    const authorizationUrl = await provider.authorizationUrl(bindingOf(state, secret, redirectUri));
    const { returnUrl, codeChallenge } = request;
    const expiresAt = minutesFrom(now, LOGIN_MINUTES);
    const login = { provider: provider.name, redirectUri, returnUrl, codeChallenge, sessionId };
    await repository.insert(sha256(state), sha256(secret), login, expiresAt);
    await repository.deleteExpired(now);
    return { authorizationUrl, state, secret, expiresAt };
  }

  /**
   * Logs in the person whom the provider vouches for. If the login started with a `returnUrl`, its result is reported
   * there, whether it succeeded or failed; only an invalid state throws.
   * @throws Invalid {@link INVALID_STATE} when the state is unknown, used or expired, or the secret does not match;
   * Unauthenticated `Login cancelled`, `Login refused by the provider`; Conflict; Unavailable; and as the login with a
   * password
   */
  async finish(answer: LoginAnswer, client: Client): Promise<FinishedLogin> {
    const login = await this.#take(answer, null);
    const { returnUrl, codeChallenge } = login;
    if (returnUrl !== null && codeChallenge !== null) {
      return { tokens: null, returnUrl: await this.#returnTo(returnUrl, codeChallenge, login, answer, client) };
    }
    const { user } = await this.#userOf(login, answer, client);
    return { tokens: await this.needs.login.admit(user, client, detailsOf(login.provider)), returnUrl: null };
  }

  /**
   * Trades the code that a browser brought to a `returnUrl` for tokens. A wrong verifier also consumes the code.
   * @throws Invalid {@link INVALID_CODE}; and as the login with a password
   */
  async redeemCode(code: string, codeVerifier: string, client: Client): Promise<Tokens> {
    const { repository, clock, login } = this.needs;
    const stored = isToken(code) ? await repository.takeCode(sha256(code), clock.now()) : null;
    if (stored === null || !matchesChallenge(stored.codeChallenge, codeVerifier)) {
      throw new Invalid([{ field: 'input.code', message: 'is wrong, used or no longer good' }], INVALID_CODE);
    }
    return login.admit(stored.user, client, detailsOf(stored.provider));
  }

  /**
   * Links the person whom the provider vouches for to the viewer, in the session that started it.
   * @throws Invalid {@link INVALID_STATE}; Unauthenticated; Conflict; Unavailable; Forbidden for an internal call
   */
  async finishLink(viewer: Viewer, answer: LoginAnswer): Promise<IdentityRow> {
    if (viewer.sessionId === null) throw new Forbidden();
    const login = await this.#take(answer, viewer.sessionId);
    return this.needs.identities.link(viewer, await this.#vouchedUser(login, answer));
  }

  async #returnTo(
    returnUrl: string,
    codeChallenge: string,
    login: StoredLogin,
    answer: LoginAnswer,
    client: Client,
  ): Promise<string> {
    const { repository, clock } = this.needs;
    const url = new URL(returnUrl);
    try {
      const { identity } = await this.#userOf(login, answer, client);
      const code = newToken();
      const expiresAt = new Date(clock.now().getTime() + CODE_SECONDS * 1000);
      await repository.insertCode(sha256(code), codeChallenge, identity.id, expiresAt);
      url.searchParams.set('code', code);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      url.searchParams.set('error', error.code);
      url.searchParams.set('error_description', error.message);
    }
    return url.href;
  }

  async #userOf(
    login: StoredLogin,
    answer: LoginAnswer,
    client: Client,
  ): Promise<{ readonly identity: IdentityRow; readonly user: LoginRow }> {
    const { identities, audit } = this.needs;
    try {
      const identity = await identities.resolve(await this.#vouchedUser(login, answer), client);
      const user = await this.#loginOf(identity.userId);
      // After the user is read: if the link was cleared before, the user's state is that of another person's account.
      if (!(await identities.isLinked(identity))) throw new Unauthenticated('Invalid credentials');
      return { identity, user };
    } catch (error) {
      if (error instanceof DomainError && !(error instanceof Unavailable)) {
        const details = { ...detailsOf(login.provider), reason: error.message };
        await audit.record({ action: 'LOGIN_FAILED', actorId: null, subjectId: null, client, details });
      }
      throw error;
    }
  }

  async #vouchedUser({ provider, redirectUri }: StoredLogin, answer: LoginAnswer): Promise<VouchedUser> {
    const binding = bindingOf(answer.state, answer.secret, redirectUri);
    return vouchedUser(provider, await this.#provider(provider).redeem(answer, binding));
  }

  /** A deleted user gets the same error as at a login with a password. */
  async #loginOf(userId: string): Promise<LoginRow> {
    const user = await this.needs.directory.findLoginById(userId);
    if (user === null) throw new Unauthenticated('Invalid credentials');
    return user;
  }

  async #take({ provider, state, secret }: LoginAnswer, sessionId: string | null): Promise<StoredLogin> {
    const { repository, clock } = this.needs;
    const key = { stateHash: sha256(state), secretHash: sha256(secret), provider, sessionId };
    const login = await repository.take(key, clock.now());
    if (login !== null) return login;
    throw new Invalid(
      [{ field: 'input.state', message: 'is unknown, used or too old, or of another client' }],
      INVALID_STATE,
    );
  }

  #provider(name: string): IdentityProvider {
    const provider = this.#providers.get(name);
    if (provider === undefined) throw new NotFound('Login provider');
    return provider;
  }

  #faultsOf({ redirectUri, returnUrl, codeChallenge }: LoginRequest): Fault[] {
    const faults: Fault[] = [];
    if (redirectUri !== null && !this.needs.returnUrls.includes(redirectUri)) {
      faults.push({ field: 'input.redirectUri', message: 'is not an address that logins may end at' });
    }
    if (returnUrl !== null && !this.needs.returnUrls.includes(returnUrl)) {
      faults.push({ field: 'input.returnUrl', message: 'is not an address that logins may end at' });
    }
    if (returnUrl !== null && redirectUri !== null) {
      faults.push({ field: 'input.returnUrl', message: 'must be left out beside redirectUri' });
    }
    if ((returnUrl === null) !== (codeChallenge === null)) {
      faults.push({ field: 'input.codeChallenge', message: 'belongs to returnUrl: send both or neither' });
    }
    return faults;
  }
}

/** The details of a login for the audit log. */
function detailsOf(provider: string): LoginDetails & { readonly provider: string } {
  return { means: 'provider', provider };
}
