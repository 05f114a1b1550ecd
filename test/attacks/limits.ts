import type { Answer, Attack, AttackKind, Service, User } from './attack.js';
import { dataOf, graphql, send, signUp, times } from './attack.js';

const AT_ONCE = 30;

interface Plan {
  readonly daily_messages: number;
  readonly max_conversations: number;
}

/** `count` calls at once. @returns how many were answered with 200, and the other statuses */
async function atOnce(count: number, call: (index: number) => Promise<Answer>) {
  const answers = await Promise.all(times(count, call));
  return { ok: answers.filter(({ status }) => status === 200).length, answers };
}

async function planOf(service: Service, { headers }: User): Promise<Plan> {
  const name = String(dataOf(await send(service, 'GET', '/api/v1/users/me', { headers }))['plan']);
  return dataOf(await send(service, 'GET', '/api/v1/plans'))[name] as Plan;
}

const most = (allowed: number, ok: number) =>
  ok <= allowed ? undefined : `${ok.toString()} of ${AT_ONCE.toString()} passed; ${allowed.toString()} may`;

export const limits: AttackKind = {
  name: 'limits',
  async attacks(service) {
    const user = await signUp(service);
    const { headers } = user;
    const plan = await planOf(service, user);
    const conversation = await send(service, 'POST', '/api/v1/conversations', { body: {}, headers });
    const id = String(dataOf(conversation)['conversation_id']);
    const attacks: Attack[] = [
      {
        name: 'conversations beyond the plan, over both doors',
        run: async () => {
          const { ok } = await atOnce(AT_ONCE, (index) =>
            index % 2 === 0
              ? send(service, 'POST', '/api/v1/conversations', { body: {}, headers })
              : graphql(service, 'mutation { createConversation(input: {}) { id } }', {}, headers).then((answer) => ({
                  ...answer,
                  status: answer.text.includes('"data":{"createConversation":{"id"') ? 200 : 403,
                })),
          );
          return most(plan.max_conversations - 1, ok);
        },
      },
      {
        name: 'messages',
        run: async () => {
          const body = { content: { text: 'x' }, message_type: 'user' };
          const { ok } = await atOnce(AT_ONCE, () =>
            send(service, 'POST', `/api/v1/conversations/${id}/messages`, { body, headers }),
          );
          return most(5, ok);
        },
      },
      {
        name: 'questions to the model, over every door',
        run: async () => {
          const { ok } = await atOnce(AT_ONCE, (index) =>
            send(service, 'POST', index % 2 === 0 ? '/api/v1/chat' : '/api/v1/chat?stream=true', {
              body: { message: 'x' },
              headers,
            }),
          );
          return most(5, ok);
        },
      },
      {
        name: 'one refresh token',
        run: async () => {
          const { refreshToken } = await signUp(service);
          const { answers } = await atOnce(AT_ONCE, () =>
            send(service, 'POST', '/api/v1/auth/refresh', { headers: { 'x-refresh-token': refreshToken } }),
          );
          const successors = new Set(
            answers.filter(({ status }) => status === 200).map((answer) => dataOf(answer)['refresh_token']),
          );
          return successors.size <= 1 ? undefined : `${successors.size.toString()} successors`;
        },
      },
    ];
    if (!service.isOwn) {
      attacks.push({
        name: 'guesses of a password',
        run: async () => {
          const { email } = await signUp(service);
          const body = { email, password: 'not the password' };
          const { answers } = await atOnce(AT_ONCE, () => send(service, 'POST', '/api/v1/auth/login', { body }));
          return most(5, answers.filter(({ status }) => status === 401).length);
        },
      });
    }
    return attacks;
  },
};
