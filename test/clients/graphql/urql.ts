// urql with its normalized cache, which knows the schema, uploads, and subscriptions by graphql-sse.
import { readFileSync } from 'node:fs';
import { CombinedError, Client, fetchExchange, gql, subscriptionExchange, type AnyVariables } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { buildSchema, introspectionFromSchema } from 'graphql';
import { createClient } from 'graphql-sse';
import { onEnd, pipe, subscribe } from 'wonka';
import { play, same, there } from '../scenario/scenario';
import { clientOf, Queue } from './client';
import { MESSAGES, PAGE_SIZE, type Messages } from './documents';

const schema = introspectionFromSchema(buildSchema(readFileSync(process.env['SCHEMA'] ?? '', 'utf8')));
/** Objects without an id, which are a part of what they are in. */
const PARTS = [
  'AuthTokens',
  'ChangePlanResult',
  'ChatResult',
  'CreateMessageResult',
  'ReplyCompleted',
  'ReplyDelta',
  'ReplyFailed',
];

void play((serviceUrl) => {
  const url = `${serviceUrl}/graphql`;
  let headers: Record<string, string> = {};
  const warnings: string[] = [];
  // By itself it would connect again, and begin the subscription anew.
  const events = createClient({ url, headers: () => headers, retryAttempts: 0 });
  const client = new Client({
    url,
    preferGetMethod: false,
    fetchOptions: () => ({ headers }),
    exchanges: [
      cacheExchange({
        schema: schema as never,
        keys: Object.fromEntries(PARTS.map((name) => [name, () => null])),
        resolvers: { Query: { messages: relayPagination() } },
        updates: {
          Mutation: {
            // The conversation itself is what the mutation answers with.
            deleteConversation: (_, _arguments, cache) => {
              cache.invalidate('Query', 'conversations');
            },
          },
        },
        logger: (severity, message) => void (severity === 'debug' || warnings.push(message)),
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: events.subscribe(
              { query: there(query), variables: variables as Record<string, unknown> },
              {
                next: (result) => {
                  sink.next(result as never);
                },
                error: sink.error,
                complete: sink.complete,
              },
            ),
          }),
        }),
      }),
    ],
  });

  return clientOf({
    async mutate<Data>(document: string, variables: AnyVariables) {
      const { data, error } = await client.mutation<Data>(gql(document), variables).toPromise();
      if (error) throw error;
      return there(data);
    },
    async messages(conversationId) {
      const page = async (after: string | null) => {
        const variables = { conversationId, first: PAGE_SIZE, after };
        const context = { requestPolicy: 'network-only' } as const;
        const { data, error } = await client.query<Messages>(gql(MESSAGES), variables, context).toPromise();
        if (error) throw error;
        return there(data);
      };
      let read = await page(null);
      // The resolver of the cache puts the pages that are there together.
      while (read.messages.pageInfo.hasNextPage) read = await page(read.messages.pageInfo.endCursor);
      return read;
    },
    subscribe<Data>(document: string, variables: AnyVariables) {
      const queue = new Queue<Data>();
      pipe(
        client.subscription<Data>(gql(document), variables),
        onEnd(queue.complete),
        // The last result is given again when there is no next one.
        subscribe(({ data, error, hasNext }) => {
          if (error) queue.error(error);
          else if (data && hasNext) queue.next(data);
        }),
      );
      return queue;
    },
    errorIn(error) {
      if (!(error instanceof CombinedError)) throw error;
      const [first] = error.graphQLErrors;
      return { code: String(first?.extensions['code']), message: String(first?.message) };
    },
    authorize(token) {
      headers = { authorization: `Bearer ${token}` };
    },
    close() {
      same(warnings.join('\n'), '', 'warnings of the cache');
      events.dispose();
    },
  });
});
