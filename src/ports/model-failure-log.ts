import type { UpstreamEvidence } from '../kernel/errors.js';

/** A question that the model's provider did not answer, or not to the end. */
export interface ModelFailure extends UpstreamEvidence {
  /** The id of the client's request, as in the log. */
  readonly requestId: string | null;
  /** The reply; null for a chat that stores nothing. */
  readonly messageId: string | null;
  /** The name of the model that was asked. */
  readonly model: string;
  /** What the client was told, unless another model answered. */
  readonly reason: string;
}

/** Where failures of the model's provider are kept for admins, the latest ones. */
export interface ModelFailureLog {
  record(failure: ModelFailure): Promise<void>;
}
