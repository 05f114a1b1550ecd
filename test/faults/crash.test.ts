import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, withDatabaseDirectory } from '../support/program.js';
import {
  askModel,
  followReply,
  readReply,
  storedMessage,
  streamingDoors,
  textIn,
  usageOf,
  type ReplyEvent,
} from '../support/replies.js';

const CHUNKS = ['The ', 'sky ', 'is ', 'blue.'];
const HELD = 'The sky is ';

describe('a program that is killed in the middle of a reply', () => {
  let model: ModelServer;

  beforeEach(async () => {
    model = await startModelServer();
  });
  afterEach(async () => {
    await killPrograms();
    await model.close();
  });

  it('has the reply as far as it was stored, and ends it for readers who come back', async () => {
    await withDatabaseDirectory(async (directory) => {
      const environment = { DATA_DIR: directory, OPENAI_BASE_URL: model.url };
      const killed = await startProgram(environment);
      const owner = await signUp(killed);
      const conversationId = await owner.createConversation('talk');
      model.reply({ chunks: CHUNKS, delayMs: 40, stallAfter: 3 });
      const id = await askModel(owner, conversationId, 'Why?');
      const seen: ReplyEvent[] = [];
      for await (const event of followReply(owner, 'eventStream', id)) {
        seen.push(event);
        if (textIn(seen) === HELD) break;
      }
      await eventually(
        () => storedMessage(owner, id),
        ({ text }) => text === HELD,
      );
      killed.kill('SIGKILL');
      expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });

      const program = await startProgram(environment);
      const returned = new Actor(program.url, owner.credentials);
      returned.token = owner.token;
      const message = { id, status: 'PARTIAL', text: HELD };
      expect(await storedMessage(returned, id)).toEqual(message);
      const { today, ledger } = await usageOf(returned);
      expect(ledger[0]).toMatchObject({ kind: 'REPLY', source: 'ESTIMATED', messageId: id });
      expect(ledger[0]?.settledAt).not.toBeNull();
      expect(today).toEqual({ messageCount: 1, tokenCount: ledger[0]?.tokens });
      const end = {
        __typename: 'ReplyFailed',
        code: 'INTERRUPTED',
        reason: 'The server ended before the reply did',
        partial: HELD,
        message,
      };
      for (const door of streamingDoors) {
        expect(await readReply(returned, door, id, seen.length)).toEqual([{ ...end, sequence: seen.length + 1 }]);
        expect(await readReply(returned, door, id)).toEqual([...seen, { ...end, sequence: seen.length + 1 }]);
        // A client that has seen more events than were stored gets the end all the same.
        expect(await readReply(returned, door, id, 90)).toEqual([{ ...end, sequence: 91 }]);
      }
      const { messages } = await returned.ask<{ messages: unknown }>(
        'query ($id: ID!) { messages(conversationId: $id) { nodes { messageType text } } }',
        { id: conversationId },
      );
      expect(messages).toEqual({
        nodes: [
          { messageType: 'user', text: 'Why?' },
          { messageType: 'ai', text: HELD },
        ],
      });
    });
  });
});
