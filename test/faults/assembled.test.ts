import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { signUp } from '../support/actor.js';
import { runCommand } from '../support/admin-program.js';
import { killPrograms, startProgram, withDataDirectory } from '../support/program.js';

const ASSEMBLE = [process.execPath, '--import', 'tsx', 'tools/assemble.ts'] as const;

/** What `npm run assemble` writes, which is all that the image and a release have: nothing of it is looked for elsewhere. */
describe('an assembled program', () => {
  let outside: string;
  let folder: string;
  const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`;

  beforeAll(async () => {
    outside = mkdtempSync(join(tmpdir(), 'flynkle-assembled-'));
    folder = join(outside, 'flynkle');
    expect(await runCommand([...ASSEMBLE, folder], {})).toEqual({
      code: 0,
      printed: '',
      said: '',
    });
  }, 600_000);
  afterEach(killPrograms);
  afterAll(() => {
    rmSync(outside, { recursive: true });
  });

  it('has the packages that cannot be bundled, and no other', () => {
    const modules = join(folder, 'node_modules');
    const packages = readdirSync(modules).flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
    );
    expect(packages.sort()).toEqual([
      '@electric-sql/pglite',
      '@phc/format',
      '@zxcvbn-ts/core',
      '@zxcvbn-ts/dictionary-compression',
      '@zxcvbn-ts/language-common',
      'argon2',
      'bcrypt',
      'node-gyp-build',
      'swagger-ui-dist',
    ]);
  });

  it('says what of others is in it, in CycloneDX, and their terms', async () => {
    const bom = readFileSync(join(folder, 'sbom.cdx.json'), 'utf8');
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(bom)).toBeNull();
    const { components } = JSON.parse(bom) as { components: { 'bom-ref': string; licenses?: unknown[] }[] };
    const named = new Map(components.map((component) => [component['bom-ref'], component]));
    // What is in the bundle, what the bundle loads, and the page that clients load.
    for (const name of ['graphql', '@apollo/server', 'argon2', 'swagger-ui-dist'])
      expect(named.get(`node_modules/${name}`)).toMatchObject({ hashes: [{ alg: 'SHA-512' }] });
    expect([...named.keys()].filter((name) => /^node_modules\/(?:jest|esbuild|typescript)/.test(name))).toEqual([]);
    expect(components.filter(({ licenses = [] }) => licenses.length === 0)).toEqual([]);
    const terms = readFileSync(join(folder, 'LICENSES.txt'), 'utf8');
    expect(terms).toContain('graphql 16');
    expect(terms.match(/^-{80}$/gm)).toHaveLength(components.length - 1);
  });

  it('serves users, pages and answers on the embedded database', async () => {
    await withDataDirectory(async (data) => {
      const program = await startProgram({ DATA_DIR: data }, [], folder);
      const user = await signUp(program);
      const conversation = await user.createConversation();
      expect(conversation).toEqual(expect.any(String));
      for (const page of [
        '/health/ready',
        '/docs/',
        '/docs/swagger-ui-bundle.js',
        '/docs/swagger-ui.css',
        '/api/v1/openapi.json',
      ]) {
        const response = await fetch(`${program.url}${page}`);
        expect({ page, status: response.status }).toEqual({ page, status: 200 });
        expect((await response.text()).length).toBeGreaterThan(0);
      }
      const graphiql = await fetch(`${program.url}/graphql`, { headers: { accept: 'text/html' } });
      expect({ status: graphiql.status, text: await graphiql.text() }).toMatchObject({ status: 200 });
      program.kill('SIGTERM');
      expect(await program.exited).toEqual({ code: 0, signal: null });
    });
  });

  it('has the command line of the operator, which is found by a link to it, too', async () => {
    const link = join(outside, 'admin');
    symlinkSync(join(folder, 'admin'), link);
    const { code, printed } = await runCommand([link, 'help'], { PATH: path });
    expect({ code, printed }).toEqual({ code: 0, printed: expect.stringContaining('doctor') as unknown });
  });

  it('does not write into a folder that has something in it', async () => {
    const { code, said } = await runCommand([...ASSEMBLE, outside], {});
    expect({ code, said }).toEqual({ code: 1, said: `${outside} is not empty.\n` });
  });
});
