import type { Attack, AttackKind, Service, User } from './attack.js';
import { dataOf, isAccepted, logIn, send, signUp, times } from './attack.js';

const LENGTH = 8;
const SEQUENCES = 40;
const ACTS = ['login', 'refresh', 'replay', 'logout', 'password', 'revoke', 'other'] as const;

/** Numbers from 0 to `below`, the same for the same seed (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * A random sequence of acts on one account. A model knows after each act which tokens must be alive; another user, who acts in
 * between, must never see or end anything.
 */
async function walk(service: Service, seed: number): Promise<string | undefined> {
  const pick = generator(seed);
  let owner = await signUp(service);
  const stranger = await signUp(service);
  let sessions = [{ token: owner.token, refreshToken: owner.refreshToken }];
  const dead: string[] = [];
  const done: string[] = [];
  for (let step = 0; step < LENGTH; step += 1) {
    const act = ACTS[pick(ACTS.length)] ?? 'login';
    done.push(act);
    const session = sessions[pick(sessions.length)];
    const headers = { authorization: `Bearer ${session?.token ?? ''}` };
    if (act === 'login' || session === undefined) {
      const { token, refreshToken } = await logIn(service, owner);
      sessions.push({ token, refreshToken });
    } else if (act === 'refresh' || act === 'replay') {
      const renew = () =>
        send(service, 'POST', '/api/v1/auth/refresh', { headers: { 'x-refresh-token': session.refreshToken } });
      const first = dataOf(await renew());
      // At once again: the same successor, and not a further one.
      const again = act === 'replay' ? dataOf(await renew()) : first;
      if (again['refresh_token'] !== first['refresh_token']) return `${done.join(', ')}: two successors`;
      session.refreshToken = String(first['refresh_token']);
      session.token = String(first['access_token']);
    } else if (act === 'logout') {
      await send(service, 'POST', '/api/v1/auth/logout', { headers });
      dead.push(session.token);
      sessions = sessions.filter((other) => other !== session);
    } else if (act === 'password') {
      const password = `a new password ${pick(1_000_000).toString()} of mine`;
      const changed = await send(service, 'PATCH', '/api/v1/users/me', { body: { password }, headers });
      if (changed.status !== 200) return `${done.join(', ')}: the change is answered with ${changed.status.toString()}`;
      owner = { ...owner, password };
      dead.push(...sessions.filter((other) => other !== session).map(({ token }) => token));
      sessions = [session];
    } else if (act === 'revoke') {
      await send(service, 'DELETE', `/api/v1/users/${owner.id}`, { headers: stranger.headers });
      await send(service, 'PATCH', `/api/v1/users/${owner.id}`, {
        body: { password: 'taken over by me' },
        headers: stranger.headers,
      });
    } else {
      const seen = await send(service, 'GET', `/api/v1/users/${owner.id}`, { headers: stranger.headers });
      if (seen.status !== 403) return `${done.join(', ')}: a stranger got ${seen.status.toString()}`;
    }
    for (const { token } of sessions)
      if (!(await isAccepted(service, token))) return `${done.join(', ')}: a living session is refused`;
    for (const token of dead)
      if (await isAccepted(service, token)) return `${done.join(', ')}: an ended session is accepted`;
  }
  return loginFault(service, owner, done);
}

async function loginFault(service: Service, owner: User, done: readonly string[]): Promise<string | undefined> {
  const wrong = { email: owner.email, password: `${owner.password}!` };
  const refused = await send(service, 'POST', '/api/v1/auth/login', { body: wrong });
  if (refused.status !== 401)
    return `${done.join(', ')}: a wrong password is answered with ${refused.status.toString()}`;
  await logIn(service, owner);
  return undefined;
}

export const accounts: AttackKind = {
  name: 'sequences over accounts',
  attacks: ({ isOwn, seed }) =>
    // Elsewhere, the limit of logins would end a sequence before the service could fail.
    isOwn
      ? times(SEQUENCES, (index): Attack => ({
          name: `sequence ${(seed + index).toString()}`,
          run: (service) => walk(service, seed + index),
        }))
      : [],
};
