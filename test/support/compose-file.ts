import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Environment } from '../../src/config.js';

export interface ComposeService {
  readonly image?: string;
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly networks?: Readonly<Record<string, { readonly ipv4_address?: string } | null>>;
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly stop_grace_period?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
}

/** The services of docker-compose.yml, by name, before any substitution. */
export const composeServices = (
  parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
    readonly services: Readonly<Record<string, ComposeService>>;
  }
).services;

/** Compose's own substitution: `$$` is a dollar, `${NAME:-default}` a variable. */
export function substituted(value: string, variables: Environment = {}): string {
  let result = value;
  for (let before = ''; before !== result;) {
    before = result;
    result = result.replace(/(?<!\$)\$\{(\w+):-([^${}]*)\}/g, (_match, name: string, standard: string) =>
      variables[name] === undefined || variables[name] === '' ? standard : variables[name],
    );
  }
  return result.replaceAll('$$', '$');
}

/** The environment that compose gives a service, of its `environment` alone. */
export function composeEnvironment(service: ComposeService, variables: Environment = {}): Record<string, string> {
  const given = Object.entries(service.environment ?? {});
  return Object.fromEntries(given.map(([name, value]) => [name, substituted(String(value), variables)]));
}
