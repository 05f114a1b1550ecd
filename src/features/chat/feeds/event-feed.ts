import type { Sql } from '../../../ports/database.js';

/** What happens in one thing, told to whoever follows it. */
export interface EventFeed {
  /** That of the thing: a conversation, or the user whose list it is. */
  readonly id: string;
  /** The topic of the event bus. */
  readonly topic: string;
}

/** An event with its number: from 1, without a gap, in the order in which the acts were committed. */
export type Numbered<Event> = Event & { readonly sequence: number };

/** What happens in a feed, before it is numbered. */
export interface FeedEvents<Event extends object = object> {
  readonly feed: EventFeed;
  readonly events: readonly Event[];
}

/** What a transaction has noted, to be told once it is committed. */
export interface News extends FeedEvents {
  readonly events: readonly Numbered<object>[];
}

/** What one act does, by feed. Where its transaction runs again, it notes anew. */
export interface NotedAct {
  /** Once for each feed, as the last of what the transaction locks; a conversation's before that of a list. */
  note(sql: Sql, ...feeds: readonly FeedEvents[]): Promise<void>;
  /** What a statement has numbered and added by itself. @param last the number of the last of the events */
  noted(happened: FeedEvents, last: number): void;
  /** After the commit. */
  tell(): void;
}

/** In place of events that are no longer kept. The feed goes on behind `sequence`. */
export interface Expired {
  readonly type: 'expired';
  readonly sequence: number;
}

/** How long events are kept for followers who come back, in hours. */
export const KEPT_HOURS = 24;
