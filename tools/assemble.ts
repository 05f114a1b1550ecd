// Writes what a machine needs to run the service, besides Node, into a folder: `npm run assemble -- <folder>`. That
// is the bundle, the migrations, what REST is made from, and of packages the files that the bundle loads: their native code for
// this kind of machine, but nothing for others. `sbom.cdx.json` (CycloneDX) and `LICENSES.txt` say what of others is in it.
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeFileTrace } from '@vercel/nft';
import {
  billOfMaterials,
  packageFolders,
  shippedPackages,
  TERMS,
  termsOf,
  type PackageManifest,
} from './bill-of-materials.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const [folder] = process.argv.slice(2);
if (folder === undefined) fail('Say which folder: npm run assemble -- <folder>');
if (existsSync(folder) && readdirSync(folder).length > 0) fail(`${folder} is not empty.`);
const target = folder;
process.chdir(root);

/** What the program reads by a path that it makes itself, so that no import tells of it. */
const READ_BY_PATH = [
  'dist/o200k_base.bin',
  'dist/embedded-template/*',
  'dist/**/*.{map,LEGAL.txt}',
  'prisma/migrations/**/*.sql',
  'schema/*.json',
  'node_modules/swagger-ui-dist/{package.json,swagger-ui-bundle.js,swagger-ui.css}',
  'LICENSE',
];
/** The command line of the operator, also when it is called by a link. */
const ADMIN = '#!/bin/sh\nexec node "$(dirname "$(readlink -f "$0")")/dist/admin.js" "$@"\n';

const { fileList } = await nodeFileTrace(['dist/main.js', 'dist/admin.js'], {
  base: root,
  // Looked for only if type-graphql is told to validate arguments: it is not.
  ignore: (path) => path.includes('node_modules/class-validator/'),
});
const traced = [...fileList].filter((path) => path !== 'package.json');
const files = new Set([...traced, ...globSync(READ_BY_PATH).filter((path) => statSync(path).isFile())]);
const packages = shippedPackages(files);
for (const place of packageFolders(files)) for (const path of globSync(join(place, TERMS))) files.add(path);
for (const path of files) {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  cpSync(path, join(target, path), { dereference: true });
}
const product = JSON.parse(readFileSync('package.json', 'utf8')) as PackageManifest;
const { name, version, license, type } = product;
const manifest = { name, version, license, private: true, type, engines: { node: '>=24' } };
writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
writeFileSync(join(target, 'sbom.cdx.json'), `${billOfMaterials(product, packages)}\n`);
writeFileSync(join(target, 'LICENSES.txt'), termsOf(packages));
writeFileSync(join(target, 'admin'), ADMIN, { mode: 0o755 });

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
