import { createHash, randomBytes } from 'node:crypto';
import type { Environment } from '../../src/config.js';
import type { RestAnswer } from './actor.js';

export interface NavigationAnswer extends RestAnswer {
  readonly location: string | null;
}

/** Settings for `startTestApp`: these providers, and a front end that logins may end at. */
export const FRONT_END = 'http://localhost:5173/welcome';
export function providerSettings(...providers: readonly { readonly settings: object }[]): Environment {
  return {
    OIDC_PROVIDERS: JSON.stringify(providers.map(({ settings }) => settings)),
    OIDC_RETURN_URLS: FRONT_END,
  };
}

/** A minimal browser for logins at a provider: it keeps the cookie, and does not follow redirects. */
export class BrowserLike {
  cookie: string | undefined;

  constructor(private readonly url: string) {}

  /** Starts the login. @returns the redirect to the provider, or the refusal */
  async start(provider: string, query: Readonly<Record<string, string>> = {}): Promise<NavigationAnswer> {
    const path = `${this.url}/api/v1/auth/oidc/${provider}/start?${new URLSearchParams(query).toString()}`;
    const answer = await this.get(path);
    const [header] = answer.headers.getSetCookie();
    this.cookie = header?.split(';', 1)[0] ?? this.cookie;
    return answer;
  }

  async authorizationUrl(provider: string, query: Readonly<Record<string, string>> = {}): Promise<string> {
    const { location, body } = await this.start(provider, query);
    if (location === null) throw new Error(JSON.stringify(body));
    return location;
  }

  async get(url: string | URL): Promise<NavigationAnswer> {
    const headers = { accept: 'text/html,*/*;q=0.8', ...(this.cookie !== undefined && { cookie: this.cookie }) };
    const response = await fetch(url, { redirect: 'manual', headers });
    const body = (await response.json()) as RestAnswer['body'];
    return { status: response.status, headers: response.headers, location: response.headers.get('location'), body };
  }
}

/** A verifier and its challenge (RFC 7636, S256). */
export function newVerifier(): { readonly verifier: string; readonly challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** The parameters of a URL, as a front end reads them. */
export function parametersOf(url: string | URL): Record<string, string> {
  return Object.fromEntries(new URL(url).searchParams);
}
