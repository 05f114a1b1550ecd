import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Client } from 'minio';
import { Actor, signUp } from '../support/actor.js';
import { runCommand } from '../support/admin-program.js';
import { composeEnvironment, composeServices, substituted } from '../support/compose-file.js';
import { canComposeByHand, ComposedServices, healthCommand } from '../support/composed-services.js';
import { eventually } from '../support/eventually.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { postgresBinaries } from '../support/postgres-server.js';
import { killPrograms, startProgram, type Program } from '../support/program.js';
import { askModel, readReply, storedMessage } from '../support/replies.js';

const ASSEMBLE = [process.execPath, '--import', 'tsx', 'tools/assemble.ts'] as const;
const DATABASE_FOLDER = '/var/lib/postgresql/data';
const S3_SERVER = resolve('.ci', 's3-server');
const S3_PORT = 7070;
const OPENAI_API_KEY = 'sk-of-the-test-of-compose';
/** The free plan has no place for files, unless it is told otherwise. */
const PLANS = JSON.stringify({
  free: { price: 0, daily_messages: 20, daily_tokens: 5000, max_conversations: 3, max_file_uploads: 1 },
});

/** What the image of PostgreSQL does at a start. Its address that is local trusts everyone there; here, each connection has a password. */
const START_POSTGRES = `
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_USER" | postgres --single -c log_checkpoints=off -D "$PGDATA" postgres >/dev/null
fi
exec postgres -c listen_addresses='*' -c log_min_messages=fatal`;

/** The health check and the command of the Dockerfile, in their JSON form. */
async function ofDockerfile(): Promise<{ readonly health: readonly string[]; readonly command: readonly string[] }> {
  const text = (await readFile('Dockerfile', 'utf8')).replaceAll('\\\n', '');
  const listAfter = (pattern: RegExp) => JSON.parse(pattern.exec(text)?.[1] ?? '[]') as readonly string[];
  return {
    health: ['CMD', ...listAfter(/^HEALTHCHECK .*? CMD (\[.*\])$/m)],
    command: listAfter(/^CMD (\[.*\])$/m),
  };
}

async function upload(owner: Actor, bytes: Buffer): Promise<string> {
  const form = new FormData();
  form.set('file', new File([new Uint8Array(bytes)], 'noise.bin', { type: 'application/x-noise' }));
  const response = await fetch(`${owner.url}/api/v1/uploads`, { method: 'POST', headers: owner.headers, body: form });
  expect(response.status).toBe(200);
  const { data } = (await response.json()) as { readonly data: { readonly url: string } };
  return new URL(data.url).pathname;
}

/**
 * The services of docker-compose.yml, started by hand as the file has them, with Debian's PostgreSQL and Redis, Ceph's S3 server and the
 * assembled program: with the file's own script of secrets, environments, commands, users, volumes, read-only file systems, names, ports
 * and health checks. What is not the file's: how PostgreSQL's image makes its database, and the S3 server, whose command and health check
 * are those of another program. No engine reads the file, and limits of memory and processes are not set.
 */
(canComposeByHand ? describe : describe.skip)('the services of docker-compose.yml, by hand', () => {
  let outside: string;
  let composed: ComposedServices;
  let model: ModelServer;
  let dotEnv: Readonly<Record<string, string>>;
  let port: number;

  beforeAll(async () => {
    outside = await mkdtemp(join(tmpdir(), 'flynkle-image-of-'));
    await chmod(outside, 0o711);
    const app = join(outside, 'app');
    expect(await runCommand([...ASSEMBLE, app], {})).toMatchObject({ code: 0, said: '' });
    const path = '/usr/local/bin:/usr/bin:/bin';
    composed = await ComposedServices.create({
      api: {
        user: '1000:1000',
        environment: { PATH: `/node:${path}` },
        workingDirectory: '/app',
        files: { '/app': app, '/node': dirname(process.execPath) },
      },
      secrets: { environment: { PATH: path } },
      postgres: { environment: { PATH: `${postgresBinaries ?? ''}:${path}`, PGDATA: DATABASE_FOLDER } },
      redis: { environment: { PATH: path } },
    });
    model = await startModelServer();
    await composed.admit(Number(new URL(model.url).port));
    port = await composed.publish(8000);
    dotEnv = { OPENAI_BASE_URL: model.url, OPENAI_API_KEY, PLANS };
  });
  afterEach(killPrograms);
  afterAll(async () => {
    spawnSync(S3_SERVER, ['stop', s3Folder()]);
    await composed.remove();
    await model.close();
    await rm(outside, { recursive: true, force: true });
  });

  const s3Folder = () => composed.volume('objects');
  const environmentOf = (name: string) => ({
    ...(name === 'api' ? dotEnv : {}),
    ...composeEnvironment(composeServices[name] ?? {}, dotEnv),
  });
  const health = async (name: string): Promise<number | null> => {
    const check = composeServices[name]?.healthcheck?.test ?? (await ofDockerfile()).health;
    return (await composed.run(name, environmentOf(name), healthCommand(check))).code;
  };
  const start = async (name: string, command: readonly string[]) => {
    expect(await health(name)).not.toBe(0);
    const child = await composed.start(name, environmentOf(name), command);
    await eventually(
      () => health(name),
      (code) => code === 0 || child.exitCode !== null,
    );
    expect(child.exitCode).toBeNull();
    return child;
  };
  const makeSecrets = async () => {
    const { entrypoint = [], command = [] } = composeServices['secrets'] ?? {};
    const words = [...entrypoint, ...command.map((word) => substituted(word))];
    expect(await composed.run('secrets', environmentOf('secrets'), words)).toEqual({ code: 0, printed: '', said: '' });
  };
  const startStores = async () => ({
    postgres: await start('postgres', ['sh', '-euc', START_POSTGRES]),
    redis: await start('redis', composeServices['redis']?.command ?? []),
  });
  const startS3 = async (accessKey: string, secretKey: string) => {
    const [program, ...words] = [...composed.inNetwork, S3_SERVER, 'start', s3Folder(), String(S3_PORT)] as const;
    const env = { ...process.env, S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey };
    const { status, stderr } = spawnSync(program, words, { env, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.any(String) });
  };
  const secretsOfService = async () => {
    const read = (name: string) => readFile(join(composed.volume('api-secrets'), name), 'utf8');
    return {
      SECRET_KEY: await read('secret-key'),
      DATABASE_URL: await read('database-url'),
      REDIS_URL: await read('redis-url'),
      MINIO_SECRET_KEY: await read('s3-secret-key'),
      OPENAI_API_KEY,
    };
  };
  const startService = async (): Promise<Program> => {
    const { command } = await ofDockerfile();
    expect(command).toEqual(['node', 'dist/main.js']);
    expect(await health('api')).toBe(1);
    // Node is where the container has it.
    const ignoringOurNode = ['sh', '-c', 'shift; exec node "$@"', 'sh'];
    const launcher = [...(await composed.container('api', environmentOf('api'))), ...ignoringOurNode];
    // Only the launcher's variables reach the program: these are what its log must not hold.
    const program = await startProgram(await secretsOfService(), launcher);
    expect(await health('api')).toBe(0);
    return { ...program, url: `http://127.0.0.1:${port}` };
  };
  const stopService = async (program: Program) => {
    program.kill('SIGTERM');
    expect(await program.exited).toEqual({ code: 0, signal: null });
  };

  it('come up healthy in the order of the file, serve with all stores, and find everything after a restart', async () => {
    const write = ['sh', '-c', 'touch /x /usr/x /secrets/x /tmp/x || true'];
    expect((await composed.run('api', environmentOf('api'), write)).said).toMatch(
      /^(touch: .*: Read-only file system\n){3}$/,
    );
    await makeSecrets();
    const first = await startStores();
    const accessKey = environmentOf('api')['MINIO_ACCESS_KEY'] ?? '';
    const secretKey = await readFile(join(composed.volume('s3-secrets'), 'secret-key'), 'utf8');
    await startS3(accessKey, secretKey);
    const service = await startService();

    const user = await signUp(service);
    const conversation = await user.createConversation('Skies');
    model.reply({ chunks: ['Because ', 'of Rayleigh.'] });
    const reply = await askModel(user, conversation);
    expect((await readReply(user, 'eventStream', reply)).at(-1)).toMatchObject({ response: 'Because of Rayleigh.' });
    const bytes = randomBytes(70_000);
    const path = await upload(user, bytes);

    // Each store has what is its own, and the data folder no database.
    const s3 = new Client({
      endPoint: '127.0.0.1',
      port: await composed.publish(S3_PORT),
      useSSL: false,
      accessKey,
      secretKey,
    });
    const bucket = environmentOf('api')['MINIO_BUCKET'] ?? '';
    const stored: Buffer[] = [];
    for await (const { name } of s3.listObjectsV2(bucket, '', true) as AsyncIterable<{ readonly name: string }>)
      stored.push(await buffer(await s3.getObject(bucket, name)));
    expect(stored.map((file) => file.equals(bytes))).toEqual([true]);
    const keys = 'REDISCLI_AUTH="$(cat /secrets/password)" redis-cli dbsize';
    expect(Number((await composed.run('redis', {}, ['sh', '-c', keys])).printed)).toBeGreaterThan(0);
    const count = 'PGPASSWORD="$(cat /secrets/password)" psql -h postgres -U flynkle -Atc "SELECT count(*) FROM users"';
    expect(await composed.run('postgres', {}, ['sh', '-c', count])).toEqual({ code: 0, printed: '1\n', said: '' });
    expect(await readdir(composed.volume('data'))).toEqual([]);

    await stopService(service);
    expect(await composed.stop(first.redis, 'SIGTERM')).toBe(0);
    // The signal by which the image of PostgreSQL is stopped.
    expect(await composed.stop(first.postgres, 'SIGINT')).toBe(0);
    await makeSecrets();
    await startStores();
    const again = await startService();

    const back = new Actor(again.url, user.credentials);
    await back.login();
    expect(await storedMessage(back, reply)).toMatchObject({ status: 'COMPLETE', text: 'Because of Rayleigh.' });
    const served = await fetch(`${again.url}${path}`);
    expect(served.headers.get('content-type')).toBe('application/x-noise');
    expect(Buffer.from(await served.arrayBuffer()).equals(bytes)).toBe(true);
    await stopService(again);
  });
});
