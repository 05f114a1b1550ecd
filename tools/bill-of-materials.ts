import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import validateExpression from 'spdx-expression-parse';

export type PackageManifest = Parameters<Contrib.FromNodePackageJson.Builders.ComponentBuilder['makeComponent']>[0] & {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly type?: string;
};

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly integrity?: string }>>;
}

/** A package of which something is shipped. */
export interface ShippedPackage {
  /** Its folder, from the root of the repository. */
  readonly folder: string;
  readonly manifest: PackageManifest;
}

/** The files of a package in which its terms stand. */
export const TERMS = '{LICEN[CS]E,Licen[cs]e,licen[cs]e,NOTICE,COPYING}*';

const FOLDER = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;

/** The folders of the packages that files are in. */
export function packageFolders(files: Iterable<string>): readonly string[] {
  return [...new Set(Array.from(files).flatMap((file) => FOLDER.exec(file)?.[0] ?? []))].sort();
}

/** The packages of which the program has files, or code in its bundle. */
export function shippedPackages(files: Iterable<string>): readonly ShippedPackage[] {
  const bundled = JSON.parse(readFileSync('dist/bundled.json', 'utf8')) as readonly string[];
  return packageFolders([...files, ...bundled]).map((folder) => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageManifest;
    return { folder, manifest };
  });
}

/** The bill of materials in CycloneDX's JSON, of the same bytes for the same packages. */
export function billOfMaterials(product: PackageManifest, packages: readonly ShippedPackage[]): string {
  const builder = new Contrib.FromNodePackageJson.Builders.ComponentBuilder(
    new Contrib.FromNodePackageJson.Factories.ExternalReferenceFactory(),
    new Contrib.License.Factories.LicenseFactory(validateExpression),
  );
  const bom = new Models.Bom();
  const application = builder.makeComponent(product, Enums.ComponentType.Application);
  if (application === undefined) throw new Error('package.json has no name');
  application.bomRef.value = '.';
  bom.metadata.component = application;
  const { packages: locked } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lockfile;
  for (const { folder, manifest } of packages) {
    const component = builder.makeComponent(manifest);
    if (component === undefined) throw new Error(`${folder} has no name`);
    component.purl = `pkg:npm/${manifest.name.replace('@', '%40')}@${manifest.version}`;
    component.bomRef.value = folder;
    const sha512 = /^sha512-(.+)$/.exec(locked[folder]?.integrity ?? '')?.[1];
    if (sha512 !== undefined)
      component.hashes.set(Enums.HashAlgorithm['SHA-512'], Buffer.from(sha512, 'base64').toString('hex'));
    bom.components.add(component);
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return serializer.serialize(bom, { sortLists: true, space: 2 });
}

/** The terms of every package, since most of their code is in the bundle, without the files of the packages. */
export function termsOf(packages: readonly ShippedPackage[]): string {
  return packages
    .map(({ folder, manifest: { name, version, license } }) => {
      const texts = globSync(join(folder, TERMS))
        .sort()
        .map((file) => readFileSync(file, 'utf8').trim());
      return [`${name} ${version} (${license ?? 'no licence is named'})`, ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`)
    .concat('\n');
}
