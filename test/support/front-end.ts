import { once } from 'node:events';
import { createServer } from 'node:http';

export interface FrontEnd extends ServedPage {
  /** The page where logins begin and end. */
  readonly url: string;
}

/**
 * A typical front end on a socket: without a code it makes a verifier and redirects to the provider; with a code it
 * exchanges that for tokens and shows the user.
 */
const PAGE = `<!doctype html><title>Welcome</title><body><button>Log in with the house</button><output></output><script type="module">
const api = new URLSearchParams(location.hash.slice(1)).get('api') ?? sessionStorage.getItem('api');
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=/g, '');
const show = (value) => { document.querySelector('output').textContent = JSON.stringify(value); };

document.querySelector('button').onclick = async () => {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  sessionStorage.setItem('verifier', verifier);
  sessionStorage.setItem('api', api);
  const query = new URLSearchParams({ return_url: location.origin + location.pathname, code_challenge: challenge });
  location.assign(api + '/api/v1/auth/oidc/house/start?' + query);
};

const { code, error_description: problem } = Object.fromEntries(new URLSearchParams(location.search));
if (problem) show({ problem });
if (code) {
  history.replaceState(null, '', location.pathname);
  const answer = await fetch(api + '/api/v1/auth/oidc/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, code_verifier: sessionStorage.getItem('verifier') ?? '' }),
  });
  const { message, data } = await answer.json();
  if (data === null) show({ problem: message });
  else {
    const headers = { authorization: 'Bearer ' + data.access_token };
    const me = await fetch(api + '/api/v1/users/me', { headers });
    show({ email: (await me.json()).data.email });
  }
}
</script>`;

export async function startFrontEnd(): Promise<FrontEnd> {
  const served = await servePage(PAGE);
  return { ...served, url: `${served.origin}/welcome` };
}

export interface ServedPage {
  readonly origin: string;
  close(): Promise<void>;
}

/** Answers every path of a port of its own with the page. */
export async function servePage(page: string): Promise<ServedPage> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The front end has no port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
