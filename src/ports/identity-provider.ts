/** Someone as a provider of logins knows them. */
export interface ProviderUser {
  /** The provider's own address: names it for good, whatever the settings call it. */
  readonly issuer: string;
  /** The provider's id of the user: unique for an issuer and never used again. At most 255 characters. */
  readonly subject: string;
  /** In lower or upper case as the provider has it. Null when it told none. */
  readonly email: string | null;
  /** Whether the provider says that the address is the user's. */
  readonly isEmailVerified: boolean;
}

/** What ties the answer of a provider to the question. Each is made for one login and known to nobody else. */
export interface LoginBinding {
  /** Comes back with the answer. */
  readonly state: string;
  /** Comes back in the ID token. */
  readonly nonce: string;
  /** RFC 7636: its hash goes out with the question, itself with the code. */
  readonly codeVerifier: string;
  /** Where the provider sends the user with its answer; registered there. */
  readonly redirectUri: string;
}

/** What a provider sent the user back with. */
export interface ProviderAnswer {
  readonly code: string | null;
  /** RFC 9207. Null when the provider does not name itself. */
  readonly issuer: string | null;
  /** RFC 6749, 4.1.2.1, as `access_denied`. Null when there is a code. */
  readonly error: string | null;
}

/** What has to be known of a provider to speak with it. */
export interface IdentityProviderSettings {
  /** In addresses: lower case letters, digits and dashes, as `google`. */
  readonly name: string;
  /** For people, as `Google`. */
  readonly label: string;
  /** `https:`, or `http:` for a provider on this machine. */
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined for a public client. */
  readonly clientSecret: string | undefined;
  readonly clientAuthentication: 'client_secret_basic' | 'client_secret_post';
  /** Separated by spaces; `openid` among them. */
  readonly scopes: string;
}

/** One that users log in at, in place of a password of ours. */
export interface IdentityProvider extends Pick<IdentityProviderSettings, 'name' | 'label'> {
  /**
   * Where to send the user.
   * @throws Unavailable `Login provider unavailable`
   */
  authorizationUrl(binding: LoginBinding): Promise<string>;
  /**
   * Trades the answer for who the user is, once all that the provider said was checked.
   * @throws Unauthenticated `Login cancelled`, or `Login refused by the provider`, when it did not vouch for anyone, in its
   * answer or in what can be believed of it; Unavailable `Login provider unavailable`
   */
  redeem(answer: ProviderAnswer, binding: LoginBinding): Promise<ProviderUser>;
}
