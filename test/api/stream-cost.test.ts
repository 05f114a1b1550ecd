import { afterEach, expect, it } from '@jest/globals';
import { signUp } from '../support/actor.js';
import { startModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, withDatabaseDirectory } from '../support/program.js';
import { askModel, followReply, ROOMY_PLANS } from '../support/replies.js';

const READERS = 8;

afterEach(killPrograms);

/** Loaded by the service before all else: it writes down when the second event of the reply is made into text, from which object. */
const COUNTING = `
const { stringify } = JSON;
const results = new Map();
JSON.stringify = (value, ...rest) => {
  const text = stringify(value, ...rest);
  if (!/"sequence":2,"text":"second"/.test(text)) return text;
  const data = value.payload?.data;
  if (!results.has(data)) results.set(data, results.size);
  console.log('encoded', text.slice(0, 7), 'of result', results.get(data));
  return text;
};`;

async function* followByRest(url: string, headers: Record<string, string>): AsyncGenerator<string> {
  const { body } = await fetch(url, { headers });
  if (body === null) throw new Error('The answer has no body');
  yield* body.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>;
}

it('executes and encodes an event once, however many readers a door has', async () => {
  const model = await startModelServer();
  await withDatabaseDirectory(async (directory) => {
    const program = await startProgram({
      DATA_DIR: directory,
      OPENAI_API_KEY: 'none',
      OPENAI_BASE_URL: model.url,
      PLANS: ROOMY_PLANS,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(COUNTING)}`,
    });
    const owner = await signUp(program);
    const gate = Promise.withResolvers<undefined>();
    model.reply({ chunks: ['first ', 'second'], hold: { after: 1, until: gate.promise } });
    const id = await askModel(owner, await owner.createConversation());
    const readers = Array.from({ length: READERS }, (): AsyncIterator<unknown>[] => [
      followByRest(`${program.url}/api/v1/messages/${id}/stream`, owner.headers),
      followReply(owner, 'eventStream', id),
      followReply(owner, 'webSocket', id),
    ]).flat();
    await Promise.all(readers.map((reader) => reader.next()));
    gate.resolve(undefined);
    const drained = readers.map(async (reader) => {
      while ((await reader.next()).done !== true);
    });
    await Promise.all(drained);
    program.kill('SIGTERM');
    await program.exited;
    const encoded = [...program.output().matchAll(/^encoded (\{"\w+"?).* of result (\d+)$/gm)];
    const madeFrom = (start: string) =>
      encoded.filter(([, found]) => found?.startsWith(start)).map(([, , from]) => from);
    expect(madeFrom('{"sequ')).toHaveLength(1);
    expect(madeFrom('{"data')).toHaveLength(1);
    // Over a WebSocket, each is framed with the id that its client gave the operation, around the text that there is.
    expect(madeFrom('{"id"')).toHaveLength(0);
  });
  await model.close();
});
