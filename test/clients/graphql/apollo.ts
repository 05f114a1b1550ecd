// Apollo Client with persisted queries, uploads, and subscriptions over a WebSocket.
import { createHash } from 'node:crypto';
import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  InMemoryCache,
  gql,
  type OperationVariables,
} from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import UploadHttpLink from 'apollo-upload-client/UploadHttpLink.mjs';
import { createClient } from 'graphql-ws';
import { filter, firstValueFrom } from 'rxjs';
import { play, same, there } from '../scenario/scenario';
import { clientOf, Queue } from './client';
import { MESSAGES, PAGE_SIZE, type Messages } from './documents';

void play((serviceUrl) => {
  let authorization: string | undefined;
  // By itself it would connect again, and begin the subscription anew.
  const sockets = createClient({
    url: `${serviceUrl.replace('http', 'ws')}/graphql`,
    connectionParams: () => ({ headers: { authorization } }),
    retryAttempts: 0,
  });
  const requests: { readonly method: string; readonly isWhole: boolean }[] = [];
  const http = ApolloLink.from([
    new SetContextLink(({ headers }) => ({ headers: { ...headers, ...(authorization && { authorization }) } })),
    new PersistedQueryLink({
      sha256: (text) => createHash('sha256').update(text).digest('hex'),
      useGETForHashedQueries: true,
    }),
    new UploadHttpLink({
      uri: `${serviceUrl}/graphql`,
      fetch: (url, options = {}) => {
        const text = typeof options.body === 'string' ? options.body : '';
        requests.push({ method: options.method ?? '', isWhole: text.includes('"query"') });
        return fetch(url, options);
      },
    }),
  ]);
  const client = new ApolloClient({
    link: ApolloLink.split(({ operationType }) => operationType === 'subscription', new GraphQLWsLink(sockets), http),
    cache: new InMemoryCache({
      typePolicies: { Query: { fields: { messages: relayStylePagination(['conversationId']) } } },
    }),
  });

  return clientOf({
    async mutate<Data>(document: string, variables: OperationVariables) {
      const { data } = await client.mutate<Data, OperationVariables>({ mutation: gql(document), variables });
      return there(data) as Data;
    },
    async messages(conversationId) {
      const list = client.watchQuery<Messages, OperationVariables>({
        query: gql(MESSAGES),
        variables: { conversationId, first: PAGE_SIZE },
        fetchPolicy: 'network-only',
      });
      const updates = list.subscribe(() => undefined);
      await firstValueFrom(list.pipe(filter(({ loading }) => !loading)));
      for (;;) {
        const read = there(
          client.readQuery<Messages, OperationVariables>({ query: gql(MESSAGES), variables: list.variables }),
        );
        const { hasNextPage, endCursor } = read.messages.pageInfo;
        if (!hasNextPage) {
          updates.unsubscribe();
          return read;
        }
        await list.fetchMore({ variables: { after: endCursor } });
      }
    },
    subscribe<Data>(document: string, variables: OperationVariables) {
      const queue = new Queue<Data>();
      const results = client.subscribe<Data, OperationVariables>({ query: gql(document), variables });
      results.subscribe({
        next: ({ data, error }) => (error ? queue.error(error) : queue.next(there(data) as Data)),
        error: queue.error,
        complete: queue.complete,
      });
      return queue;
    },
    errorIn(error) {
      if (!CombinedGraphQLErrors.is(error)) throw error;
      const [first] = error.errors;
      return { code: String(first?.extensions?.['code']), message: String(first?.message) };
    },
    authorize(token) {
      authorization = `Bearer ${token}`;
    },
    async close() {
      // The second login and the second page came by the hash alone, and queries by GET.
      const gets = requests.filter(({ method }) => method === 'GET');
      same(gets.length, 2, 'the pages that were asked for by GET');
      same(requests.length > requests.filter(({ isWhole }) => isWhole).length + gets.length, true, 'requests by hash');
      client.stop();
      await sockets.dispose();
    },
  });
});
