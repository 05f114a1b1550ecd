/** A user as an identity provider describes them. */
export interface ProviderUser {
  /** The provider's issuer URL: identifies it permanently, whatever its name in the settings. */
  readonly issuer: string;
  /** The provider's id of the user: unique for an issuer and never used again. At most 255 characters. */
  readonly subject: string;
  /** The e-mail address in the case that the provider has. Null when it sent none. */
  readonly email: string | null;
  /** Whether the provider has verified the address. */
  readonly isEmailVerified: boolean;
}

/** Values that bind a provider's response to the request. Each is made for one login and kept secret. */
export interface LoginBinding {
  /** Returned with the response. */
  readonly state: string;
  /** Returned in the ID token. */
  readonly nonce: string;
  /** PKCE (RFC 7636): its hash is sent with the request, the verifier itself with the code. */
  readonly codeVerifier: string;
  /** The redirect URI, registered at the provider. */
  readonly redirectUri: string;
}

/** The parameters of a provider's redirect back to us. */
export interface ProviderAnswer {
  readonly code: string | null;
  /** The issuer (RFC 9207). Null when the provider sends none. */
  readonly issuer: string | null;
  /** An error code of RFC 6749, 4.1.2.1, such as `access_denied`. Null when there is a code. */
  readonly error: string | null;
}

/** The configuration of a provider. */
export interface IdentityProviderSettings {
  /** Its name in URLs: lower case letters, digits and dashes, as `google`. */
  readonly name: string;
  /** Display name, as `Google`. */
  readonly label: string;
  /** `https:`, or `http:` for a provider on this machine. */
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined for a public client. */
  readonly clientSecret: string | undefined;
  readonly clientAuthentication: 'client_secret_basic' | 'client_secret_post';
  /** Separated by spaces; includes `openid`. */
  readonly scopes: string;
}

/** An external service that users log in with instead of a password here. */
export interface IdentityProvider extends Pick<IdentityProviderSettings, 'name' | 'label'> {
  /**
   * The URL to send the user to.
   * @throws Unavailable `Login provider unavailable`
   */
  authorizationUrl(binding: LoginBinding): Promise<string>;
  /**
   * Exchanges the response for the user, after checking everything that the provider sent.
   * @throws Unauthenticated `Login cancelled`, or `Login refused by the provider` when the response is an error or does not
   * hold up; Unavailable `Login provider unavailable`
   */
  redeem(answer: ProviderAnswer, binding: LoginBinding): Promise<ProviderUser>;
}
