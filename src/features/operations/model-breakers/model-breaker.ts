import type { BreakerReport } from '../../../kernel/circuit-breaker.js';

/** Whether the provider of a model is asked at present. */
export interface ModelBreakerRow extends BreakerReport {
  /** The name of the model. */
  readonly model: string;
  /** Which model of which provider it is, as the log calls it. */
  readonly provider: string;
}
