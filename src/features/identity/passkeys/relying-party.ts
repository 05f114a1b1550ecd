import {
  PASSKEY_CHALLENGE_MINUTES,
  userHandleOf,
  type Credential,
  type LoginAnswer,
  type NewCredential,
  type RegistrationAnswer,
} from './passkey.js';

/** Loaded with the first passkey: its parsers of certificates cost each start a tenth of a second. */
const library = () => import('@simplewebauthn/server');
const helpers = () => import('@simplewebauthn/server/helpers');

const NAME = 'Flynkle';
const TIMEOUT_MS = PASSKEY_CHALLENGE_MINUTES * 60_000;

/** Options for the browser: JSON for `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`. */
export type PasskeyOptions = Readonly<Record<string, unknown>>;

export interface RegistrationRequest {
  readonly challenge: string;
  readonly userId: string;
  /** The account name that the authenticator shows to the user. */
  readonly account: string;
  /** The user's existing passkeys: an authenticator that holds one of them refuses to create another. */
  readonly present: readonly { readonly credentialId: string; readonly transports: readonly string[] }[];
}

/**
 * The service in the role that WebAuthn calls relying party (https://www.w3.org/TR/webauthn-3/). A passkey counts as
 * two factors: a device, and a finger, a face or a PIN. So each one must be discoverable and verify its user.
 */
export class RelyingParty {
  readonly #id: string;
  readonly #origins: () => readonly string[];

  /**
   * @param id the domain for which passkeys are valid, including its subdomains
   * @param origins those of the pages that may use passkeys, such as `https://app.example.com`
   */
  constructor(id: string, origins: () => readonly string[]) {
    this.#id = id;
    this.#origins = origins;
  }

  async registrationOptions({ challenge, userId, account, present }: RegistrationRequest): Promise<PasskeyOptions> {
    const { generateRegistrationOptions } = await library();
    const options = await generateRegistrationOptions({
      rpName: NAME,
      rpID: this.#id,
      userID: new Uint8Array(userHandleOf(userId)),
      userName: account,
      userDisplayName: account,
      challenge: new Uint8Array(bytesOf(challenge)),
      timeout: TIMEOUT_MS,
      attestationType: 'none',
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      excludeCredentials: present.map(({ credentialId, transports }) => ({
        id: credentialId,
        transports: [...transports],
      })),
    });
    return { ...options };
  }

  async loginOptions(challenge: string): Promise<PasskeyOptions> {
    const { generateAuthenticationOptions } = await library();
    const options = await generateAuthenticationOptions({
      rpID: this.#id,
      challenge: new Uint8Array(bytesOf(challenge)),
      timeout: TIMEOUT_MS,
      userVerification: 'required',
    });
    return { ...options };
  }

  /** @returns null unless the answer is valid for this challenge, from an allowed origin, with user verification */
  async verifyRegistration(answer: RegistrationAnswer, challenge: string): Promise<NewCredential | null> {
    const { transports = [] } = answer.response;
    if (await hasCertificates(answer)) return null;
    const { verifyRegistrationResponse } = await library();
    const verified = await nullUnlessGood(() =>
      verifyRegistrationResponse({
        response: {
          ...answer,
          response: { ...answer.response, transports: [...transports] },
          clientExtensionResults: {},
        },
        expectedChallenge: challenge,
        expectedOrigin: [...this.#origins()],
        expectedRPID: this.#id,
        requireUserVerification: true,
      }),
    );
    if (verified?.verified !== true) return null;
    const { credential, credentialBackedUp } = verified.registrationInfo;
    return {
      credentialId: credential.id,
      publicKey: Buffer.from(credential.publicKey),
      counter: credential.counter,
      transports,
      isBackedUp: credentialBackedUp,
    };
  }

  /**
   * @returns null unless the answer is valid for this challenge and credential, from an allowed origin, with user
   * verification; also null when its counter is not higher than the stored one, which means that the passkey was cloned
   */
  async verifyLogin(
    answer: LoginAnswer,
    challenge: string,
    { credentialId, publicKey, counter, userId }: Credential,
  ): Promise<Pick<NewCredential, 'counter' | 'isBackedUp'> | null> {
    if (answer.response.userHandle !== userHandleOf(userId).toString('base64url')) return null;
    const { verifyAuthenticationResponse } = await library();
    const verified = await nullUnlessGood(() =>
      verifyAuthenticationResponse({
        response: { ...answer, clientExtensionResults: {} },
        expectedChallenge: challenge,
        expectedOrigin: [...this.#origins()],
        expectedRPID: this.#id,
        requireUserVerification: true,
        credential: { id: credentialId, publicKey: new Uint8Array(publicKey), counter },
      }),
    );
    if (verified?.verified !== true) return null;
    const { newCounter, credentialBackedUp } = verified.authenticationInfo;
    return { counter: newCounter, isBackedUp: credentialBackedUp };
  }
}

/** Reads the challenge from an answer. @returns null when it has none */
export function challengeOf({ response }: RegistrationAnswer | LoginAnswer): string | null {
  try {
    const { challenge } = JSON.parse(bytesOf(response.clientDataJSON).toString()) as { readonly challenge?: unknown };
    return typeof challenge === 'string' ? challenge : null;
  } catch {
    return null;
  }
}

/**
 * Whether the answer has an attestation by the authenticator's maker. We never request one. It is refused because the
 * library would check a chain with a root of its own (`android-key`) for revocation, and so request any URL named in
 * the certificates from inside our network.
 */
async function hasCertificates({ response }: RegistrationAnswer): Promise<boolean> {
  const { decodeAttestationObject } = await helpers();
  try {
    const attestation = decodeAttestationObject(new Uint8Array(bytesOf(response.attestationObject)));
    const format = attestation.get('fmt');
    return format !== 'none' && !(format === 'packed' && attestation.get('attStmt').get('x5c') === undefined);
  } catch {
    return true;
  }
}

function bytesOf(base64url: string) {
  return Buffer.from(base64url, 'base64url');
}

/** Turns the library's errors into null: it throws for invalid answers only. */
async function nullUnlessGood<Verified>(verify: () => Promise<Verified>): Promise<Verified | null> {
  try {
    return await verify();
  } catch {
    return null;
  }
}
