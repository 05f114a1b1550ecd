import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider, type Adapter, type AdapterPayload, type KoaContextWithOIDC } from 'oidc-provider';

const CLIENT_ID = 'flynkle';
const CLIENT_SECRET = 'a secret between the two';

/** The claims of a user. */
export interface Claims {
  readonly email?: string;
  readonly email_verified?: boolean;
}

export interface TestProvider {
  readonly issuer: string;
  /** For `OIDC_PROVIDERS`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Users by subject; any other subject is a user without an address. */
  readonly people: Map<string, Claims>;
  /** How often its metadata were asked for. */
  readonly discoveries: () => number;
  /**
   * Acts as a person with a browser on the provider's pages.
   * @param subject who logs in; null for someone who cancels
   * @returns the URL that the provider redirects to
   */
  visit(authorizationUrl: string, subject: string | null): Promise<URL>;
  close(): Promise<void>;
}

/** An OpenID provider on a socket that accepts any user name, and redirects to any URL on this machine. */
export async function startOidcProvider(name = 'house', authentication = 'client_secret_basic'): Promise<TestProvider> {
  const people = new Map<string, Claims>();
  let discoveries = 0;
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The provider has no port');
  const issuer = `http://127.0.0.1:${address.port}`;
  const provider = await makeProvider(issuer, people, authentication);
  const handle = provider.callback();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.startsWith('/.well-known/') === true) discoveries++;
    if (request.url?.startsWith('/interaction/') === true) {
      interact(provider, request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    } else void handle(request, response);
  });
  return {
    issuer,
    settings: {
      name,
      label: `The ${name}`,
      issuer,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      clientAuthentication: authentication,
    },
    people,
    discoveries: () => discoveries,
    visit: (authorizationUrl, subject) => new Visitor(issuer).visit(authorizationUrl, subject),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function makeProvider(issuer: string, people: Map<string, Claims>, authentication: string): Promise<Provider> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: ['https://app.example.com/'],
        token_endpoint_auth_method: authentication as 'client_secret_basic',
      },
    ],
    adapter: adaptersOf(),
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'house' }] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    cookies: { keys: ['the cookies of the house'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    findAccount: (_context, subject) => ({
      accountId: subject,
      claims: () => ({ sub: subject, ...people.get(subject) }),
    }),
    loadExistingGrant: consentToAll,
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
  });
  // The service's URL is known only after it has started with this provider in its settings.
  provider.Client.prototype.redirectUriAllowed = (uri: string) => /^http:\/\/(?:127\.0\.0\.1|localhost):/.test(uri);
  return provider;
}

/** The provider's store, in memory; the library's own one prints a warning. */
function adaptersOf(): (model: string) => Adapter {
  const kept = new Map<string, { readonly model: string; readonly payload: AdapterPayload }>();
  return (model) => {
    const found = (isIt: (payload: AdapterPayload) => boolean) =>
      [...kept.values()].find((entry) => entry.model === model && isIt(entry.payload))?.payload;
    const key = (id: string) => `${model} ${id}`;
    const settled = <Value>(value: Value) => Promise.resolve(value);
    return {
      upsert: (id, payload) => settled(void kept.set(key(id), { model, payload })),
      find: (id) => settled(kept.get(key(id))?.payload),
      findByUid: (uid) => settled(found((payload) => payload.uid === uid)),
      findByUserCode: (userCode) => settled(found((payload) => payload.userCode === userCode)),
      consume(id) {
        const entry = kept.get(key(id));
        if (entry) entry.payload.consumed = Math.floor(Date.now() / 1000);
        return settled(undefined);
      },
      destroy: (id) => settled(void kept.delete(key(id))),
      revokeByGrantId(grantId) {
        for (const [id, { payload }] of kept) if (payload.grantId === grantId) kept.delete(id);
        return settled(undefined);
      },
    };
  };
}

async function consentToAll({ oidc }: KoaContextWithOIDC) {
  const { client, session, provider } = oidc;
  const accountId = session?.accountId;
  if (client === undefined || accountId === undefined) return undefined;
  const grant = new provider.Grant({ clientId: client.clientId, accountId });
  grant.addOIDCScope('openid email profile');
  await grant.save();
  return grant;
}

const PAGE = `<!doctype html><title>The house</title>
<form method="post"><label>Name <input name="login"></label> <button>Log in</button> <button name="cancel" value="1">Cancel</button></form>`;

async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
    return;
  }
  const form = new URLSearchParams(await text(request));
  const result = form.has('cancel') ? { error: 'access_denied' } : { login: { accountId: form.get('login') ?? '' } };
  await provider.interactionFinished(request, response, result);
}

/** Follows redirects within the provider, with its cookies. */
class Visitor {
  readonly #cookies = new Map<string, string>();

  constructor(private readonly issuer: string) {}

  async visit(authorizationUrl: string, subject: string | null): Promise<URL> {
    const page = await this.#follow(authorizationUrl);
    if (page.origin !== this.issuer) return page;
    const body = subject === null ? { cancel: '1' } : { login: subject };
    return this.#follow(page.href, new URLSearchParams(body));
  }

  /** The final page, or the URL outside of the provider. */
  async #follow(address: string, form?: URLSearchParams): Promise<URL> {
    let url = new URL(address);
    let body = form;
    while (url.origin === this.issuer) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(url, {
        method: body === undefined ? 'GET' : 'POST',
        redirect: 'manual',
        headers: { cookie },
        ...(body !== undefined && { body }),
      });
      for (const header of response.headers.getSetCookie()) {
        const [name = '', value = ''] = header.split(';', 1)[0]?.split('=', 2) ?? [];
        this.#cookies.set(name, value);
      }
      const location = response.headers.get('location');
      if (location === null) {
        if (!response.ok) throw new Error(`The provider answered ${response.status}: ${await response.text()}`);
        return url;
      }
      url = new URL(location, url);
      body = undefined;
    }
    return url;
  }
}
