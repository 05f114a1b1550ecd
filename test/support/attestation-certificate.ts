import { sign, type KeyPairKeyObjectResult } from 'node:crypto';

/** DER (X.690): the parts of a certificate as bytes. */
const [INTEGER, OCTETS, OID, UTF8, PRINTABLE, TIME, SEQUENCE, SET, VERSION, EXTENSIONS] = [
  0x02, 0x04, 0x06, 0x0c, 0x13, 0x17, 0x30, 0x31, 0xa0, 0xa3,
];
const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const BASIC_CONSTRAINTS = '551d13';
const [COUNTRY, ORGANISATION, UNIT, NAME] = ['550406', '55040a', '55040b', '550403'];

function part(tag: number, ...contents: readonly (Buffer | string)[]): Buffer {
  const content = Buffer.concat(contents.map((one) => (typeof one === 'string' ? Buffer.from(one) : one)));
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const oid = (hex: string) => part(OID, Buffer.from(hex, 'hex'));
const named = (type: string, tag: number, value: string) => part(SET, part(SEQUENCE, oid(type), part(tag, value)));

/** A self-signed attestation certificate, as an authenticator's maker has it (WebAuthn, section 8.2.1). */
export function attestationCertificate({ publicKey, privateKey }: KeyPairKeyObjectResult): Buffer {
  const algorithm = part(SEQUENCE, oid(ECDSA_WITH_SHA256));
  const name = part(
    SEQUENCE,
    named(COUNTRY, PRINTABLE, 'US'),
    named(ORGANISATION, UTF8, 'A maker'),
    named(UNIT, UTF8, 'Authenticator Attestation'),
    named(NAME, UTF8, 'An authenticator'),
  );
  const toBeSigned = part(
    SEQUENCE,
    part(VERSION, part(INTEGER, Buffer.from([2]))),
    part(INTEGER, Buffer.from([1])),
    algorithm,
    name,
    part(SEQUENCE, part(TIME, '250101000000Z'), part(TIME, '491231235959Z')),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    part(EXTENSIONS, part(SEQUENCE, part(SEQUENCE, oid(BASIC_CONSTRAINTS), part(OCTETS, part(SEQUENCE))))),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  return part(SEQUENCE, toBeSigned, algorithm, part(0x03, Buffer.from([0]), signature));
}
