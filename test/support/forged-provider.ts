import { once } from 'node:events';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';

export interface ForgedAnswer {
  readonly status?: number;
  readonly body: unknown;
}

/** An OpenID provider whose responses a test sets. */
export interface ForgedProvider {
  readonly issuer: string;
  readonly clientId: string;
  /** For `OIDC_PROVIDERS`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Overrides of its metadata; undefined for a response with status 500. */
  metadata: Readonly<Record<string, unknown>> | undefined;
  /** The response of its token endpoint; undefined for none. */
  answer: ForgedAnswer | undefined;
  /** The response of its userinfo endpoint, if its metadata name one. */
  userInfo: ForgedAnswer;
  /** Valid, correctly signed claims about a new user. */
  claims(nonce: string): JWTPayload & { readonly sub: string };
  sign(claims: JWTPayload, key?: CryptoKey): Promise<string>;
  close(): Promise<void>;
}

/** @param port 0 for any that is free */
export async function startForgedProvider(name = 'forger', port = 0): Promise<ForgedProvider> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'forger', use: 'sig', alg: 'RS256' };
  const clientId = 'flynkle';
  let number = 0;
  const server = createServer((request, response) => {
    const send = (body: unknown, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.url === '/.well-known/openid-configuration') {
      if (forged.metadata === undefined) send({}, 500);
      else
        send({
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
          authorization_response_iss_parameter_supported: true,
          ...forged.metadata,
        });
    } else if (request.url === '/jwks') send({ keys: [jwk] });
    else if (request.url === '/userinfo') send(forged.userInfo.body, forged.userInfo.status);
    else if (forged.answer !== undefined) send(forged.answer.body, forged.answer.status);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The provider has no port');
  const issuer = `http://127.0.0.1:${address.port}`;
  const forged: ForgedProvider = {
    issuer,
    clientId,
    settings: { name, issuer, clientId, clientSecret: 'a secret between the two' },
    metadata: {},
    answer: undefined,
    userInfo: { body: {} },
    claims(nonce) {
      const now = Math.floor(Date.now() / 1000);
      return { iss: issuer, aud: clientId, sub: `stranger-${++number}`, nonce, iat: now, exp: now + 300 };
    },
    sign: (claims, key = privateKey) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'forger' }).sign(key),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return forged;
}
