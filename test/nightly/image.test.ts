import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Actor, signUp } from '../support/actor.js';
import { runCommand, type Ran } from '../support/admin-program.js';
import { freePort } from '../support/free-port.js';
import { canBuildImages, Image, type Place } from '../support/image.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, type Program, type ProgramEnvironment } from '../support/program.js';
import { askModel, readReply, storedMessage } from '../support/replies.js';

const MODEL = 'gpt-4o-mini';
const SECRET_KEY = 'Xo0bVq3uYz7Rk1nTf5sWc9aGd2eHj4mL';
/** Debian, npm's packages and a bundle take minutes. */
const BUILD_MS = 1_200_000;
const MAX_APP_BYTES = 90e6;

(canBuildImages ? describe : describe.skip)('the image', () => {
  let image: Image;
  let place: Place;
  let folder: string;
  let model: ModelServer;
  let settings: ProgramEnvironment;

  beforeAll(async () => {
    image = await Image.build();
  }, BUILD_MS);
  afterAll(() => image.remove());

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flynkle-container-'));
    place = { data: join(folder, 'data'), secrets: join(folder, 'secrets'), hosts: join(folder, 'hosts') };
    await mkdir(place.data, { mode: 0o700 });
    await mkdir(place.secrets);
    await writeFile(place.hosts, '127.0.0.1 localhost\n');
    model = await startModelServer();
    settings = { SECRET_KEY, OPENAI_BASE_URL: model.url, OPENAI_API_KEY: 'sk-of-the-image-test' };
  });
  afterEach(killPrograms);
  afterAll(async () => {
    await model.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Node is where the image has it; the command is the image's. */
  const start = async (port: number): Promise<Program> => {
    const own = { ...settings, PORT: String(port), PUBLIC_URL: `http://localhost:${port}` };
    const ignoringOurNode = ['sh', '-c', 'shift; exec node "$@"', 'sh'];
    const launcher = [...(await image.confined(place)), ...ignoringOurNode];
    const program = await startProgram(image.environment(own), launcher);
    return { ...program, url: `http://127.0.0.1:${port}` };
  };
  const run = async (words: readonly string[], own = settings): Promise<Ran> =>
    runCommand([...(await image.confined(place)), ...words], image.environment(own));
  const health = async (port: number) => {
    const [kind, ...command] = image.config.Healthcheck.Test;
    expect(kind).toBe('CMD');
    return (await run(command, { PORT: String(port) })).code;
  };

  it('has the program, what it needs, and no tool that built it', async () => {
    expect(image.config).toMatchObject({
      User: '1000:1000',
      Cmd: ['node', 'dist/main.js'],
      WorkingDir: '/app',
      ExposedPorts: { '8000/tcp': {} },
      Volumes: { '/data': {} },
    });
    const { base, image: all } = image.sizes;
    process.stdout.write(`the image: ${all / 1e6} MB, of which the base is ${base / 1e6} MB\n`);
    expect(all - base).toBeLessThan(MAX_APP_BYTES);
    expect(await readdir(join(image.root, 'app'))).not.toContain('src');
    expect(await readdir(join(image.root, 'app/node_modules'))).not.toContain('typescript');
  });

  it('serves as a user without rights, writes nothing but its data, and finds it again', async () => {
    const port = await freePort();
    expect(await run(['sh', '-c', 'id -u; touch /app/x /usr/local/bin/x /x || true'])).toMatchObject({
      printed: '1000\n',
      said: expect.stringMatching(/^(touch: .*: Read-only file system\n){3}$/) as unknown,
    });
    expect(await health(port)).toBe(1);
    const first = await start(port);
    expect(await health(port)).toBe(0);
    const user = await signUp(first);
    const conversation = await user.createConversation();
    model.reply({ chunks: ['Because ', 'of Rayleigh.'] });
    const reply = await askModel(user, conversation);
    expect((await readReply(user, 'eventStream', reply)).at(-1)).toMatchObject({ response: 'Because of Rayleigh.' });
    first.kill('SIGTERM');
    expect(await first.exited).toEqual({ code: 0, signal: null });
    const second = await start(port);
    const again = new Actor(second.url, user.credentials);
    again.token = user.token;
    expect(await storedMessage(again, reply)).toMatchObject({ status: 'COMPLETE', text: 'Because of Rayleigh.' });
    second.kill('SIGTERM');
    expect(await second.exited).toEqual({ code: 0, signal: null });
  });

  it('has the command line of the operator', async () => {
    const admin = (...words: string[]) => run(['admin', ...words]);
    const help = await admin('help');
    expect(help).toMatchObject({ code: 0, printed: expect.stringContaining('doctor') as unknown });
    const config = await admin('config');
    expect(config).toMatchObject({ code: 0 });
    expect(config.printed).toMatch(/^DATA_DIR +environment +\/data$/m);
    expect(config.printed).not.toContain(SECRET_KEY);
    const provider = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ object: 'list', data: [{ id: MODEL, object: 'model' }] }));
    });
    const port = await freePort();
    await once(provider.listen(port, '127.0.0.1'), 'listening');
    const own = { ...settings, OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`, OPENAI_MODEL: MODEL };
    const doctor = await run(['admin', 'doctor'], own).finally(() => provider.close());
    expect(doctor).toMatchObject({ code: 0, printed: expect.stringMatching(/^ok +database +.*\/data/m) as unknown });
    expect(doctor.printed).not.toMatch(/^FAILED/m);
  });
});
