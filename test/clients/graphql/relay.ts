// Relay: documents that its compiler has checked against the schema, and its runtime without React.
import {
  Environment,
  Network,
  Observable,
  RecordSource,
  Store,
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
  getFragment,
  getRequest,
  getSingularSelector,
  graphql,
  requestSubscription,
  type GraphQLResponse,
  type GraphQLTaggedNode,
  type MutationParameters,
  type OperationType,
} from 'relay-runtime';
import { createClient } from 'graphql-ws';
import type { relayAskMutation } from './__generated__/relayAskMutation.graphql';
import type { relayBeginMutation } from './__generated__/relayBeginMutation.graphql';
import type { relayChatMutation } from './__generated__/relayChatMutation.graphql';
import type { relayDeleteMutation } from './__generated__/relayDeleteMutation.graphql';
import type { relayLogInMutation } from './__generated__/relayLogInMutation.graphql';
import type { relayMessages_conversation$data } from './__generated__/relayMessages_conversation.graphql';
import messagesPage, { type relayMessagesPageQuery } from './__generated__/relayMessagesPageQuery.graphql';
import type { relayMessagesQuery } from './__generated__/relayMessagesQuery.graphql';
import type { relayPlanMutation } from './__generated__/relayPlanMutation.graphql';
import type { relayReplySubscription } from './__generated__/relayReplySubscription.graphql';
import type { relaySignUpMutation } from './__generated__/relaySignUpMutation.graphql';
import type { relayStopMutation } from './__generated__/relayStopMutation.graphql';
import type { relayUploadMutation } from './__generated__/relayUploadMutation.graphql';
import { play, same, there, type StreamEvent } from '../scenario/scenario';
import { Queue, stopped } from './client';

const signUp = graphql`
  mutation relaySignUpMutation($input: CreateUserInput!) {
    createUser(input: $input) {
      id
      email
    }
  }
`;
const logIn = graphql`
  mutation relayLogInMutation($input: LoginInput!) {
    login(input: $input) {
      accessToken
    }
  }
`;
const changePlan = graphql`
  mutation relayPlanMutation($plan: ID!) {
    changePlan(plan: $plan) {
      plan {
        id
      }
    }
  }
`;
const upload = graphql`
  mutation relayUploadMutation($file: Upload!) {
    uploadFile(file: $file) {
      url
      filename
    }
  }
`;
const begin = graphql`
  mutation relayBeginMutation($input: CreateConversationInput!) {
    createConversation(input: $input) {
      id
    }
  }
`;
const chat = graphql`
  mutation relayChatMutation($input: ChatInput!) {
    chat(input: $input) {
      response
    }
  }
`;
const ask = graphql`
  mutation relayAskMutation($input: CreateMessageInput!) {
    createMessage(input: $input) {
      reply {
        id
        status
      }
    }
  }
`;
const followReply = graphql`
  subscription relayReplySubscription($id: ID!, $after: Int) {
    reply(messageId: $id, after: $after) {
      __typename
      ... on ReplyDelta {
        sequence
        text
      }
      ... on ReplyCompleted {
        sequence
        response
        message {
          status
          text
        }
      }
      ... on ReplyFailed {
        sequence
        code
        message {
          status
          text
        }
      }
    }
  }
`;
const stopReply = graphql`
  mutation relayStopMutation($id: ID!) {
    stopReply(messageId: $id) {
      status
    }
  }
`;
const messagesOf = graphql`
  fragment relayMessages_conversation on Conversation
  @refetchable(queryName: "relayMessagesPageQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 4 }, after: { type: "String" }) {
    messages(first: $first, after: $after) @connection(key: "relayMessages_messages") {
      edges {
        node {
          id
          messageType
          status
          text
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;
const readMessages = graphql`
  query relayMessagesQuery($id: ID!) {
    conversation(id: $id) {
      ...relayMessages_conversation
    }
  }
`;
const deleteConversation = graphql`
  mutation relayDeleteMutation($id: ID!) {
    deleteConversation(id: $id) {
      id
      title
    }
  }
`;

/** The errors of an answer: Relay itself gives only a text. */
class Refused extends Error {
  constructor(
    readonly errors: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[],
  ) {
    super(errors[0]?.message);
  }
}

void play((serviceUrl) => {
  let authorization = '';
  const sockets = createClient({
    url: `${serviceUrl.replace('http', 'ws')}/graphql`,
    connectionParams: () => ({ authorization }),
    retryAttempts: 0,
  });

  const environment = new Environment({
    store: new Store(new RecordSource()),
    network: Network.create(
      async ({ text }, variables, _, uploadables) => {
        const response = await fetch(`${serviceUrl}/graphql`, {
          method: 'POST',
          headers: {
            ...(authorization && { authorization }),
            ...(uploadables ? {} : { 'content-type': 'application/json' }),
          },
          body: uploadables
            ? formOf(text, variables, uploadables as Record<string, File>)
            : JSON.stringify({ query: text, variables }),
        });
        const answer = (await response.json()) as GraphQLResponse & { readonly errors?: Refused['errors'] };
        if (answer.errors) throw new Refused(answer.errors);
        return answer;
      },
      ({ text }, variables) =>
        Observable.create((sink) =>
          sockets.subscribe(
            { query: there(text), variables },
            {
              next: (result) => {
                sink.next(result as GraphQLResponse);
              },
              error: (error) => {
                sink.error(
                  error instanceof Error ? error : new Error(`The connection broke: ${JSON.stringify(error)}`),
                );
              },
              complete: sink.complete,
            },
          ),
        ),
    ),
  });

  const mutate = <Mutation extends MutationParameters>(
    mutation: GraphQLTaggedNode,
    variables: Mutation['variables'],
    uploadables?: Record<string, File>,
  ) =>
    new Promise<Mutation['response']>((resolve, reject) => {
      const ends = { onCompleted: resolve, onError: reject };
      commitMutation<Mutation>(environment, { mutation, variables, ...(uploadables && { uploadables }), ...ends });
    });
  const query = async <Query extends OperationType>(document: GraphQLTaggedNode, variables: Query['variables']) =>
    there(await fetchQuery<Query>(environment, document, variables).toPromise());

  async function* follow(id: string, after: number): AsyncGenerator<StreamEvent> {
    const queue = new Queue<relayReplySubscription['response']>();
    requestSubscription<relayReplySubscription>(environment, {
      subscription: followReply,
      variables: { id, after },
      onNext: (response) => {
        queue.next(there(response));
      },
      onError: queue.error,
      onCompleted: queue.complete,
    });
    for await (const { reply } of queue) {
      if (reply.__typename === '%other') throw new Error('An unknown event');
      yield reply;
    }
  }

  const question = async (conversationId: string, text: string) => {
    const input = { conversationId, content: { text }, messageType: 'user', invokeLlm: true };
    return there((await mutate<relayAskMutation>(ask, { input })).createMessage.reply).id;
  };

  /** The fragment's data, as a component has it. */
  const stored = (id: string, { conversation }: relayMessagesQuery['response']) => {
    const operation = createOperationDescriptor(getRequest(readMessages), { id });
    environment.retain(operation);
    const selector = there(getSingularSelector(getFragment(messagesOf), conversation));
    return environment.lookup(selector).data as unknown as relayMessages_conversation$data;
  };

  return {
    async signUp(email, password) {
      const input = { provider: 'email', email, password };
      return (await mutate<relaySignUpMutation>(signUp, { input })).createUser.email ?? '';
    },
    async failToLogIn(email) {
      try {
        await mutate<relayLogInMutation>(logIn, { input: { email, password: 'wrong' } });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return { code: error.errors[0]?.extensions?.code ?? '', message: error.message };
      }
      throw new Error('A wrong password logs in');
    },
    async login(email, password) {
      const { login } = await mutate<relayLogInMutation>(logIn, { input: { email, password } });
      authorization = `Bearer ${login.accessToken}`;
    },
    changePlan: async (plan) => (await mutate<relayPlanMutation>(changePlan, { plan })).changePlan.plan.id,
    upload: async (file) => {
      const { url, filename } = (await mutate<relayUploadMutation>(upload, { file: null }, { file })).uploadFile;
      return { url, filename };
    },
    createConversation: async (title) =>
      (await mutate<relayBeginMutation>(begin, { input: { title } })).createConversation.id,
    ask: async (conversationId, message) =>
      (await mutate<relayChatMutation>(chat, { input: { conversationId, message } })).chat.response,
    async stream(conversationId, text) {
      const id = await question(conversationId, text);
      return { id, events: follow(id, 0) };
    },
    resume: (id, after) => Promise.resolve(follow(id, after)),
    async stop(conversationId, text) {
      const id = await question(conversationId, text);
      return stopped(follow(id, 0), async () => (await mutate<relayStopMutation>(stopReply, { id })).stopReply.status);
    },
    async messages(id) {
      const first = await query<relayMessagesQuery>(readMessages, { id });
      let pages = 1;
      for (;;) {
        const { edges, pageInfo } = stored(id, first).messages;
        if (!pageInfo.hasNextPage) {
          same(pages, Math.ceil(edges.length / 4), 'the pages');
          return edges.map(({ node: { id: messageId, messageType, status, text } }) => ({
            ...{ id: messageId, type: messageType, status },
            text: text ?? '',
          }));
        }
        pages += 1;
        await query<relayMessagesPageQuery>(messagesPage, { id, after: pageInfo.endCursor ?? null });
      }
    },
    deleteConversation: async (id) =>
      (await mutate<relayDeleteMutation>(deleteConversation, { id })).deleteConversation.title ?? null,
    async close() {
      await sockets.dispose();
    },
  };
});

/** https://github.com/jaydenseric/graphql-multipart-request-spec */
function formOf(query: string | null | undefined, variables: object, files: Readonly<Record<string, File>>): FormData {
  const form = new FormData();
  form.set('operations', JSON.stringify({ query, variables }));
  form.set('map', JSON.stringify(Object.fromEntries(Object.keys(files).map((name) => [name, [`variables.${name}`]]))));
  for (const [name, file] of Object.entries(files)) form.set(name, file);
  return form;
}
