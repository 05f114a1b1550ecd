import { print, type DocumentNode } from 'graphql';
import * as documents from '../../generated/client.js';
import { Actor, type GraphQLAnswer } from '../actor.js';
import type { Client, Conversation, Failure, Message, Model, Outcome, Plan, Usage, User } from './client.js';

/** The types that a generated document carries. */
interface TypedDocument<Data, Variables> extends DocumentNode {
  readonly __apiType?: (variables: Variables) => Data;
}

/** The documents of schema/operations, typed by the schema. */
export function graphqlClient(url: string): Client {
  const actor = new Actor(url);
  const run = async <Data, Variables extends Readonly<Record<string, unknown>>, Shape>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    shape: (data: Data) => Shape,
  ): Promise<Outcome<Shape>> => {
    const { data, errors } = await actor.graphql<Data>(print(document), variables);
    if (errors?.[0] !== undefined) return { failure: failureOf(errors[0]) };
    if (data == null) throw new Error('An answer has neither data nor errors');
    return { data: shape(data) };
  };

  return {
    createUser: (input) => run(documents.CreateUserDocument, { input }, (data) => userOf(data.createUser)),
    login: (input) =>
      run(documents.LoginDocument, { input }, ({ login }) => {
        actor.token = login.accessToken;
        return null;
      }),
    logout: () => run(documents.LogoutDocument, {}, () => null),
    me: () => run(documents.MeDocument, {}, ({ me }) => userOf(me)),
    updateMe: (input) => run(documents.UpdateMeDocument, { input }, (data) => userOf(data.updateMe)),
    deleteMe: () => run(documents.DeleteMeDocument, {}, (data) => userOf(data.deleteMe)),
    user: (id) => run(documents.UserDocument, { id }, ({ user }) => userOf(user)),
    users: () =>
      run(documents.UsersDocument, { first: 100 }, ({ users }) => users.edges.map(({ node }) => userOf(node))),

    plans: () =>
      run(documents.PlansDocument, {}, ({ plans }) => Object.fromEntries(plans.map((plan) => [plan.id, planOf(plan)]))),
    async changePlan(plan) {
      const outcome = await run(documents.ChangePlanDocument, { plan }, ({ changePlan }) => changePlan.changed);
      if ('data' in outcome) return outcome;
      // REST says only `Invalid plan`.
      const { faults: _faults, ...failure } = outcome.failure;
      return { failure };
    },
    models: () => run(documents.ModelsDocument, {}, ({ models }) => models.map(modelOf)),
    usage: () => run(documents.UsageDocument, {}, ({ usage }) => usage.map(usageOf)),

    createConversation: (input) =>
      run(documents.CreateConversationDocument, { input }, (data) => conversationOf(data.createConversation)),
    conversations: (page) =>
      run(documents.ConversationsDocument, { ...page }, ({ conversations }) =>
        conversations.edges.map(({ node }) => conversationOf(node)),
      ),
    conversation: (id) =>
      run(documents.ConversationDocument, { id }, ({ conversation }) => conversationOf(conversation)),
    updateConversation: (id, input) =>
      run(documents.UpdateConversationDocument, { id, input }, (data) => conversationOf(data.updateConversation)),
    deleteConversation: (id) =>
      run(documents.DeleteConversationDocument, { id }, (data) => conversationOf(data.deleteConversation)),
    deleteConversations: (ids) =>
      run(documents.DeleteConversationsDocument, { ids }, (data) => data.deleteConversations),

    createMessage: (conversationId, input) =>
      run(
        documents.CreateMessageDocument,
        { input: { ...input, conversationId, waitForReply: input.invokeLlm ?? false } },
        ({ createMessage }) => messageOf(createMessage.message),
      ),
    messages: (conversationId, page) =>
      run(documents.MessagesDocument, { conversationId, ...page }, ({ messages }) =>
        messages.edges.map(({ node }) => messageOf(node)),
      ),
    message: (id) => run(documents.MessageDocument, { id }, ({ message }) => messageOf(message)),
    updateMessage: (id, input) =>
      run(documents.UpdateMessageDocument, { id, input }, (data) => messageOf(data.updateMessage)),
    deleteMessage: (id) => run(documents.DeleteMessageDocument, { id }, (data) => messageOf(data.deleteMessage)),
    chat: (message, conversationId) =>
      run(
        documents.ChatDocument,
        { input: { message, conversationId } },
        ({ chat: { response, tokens, generation } }) => ({
          response,
          tokens,
          model: generation.model,
          cost: generation.cost,
          finishReason: generation.finishReason?.toLowerCase() ?? null,
        }),
      ),
  };
}

function failureOf({ extensions }: NonNullable<GraphQLAnswer['errors']>[number]): Failure {
  const { code, retryAfter } = extensions;
  const faults = extensions['errors'] as { readonly field: string; readonly message: string }[] | undefined;
  return {
    code,
    ...(faults !== undefined && {
      faults: faults.map(({ field, message }) => ({ field: wireName(field), message })),
    }),
    mayTryAgain: typeof retryAfter === 'number' && retryAfter > 0,
  };
}

/** The REST name of a field: `phone_number` for `input.phoneNumber`. */
function wireName(field: string): string {
  return field.replace(/^input\./, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function userOf(user: documents.UserFieldsFragment): User {
  const { createdAt: _createdAt, updatedAt: _updatedAt, plan, ...rest } = user;
  return { ...rest, plan: plan.id };
}

function planOf({ id: _id, name: _name, ...plan }: documents.PlanFieldsFragment): Plan {
  return plan;
}

function usageOf(day: documents.UsageQuery['usage'][number]): Usage {
  return day;
}

function modelOf({ price, ...model }: documents.ModelFieldsFragment): Model {
  const { name, isAllowed, isDefault, contextTokens, maxReplyTokens, fallback } = model;
  const cost = price && { prompt: price.prompt, completion: price.completion, currency: price.currency };
  return { name, isAllowed, isDefault, contextTokens, maxReplyTokens, price: cost, fallback };
}

function conversationOf(conversation: documents.ConversationFieldsFragment): Conversation {
  return conversation;
}

function messageOf(message: documents.MessageFieldsFragment): Message {
  const { id, conversation, user, content, messageType, createdAt, extra } = message;
  return { id, conversationId: conversation.id, userId: user?.id ?? null, content, messageType, createdAt, extra };
}
