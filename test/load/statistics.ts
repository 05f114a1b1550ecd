/** A median and the quartiles around it. */
export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  const at = (sorted.length - 1) * part;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below === undefined || above === undefined ? Number.NaN : below + (above - below) * (at % 1);
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5);

export const spreadOf = (numbers: readonly number[]): Spread => ({
  low: quantile(numbers, 0.25),
  median: median(numbers),
  high: quantile(numbers, 0.75),
});
