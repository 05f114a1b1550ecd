/** What a reply that has not ended is about; `ENDED` once it has. */
export type RunningReplyState = 'RUNNING' | 'WAITING_FOR_TOOLS' | 'STOPPING' | 'ENDED';

/** A reply of the model's as those see it who look after the service: nothing of what was said. */
export interface RunningReplyRow {
  /** The reply's message. */
  readonly id: string;
  readonly conversationId: string;
  /** The user of the conversation. */
  readonly userId: string;
  /** The name of the model that was asked last; null in replies of an earlier release. */
  readonly model: string | null;
  readonly state: RunningReplyState;
  readonly startedAt: Date;
}

/** Such a reply as an instance sees it. */
export interface SeenRunningReply extends RunningReplyRow {
  /** Whether it runs on the instance that was asked. */
  readonly isHere: boolean;
}
