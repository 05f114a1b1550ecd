import { expect } from '@jest/globals';
import type { Actor } from './actor.js';
import type { TestApp } from './app.js';
import { branchOf, EDIT, FORK, REGENERATE, SELECT } from './branches.js';
import type { Random } from './random.js';
import { CREATE_MESSAGE, followReply, type MessageStatus } from './replies.js';

const DELETE = 'mutation ($id: ID!) { deleteMessage(id: $id) { id } }';
const UPDATE = `mutation ($id: ID!, $content: JSONObject!) {
  updateMessage(id: $id, input: { content: $content }) { id }
}`;

/** A message as its row has it. */
interface Row {
  readonly id: string;
  readonly parentId: string;
  readonly position: number;
  readonly isCurrent: boolean;
  readonly replyToId: string | null;
  readonly messageType: string;
  readonly text: string;
  readonly status: MessageStatus;
}

/** A question that the model was asked in a step. */
interface Asked {
  readonly questionId: string;
}

/** One device of a user, and what it takes for the end of the conversation. */
interface Device {
  leafId: string | null;
}

type Act = () => Promise<Asked | null>;

/** Three devices do as they like in one conversation; after each step its tree is looked at. */
export class ConversationWalk {
  readonly #devices: readonly [Device, Device, Device] = [{ leafId: null }, { leafId: null }, { leafId: null }];
  /** How often each kind of act was done, and how often a device was told that it is stale. */
  readonly done = new Map<string, number>();
  #texts = 0;
  #prompts = 0;

  constructor(
    private readonly app: Pick<TestApp, 'database' | 'model'>,
    private readonly owner: Actor,
    private readonly conversationId: string,
    private readonly random: Random,
  ) {}

  /** Prompts that were compared with their branches. */
  get prompts(): number {
    return this.#prompts;
  }

  /** @returns how many acts were done */
  async step(): Promise<number> {
    const rows = await this.#rows();
    const isBurst = this.random.chance(25);
    const count = isBurst ? 2 + this.random.below(3) : 1;
    const acts = Array.from({ length: count }, () => this.#act(rows, isBurst));
    const before = this.app.model.requests.length;
    const answers = Array.from({ length: count }, () => this.#text('Answer'));
    this.app.model.forget();
    this.app.model.reply(...answers);
    const asked = (await Promise.all(acts.map((act) => act()))).filter((question) => question !== null);
    await this.#check(asked, before, answers);
    return count;
  }

  #text(what: string): string {
    return `${what} ${++this.#texts}.`;
  }

  #note(kind: string): void {
    this.done.set(kind, (this.done.get(kind) ?? 0) + 1);
  }

  /** @param isBurst whether others act at the same time: nothing is taken away then, so that prompts can be told */
  #act(rows: readonly Row[], isBurst: boolean): Act {
    const device = this.random.pick(this.#devices);
    const pickOf = (suits: (row: Row) => boolean) => {
      const suited = rows.filter(suits);
      return suited[this.random.below(suited.length)];
    };
    const expectedLeafId = this.random.chance(30) ? device.leafId : null;
    const question = pickOf(({ messageType, replyToId }) => messageType === 'user' && replyToId === null);
    const reply = pickOf(({ replyToId }) => replyToId !== null);
    const any = pickOf(() => true);
    const choice = this.random.below(isBurst ? 70 : 100);
    if (choice < 25 || any === undefined) return () => this.#ask(device, expectedLeafId);
    if (choice < 35 && question !== undefined) return () => this.#edit(device, question, expectedLeafId);
    if (choice < 50 && reply !== undefined) return () => this.#regenerate(device, reply, expectedLeafId);
    if (choice < 65) return () => this.#plain('select', SELECT, { id: any.id });
    if (choice < 70) return () => this.#write(device, expectedLeafId);
    if (choice < 85) return () => this.#plain('delete', DELETE, { id: any.id });
    if (choice < 90) {
      const changes = { id: any.id, content: { text: this.#text('Changed') } };
      return () => this.#plain('update', UPDATE, changes);
    }
    if (choice < 95) return () => this.#fork(any);
    return () => this.#askAndStop();
  }

  async #ask(device: Device, expectedLeafId: string | null): Promise<Asked | null> {
    const input = {
      conversationId: this.conversationId,
      content: { text: this.#text('Question') },
      messageType: 'user',
      invokeLlm: true,
      waitForReply: true,
      expectedLeafId,
    };
    const data = await this.#try<{ createMessage: Created }>('ask', device, CREATE_MESSAGE, { input });
    return data && this.#added(device, data.createMessage);
  }

  async #edit(device: Device, { id }: Row, expectedLeafId: string | null): Promise<Asked | null> {
    const input = { content: { text: this.#text('Edited') }, invokeLlm: true, waitForReply: true, expectedLeafId };
    const data = await this.#try<{ editMessage: Created }>('edit', device, EDIT, { id, input });
    return data && this.#added(device, data.editMessage);
  }

  async #regenerate(device: Device, { id, replyToId }: Row, expectedLeafId: string | null): Promise<Asked | null> {
    const variables = { id, expectedLeafId, waitForReply: true };
    const data = await this.#try<{ regenerateReply: { id: string } }>('regenerate', device, REGENERATE, variables);
    if (data === null || replyToId === null) return null;
    device.leafId = data.regenerateReply.id;
    return { questionId: replyToId };
  }

  async #write(device: Device, expectedLeafId: string | null): Promise<null> {
    const input = {
      conversationId: this.conversationId,
      content: { text: this.#text('Note') },
      messageType: 'note',
      expectedLeafId,
    };
    const data = await this.#try<{ createMessage: Created }>('write', device, CREATE_MESSAGE, { input });
    if (data !== null) device.leafId = data.createMessage.message.id;
    return null;
  }

  async #plain(kind: string, document: string, variables: object): Promise<null> {
    await this.owner.ask(document, { ...variables });
    this.#note(kind);
    return null;
  }

  async #fork({ id }: Row): Promise<null> {
    const rows = new Map((await this.#rows()).map((row) => [row.id, row]));
    const { forkConversation } = await this.owner.ask<{ forkConversation: { id: string } }>(FORK, { id });
    const { messages } = await branchOf(this.owner, forkConversation.id);
    expect(messages.map(({ text }) => text)).toEqual(
      pathTo(rows, id)
        .map(({ text }) => text)
        .slice(0, messages.length),
    );
    this.#note('fork');
    return null;
  }

  async #askAndStop(): Promise<null> {
    this.app.model.forget();
    this.app.model.reply({ chunks: [this.#text('Part'), ' and more'], stallAfter: 1 });
    const input = {
      conversationId: this.conversationId,
      content: { text: this.#text('Question') },
      messageType: 'user',
      invokeLlm: true,
    };
    const { createMessage } = await this.owner.ask<{ createMessage: Created }>(CREATE_MESSAGE, { input });
    const id = createMessage.reply?.id ?? '';
    // A reply that is stopped before it has text is no part of later prompts.
    const events = followReply(this.owner, 'eventStream', id);
    expect((await events.next()).value).toMatchObject({ __typename: 'ReplyDelta' });
    await events.return();
    await this.owner.rest('POST', `/messages/${id}/stop`);
    this.#note('stop');
    return null;
  }

  #added(device: Device, { message, reply }: Created): Asked {
    device.leafId = reply?.id ?? message.id;
    return { questionId: message.id };
  }

  /** @returns null where the device was stale, and has been told */
  async #try<Data>(kind: string, device: Device, document: string, variables: object): Promise<Data | null> {
    const { data, errors } = await this.owner.graphql<Data>(document, { ...variables });
    const [error] = errors ?? [];
    if (error === undefined && data != null) {
      this.#note(kind);
      return data;
    }
    expect(error).toMatchObject({ message: 'The conversation has gone on', extensions: { code: 'CONFLICT' } });
    this.#note('stale');
    device.leafId = error?.extensions['currentLeafId'] as string | null;
    return null;
  }

  /** One tree, one current branch, each reply behind its question, and prompts that are the branches of their questions. */
  async #check(asked: readonly Asked[], firstRequest: number, answers: readonly string[]): Promise<void> {
    const rows = await this.#rows();
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const row of rows) {
      const parent = byId.get(row.parentId);
      if (row.parentId !== this.conversationId && parent === undefined) throw new Error(`${row.id} hangs in the air`);
      // Positions grow from parents to children, so that there is no circle.
      if (parent !== undefined) expect(row.position).toBeGreaterThan(parent.position);
      if (row.replyToId !== null) expect(row.parentId).toBe(row.replyToId);
    }
    const branch = rows.filter(({ isCurrent }) => isCurrent).sort((one, other) => one.position - other.position);
    for (const [index, { parentId }] of branch.entries())
      expect(parentId).toBe(branch[index - 1]?.id ?? this.conversationId);
    const leafId = branch.at(-1)?.id;
    expect(rows.length === 0).toBe(branch.length === 0);
    expect(rows.some(({ parentId }) => parentId === leafId)).toBe(false);
    const shown = await branchOf(this.owner, this.conversationId);
    expect(shown.messages.map(({ id }) => id)).toEqual(branch.slice(0, 100).map(({ id }) => id));
    expect(shown.totalCount).toBe(branch.length);
    expect(shown.currentLeaf?.id).toBe(leafId);

    const requests = this.app.model.requests.slice(firstRequest);
    for (const { questionId } of asked) {
      const path = pathTo(byId, questionId).filter(({ messageType }) => ['user', 'ai'].includes(messageType));
      const question = path.at(-1)?.text ?? '';
      const given = requests.filter(({ messages }) => messages.at(-1)?.content === question);
      expect(given.length).toBeGreaterThan(0);
      // What was being written at the same time may be in it or not.
      const settled = (texts: readonly unknown[]) => texts.filter((text) => !answers.includes(text as string));
      for (const { messages } of given) {
        expect(settled(messages.slice(1).map(({ content }) => content))).toEqual(settled(path.map(({ text }) => text)));
        this.#prompts++;
      }
    }
  }

  async #rows(): Promise<readonly Row[]> {
    const { rows } = await this.app.database.query<Row>(
      `SELECT id, parent_id AS "parentId", position, is_current AS "isCurrent", reply_to_id AS "replyToId",
         message_type AS "messageType", content->>'text' AS text, status
       FROM messages WHERE conversation_id = $1 ORDER BY id`,
      [this.conversationId],
    );
    return rows;
  }
}

interface Created {
  readonly message: { readonly id: string };
  readonly reply: { readonly id: string } | null;
}

/** From the first message to this one. */
function pathTo(rows: ReadonlyMap<string, Row>, id: string): readonly Row[] {
  const path: Row[] = [];
  for (let row = rows.get(id); row !== undefined; row = rows.get(row.parentId)) path.unshift(row);
  return path;
}
