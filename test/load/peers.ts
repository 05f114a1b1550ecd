import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { PRODUCTION, startServer, type Server } from './product.js';

export const PEERS = ['by-hand', 'mercurius', 'apollo', 'yoga'] as const;
export type Peer = (typeof PEERS)[number];

/** Below node_modules, where the packages that they import are found from. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/flynkle-api/peers/', import.meta.url));

/** The peers as JavaScript, each in a file: what they measure is not how TypeScript is loaded. */
export async function buildPeers(): Promise<void> {
  await build({
    entryPoints: PEERS.map((name) => fileURLToPath(new URL(`./peers/${name}.ts`, import.meta.url))),
    outdir: FOLDER,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'error',
  });
}

export function startPeer(name: Peer, databaseUrl: string): Promise<Server> {
  const { NODE_ENV, SECRET_KEY, ACCESS_TOKEN_EXPIRE_MINUTES } = PRODUCTION;
  return startServer({
    command: [`${FOLDER}${name}.mjs`],
    path: '/health/live',
    environment: { NODE_ENV, SECRET_KEY, ACCESS_TOKEN_EXPIRE_MINUTES, DATABASE_URL: databaseUrl },
  });
}
