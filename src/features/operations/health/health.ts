export interface HealthReport {
  readonly status: string;
  readonly version: string;
  readonly model: string;
}
