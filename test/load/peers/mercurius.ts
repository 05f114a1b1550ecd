// Mercurius with its JIT and its loaders, which join what one answer asks for of many.
import mercurius from 'mercurius';
import type { ConversationRow, MessageRow } from './database.js';
import { messagesByConversation, resolvers, typeDefs, usersById } from './schema.js';
import { fastifyServer, listen } from './server.js';
import { viewerOf } from './viewer.js';

interface Asked<Row> {
  readonly obj: Row;
  readonly params: { readonly first: number };
}

const app = fastifyServer();
await app.register(mercurius, {
  schema: typeDefs,
  resolvers: resolvers as never,
  jit: 1,
  context: async ({ headers }) => ({ viewer: await viewerOf(headers.authorization) }),
  loaders: {
    Conversation: {
      user: (asked: Asked<ConversationRow>[]) => usersById(asked.map(({ obj }) => obj.userId)),
      messages: (asked: Asked<ConversationRow>[]) => {
        const ids = asked.map(({ obj }) => obj.id);
        return messagesByConversation(ids, asked[0]?.params.first ?? 20);
      },
    },
    Message: {
      user: async (asked: Asked<MessageRow>[]) => {
        const users = await usersById(asked.flatMap(({ obj }) => obj.userId ?? []));
        const known = new Map(users.map((user) => [user?.id, user]));
        return asked.map(({ obj }) => (obj.userId === null ? null : (known.get(obj.userId) ?? null)));
      },
    },
  },
});
await listen(app);
