import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  ClientSecretBasic,
  ClientSecretPost,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  type Configuration,
} from 'openid-client';
import type { Clock } from '../../kernel/clock.js';
import { Unauthenticated } from '../../kernel/errors.js';
import type { Log } from '../../kernel/log.js';
import { MAX_EMAIL_LENGTH } from '../../kernel/rules.js';
import type {
  IdentityProvider,
  IdentityProviderSettings,
  LoginBinding,
  ProviderAnswer,
  ProviderUser,
} from '../../ports/identity-provider.js';
import { failureOf, providerUnavailable } from './oidc-failure.js';

/** Timeout of each request to the provider; short, since a user waits. */
const TIMEOUT_SECONDS = 5;
/** How long metadata are cached: they seldom change, and the keys are fetched again when an unknown one appears. */
const METADATA_MS = 3_600_000;
/** OpenID Connect Core 1.0, section 2. */
const SUBJECT = /^[\x20-\x7e]{1,255}$/;

export interface OidcIdentityProviderOptions extends IdentityProviderSettings {
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

interface Metadata {
  readonly configuration: Promise<Configuration>;
  readonly goodUntil: number;
}

/**
 * An OpenID Connect provider, by the authorization code flow with PKCE. Its metadata are fetched when a login first needs
 * them: a provider that is down affects its own users only, and is tried again at the next login.
 */
export class OidcIdentityProvider implements IdentityProvider {
  readonly name: string;
  readonly label: string;
  readonly #options: OidcIdentityProviderOptions;
  #metadata: Metadata | undefined;

  constructor(options: OidcIdentityProviderOptions) {
    this.name = options.name;
    this.label = options.label;
    this.#options = options;
  }

  /** @throws Unavailable when the provider does not tell its metadata, which is logged with the reason */
  async verify(): Promise<void> {
    await this.#configuration();
  }

  async authorizationUrl({ state, nonce, codeVerifier, redirectUri }: LoginBinding): Promise<string> {
    const configuration = await this.#configuration();
    return buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: this.#options.scopes,
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
    }).href;
  }

  async redeem(answer: ProviderAnswer, binding: LoginBinding): Promise<ProviderUser> {
    const configuration = await this.#configuration();
    try {
      return await this.#userOf(configuration, answer, binding);
    } catch (error) {
      const { error: refusal, reason } = failureOf(error);
      this.#options.log.warn({ provider: this.name, reason }, 'a login at a provider failed');
      throw refusal;
    }
  }

  async #userOf(configuration: Configuration, answer: ProviderAnswer, binding: LoginBinding): Promise<ProviderUser> {
    const tokens = await authorizationCodeGrant(configuration, callbackUrl(answer, binding), {
      expectedState: binding.state,
      expectedNonce: binding.nonce,
      pkceCodeVerifier: binding.codeVerifier,
      idTokenExpected: true,
    });
    const idToken = tokens.claims();
    if (idToken === undefined || !SUBJECT.test(idToken.sub)) throw new Unauthenticated('Login refused by the provider');
    const { iss: issuer, sub: subject } = idToken;
    const hasEmail = Object.hasOwn(idToken, 'email');
    const claims =
      hasEmail || configuration.serverMetadata().userinfo_endpoint === undefined
        ? idToken
        : await fetchUserInfo(configuration, tokens.access_token, subject);
    return { issuer, subject, ...emailOf(claims.email, claims.email_verified) };
  }

  /** Concurrent logins share one request for the metadata. */
  #configuration(): Promise<Configuration> {
    const now = this.#options.clock.now().getTime();
    if (this.#metadata === undefined || this.#metadata.goodUntil <= now) {
      const configuration = this.#discover();
      const made = { configuration, goodUntil: now + METADATA_MS };
      this.#metadata = made;
      configuration.catch(() => {
        if (this.#metadata === made) this.#metadata = undefined;
      });
    }
    return this.#metadata.configuration;
  }

  async #discover(): Promise<Configuration> {
    const { issuer, clientId, clientSecret, clientAuthentication } = this.#options;
    const authenticate = clientAuthentication === 'client_secret_basic' ? ClientSecretBasic : ClientSecretPost;
    try {
      const configuration = await discovery(
        new URL(issuer),
        clientId,
        undefined,
        clientSecret === undefined ? None() : authenticate(clientSecret),
        {
          timeout: TIMEOUT_SECONDS,
          // The settings allow `http:` on this machine only. Signatures are checked although the token comes directly from the
          // provider, in case a broken proxy or cache returns another one.
          // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated to be noticed, says its documentation
          execute: [...(issuer.startsWith('http:') ? [allowInsecureRequests] : []), enableNonRepudiationChecks],
        },
      );
      // Throws when the metadata have no authorization endpoint, or an unsafe one.
      buildAuthorizationUrl(configuration, {});
      return configuration;
    } catch (error) {
      const { reason } = failureOf(error);
      this.#options.log.warn({ provider: this.name, reason }, 'a login provider did not tell its metadata');
      throw providerUnavailable();
    }
  }
}

/** The URL that the provider redirected to, without the parameters that are not read. */
function callbackUrl({ code, issuer, error }: ProviderAnswer, { state, redirectUri }: LoginBinding): URL {
  const url = new URL(redirectUri);
  url.searchParams.set('state', state);
  if (code !== null) url.searchParams.set('code', code);
  if (issuer !== null) url.searchParams.set('iss', issuer);
  if (error !== null) url.searchParams.set('error', error);
  return url;
}

/** Some providers send the string "true" instead of the boolean. */
function emailOf(email: unknown, isVerified: unknown): Pick<ProviderUser, 'email' | 'isEmailVerified'> {
  if (typeof email !== 'string' || email === '' || email.length > MAX_EMAIL_LENGTH) {
    return { email: null, isEmailVerified: false };
  }
  return { email, isEmailVerified: isVerified === true || isVerified === 'true' };
}
