import { SecretSearch, type Secret } from './secret-search.js';

/** What a suite has beside the services in the host of its worker. */
const secrets = new Map<string, Secret>();
const sources: (() => string)[] = [];
let endInHost: ((known: readonly Secret[]) => Promise<HostSecrets>) | undefined;

export interface HostSecrets {
  /** Secrets in the logs of services that ran there, a sentence each. */
  readonly found: readonly string[];
  /** All that clients of those services sent and got. */
  readonly secrets: readonly Secret[];
}

/** Looks for them, too, when the suite is over. */
export function noteSecrets(noted: Iterable<Secret>): void {
  for (const secret of noted) secrets.set(secret.value, secret);
}

/** @param source all that was written, for its first line that holds a secret to fail the suite */
export function keepFreeOfSecrets(source: () => string): void {
  sources.push(source);
}

/** @param end ends the suite in the host */
export function askHostForSecrets(end: NonNullable<typeof endInHost>): void {
  endInHost = end;
}

/** @throws with what has leaked in this suite, once */
export async function checkForLeaks(): Promise<void> {
  const host = await endInHost?.([...secrets.values()]);
  const search = new SecretSearch([...secrets.values(), ...(host?.secrets ?? [])]);
  const found = new Set([...(host?.found ?? []), ...sources.splice(0).flatMap((source) => search.in(source()))]);
  if (found.size > 0) throw new Error(`What a service wrote holds secrets:\n${[...found].slice(0, MOST).join('\n')}`);
}

const MOST = 20;

// suite-environment.ts calls it when the suite, with all that it does after its tests, is over.
Object.assign(globalThis, { afterSuite: checkForLeaks });
