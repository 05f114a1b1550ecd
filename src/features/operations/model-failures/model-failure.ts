/** How many are kept: a provider that is down fails every question. */
export const KEPT_FAILURES = 1_000;
export interface ModelFailureRow {
  readonly id: string;
  readonly requestId: string | null;
  readonly messageId: string | null;
  readonly reason: string;
  readonly model: string | null;
  readonly status: number | null;
  readonly providerRequestId: string | null;
  readonly network: string | null;
  readonly providerMessage: string | null;
  readonly createdAt: Date;
}
