import { NotFound } from '../../../kernel/errors.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { Addition, MessageRow, Place } from './message.js';
import type { MessageTreeRepository, TreeRefusal } from './message-tree.repository.js';
import { StaleLeaf } from './stale-leaf.js';

/** The end of the current branch, behind which messages are added. */
export interface BranchEnd extends Place {
  /** Whether the branch was made current for this. */
  readonly isSwitched: boolean;
}

interface MessageTreeNeeds {
  readonly database: Database;
  readonly repository: MessageTreeRepository;
}

/**
 * The messages of a conversation as a tree, of which one path from a first message to a leaf is shown: the current branch. Who
 * changes a tree holds the lock on the conversation's row from {@link open} (or {@link lock}) to the end of the transaction, and
 * takes it before any other lock.
 */
export class MessageTree {
  constructor(private readonly needs: MessageTreeNeeds) {}

  /**
   * Locks the conversation, and makes the current branch end where messages are to be added.
   * @throws NotFound; StaleLeaf when the current branch does not end where the client believes it to
   */
  async open(sql: Sql, conversationId: string, addition: Addition): Promise<BranchEnd> {
    const { repository } = this.needs;
    const { refusal, leaf, position, tip } = await repository.open(sql, conversationId, addition);
    if (refusal !== null) throw refusedAddition(refusal, conversationId, leaf);
    if (tip === leaf) return { id: leaf, position, isSwitched: false };
    await repository.select(sql, conversationId, tip);
    return { ...(await repository.end(sql, conversationId)), isSwitched: true };
  }

  /**
   * Refuses a client that is stale already, before anything is done for it. {@link open} looks again, under the lock.
   * @throws StaleLeaf
   */
  async expect(conversationId: string, addition: Addition): Promise<void> {
    if (addition.expectedLeafId == null) return;
    const { id } = await this.needs.repository.end(this.needs.database, conversationId);
    if (addition.expectedLeafId !== id) throw refusedAddition('leaf', conversationId, id);
  }

  /** Makes the branch through a message current, to its newest leaf. @returns the leaf, where it was not current before */
  async select(sql: Sql, { id, conversationId }: Pick<MessageRow, 'id' | 'conversationId'>): Promise<string | null> {
    const { repository } = this.needs;
    await repository.lock(sql, conversationId);
    if (!(await repository.exists(sql, id))) throw new NotFound('Message');
    const before = await repository.end(sql, conversationId);
    const leaf = await repository.newestLeaf(sql, id);
    if (leaf === before.id) return null;
    await repository.select(sql, conversationId, leaf);
    return leaf;
  }

  /** The last message of the current branch; undefined in an empty conversation. */
  async leafId(sql: Sql, conversationId: string): Promise<string | undefined> {
    const { id } = await this.needs.repository.end(sql, conversationId);
    return id === conversationId ? undefined : id;
  }

  /** For a change of the tree that says nothing: `updatedAt` stays. Where the conversation is gone, so is the tree. */
  lock(sql: Sql, conversationId: string): Promise<void> {
    return this.needs.repository.lock(sql, conversationId);
  }
}

/** @param leaf the end of the current branch; the conversation where it is empty */
export function refusedAddition(refusal: TreeRefusal, conversationId: string, leaf: string): NotFound | StaleLeaf {
  if (refusal === 'leaf') return new StaleLeaf(leaf === conversationId ? null : leaf);
  return new NotFound(refusal === 'conversation' ? 'Conversation' : 'Message');
}
