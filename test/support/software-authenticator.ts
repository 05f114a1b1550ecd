import { createHash, generateKeyPairSync, randomBytes, sign, type KeyPairKeyObjectResult } from 'node:crypto';
import { isoCBOR } from '@simplewebauthn/server/helpers';

/** The options of `navigator.credentials.create` and `get`, as JSON. */
export interface CreationOptions {
  readonly challenge: string;
  readonly rp: { readonly id: string };
  readonly user: { readonly id: string };
  readonly excludeCredentials: readonly { readonly id: string }[];
}
export interface RequestOptions {
  readonly challenge: string;
  readonly rpId: string;
}

/** Deviations from correct behaviour. */
export interface Oddities {
  readonly origin?: string;
  readonly rpId?: string;
  readonly type?: string;
  readonly challenge?: string;
  readonly isUserPresent?: boolean;
  readonly isUserVerified?: boolean;
  readonly counter?: number;
  readonly userHandle?: string;
  readonly crossOrigin?: boolean;
  /** The attestation, in place of none, made of a signature of the passkey itself and its keys. */
  readonly attestation?: (
    signature: Uint8Array,
    keys: KeyPairKeyObjectResult,
  ) => readonly [format: string, statement: Map<string, unknown>];
}

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;
/** COSE (RFC 9053, section 7.1): an elliptic curve key of two coordinates on P-256, for ES256. */
const [KTY, ALG, CRV, X, Y] = [1, 3, -1, -2, -3];
const [EC2, ES256, P256] = [2, -7, 1];

/** A browser with an authenticator that holds one passkey and obeys the test: WebAuthn, sections 5 and 6. */
export class SoftwareAuthenticator {
  readonly credentialId = randomBytes(32).toString('base64url');
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  #userHandle = '';
  counter = 0;

  /** @param origin of the requesting page; the service's own by default */
  constructor(private readonly origin?: string) {}

  create(options: CreationOptions, serviceUrl: string, oddities: Oddities = {}): object {
    this.#userHandle = options.user.id;
    const authData = Buffer.concat([
      this.#authenticatorData(options.rp.id, HAS_CREDENTIAL, oddities),
      this.#attestedCredential(),
    ]);
    const clientData = this.#clientData('webauthn.create', options.challenge, serviceUrl, oddities);
    const { attestation = () => ['none', new Map<string, unknown>()] as const } = oddities;
    const [format, statement] = attestation(new Uint8Array(this.#sign(authData, clientData)), this.#keys);
    const attestationObject = isoCBOR.encode(
      new Map<string, never>([
        ['fmt', format as never],
        ['attStmt', statement as never],
        ['authData', new Uint8Array(authData) as never],
      ]),
    );
    return this.#answer({
      clientDataJSON: clientData.toString('base64url'),
      attestationObject: Buffer.from(attestationObject).toString('base64url'),
      transports: ['internal'],
    });
  }

  get(options: RequestOptions, serviceUrl: string, oddities: Oddities = {}): object {
    if (this.counter > 0) this.counter++;
    const authData = this.#authenticatorData(options.rpId, 0, oddities);
    const clientData = this.#clientData('webauthn.get', options.challenge, serviceUrl, oddities);
    return this.#answer({
      clientDataJSON: clientData.toString('base64url'),
      authenticatorData: authData.toString('base64url'),
      signature: this.#sign(authData, clientData).toString('base64url'),
      userHandle: oddities.userHandle ?? this.#userHandle,
    });
  }

  #sign(authData: Buffer, clientData: Buffer): Buffer {
    const signed = Buffer.concat([authData, createHash('sha256').update(clientData).digest()]);
    return sign('sha256', signed, this.#keys.privateKey);
  }

  #answer(response: object): object {
    const { credentialId: id } = this;
    return {
      id,
      rawId: id,
      type: 'public-key',
      authenticatorAttachment: 'platform',
      clientExtensionResults: {},
      response,
    };
  }

  #clientData(type: string, challenge: string, serviceUrl: string, oddities: Oddities): Buffer {
    const origin = oddities.origin ?? this.origin ?? new URL(serviceUrl).origin;
    const { crossOrigin = false } = oddities;
    return Buffer.from(
      JSON.stringify({ type: oddities.type ?? type, challenge: oddities.challenge ?? challenge, origin, crossOrigin }),
    );
  }

  #authenticatorData(rpId: string, flags: number, oddities: Oddities): Buffer {
    const { isUserPresent = true, isUserVerified = true, counter = this.counter } = oddities;
    const data = Buffer.alloc(37);
    createHash('sha256')
      .update(oddities.rpId ?? rpId)
      .digest()
      .copy(data);
    data.writeUInt8(flags | (isUserPresent ? USER_PRESENT : 0) | (isUserVerified ? USER_VERIFIED : 0), 32);
    data.writeUInt32BE(counter, 33);
    return data;
  }

  #attestedCredential(): Buffer {
    const id = Buffer.from(this.credentialId, 'base64url');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(id.length);
    const { x = '', y = '' } = this.#keys.publicKey.export({ format: 'jwk' });
    const key = new Map<number, number | Uint8Array<ArrayBuffer>>([
      [KTY, EC2],
      [ALG, ES256],
      [CRV, P256],
      [X, new Uint8Array(Buffer.from(x, 'base64url'))],
      [Y, new Uint8Array(Buffer.from(y, 'base64url'))],
    ]);
    return Buffer.concat([Buffer.alloc(16), length, id, isoCBOR.encode(key)]);
  }
}
