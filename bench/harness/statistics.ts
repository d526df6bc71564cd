// The few statistics of the table. Medians, because a shared machine's outliers are all on one side.

/** The q-quantile of `values`, interpolated; NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q,
    low = Math.floor(at);
  const a = sorted[low] ?? NaN;
  return a + (at - low) * ((sorted[low + 1] ?? a) - a);
}

/** The middle of `values`; NaN of nothing. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Whether two checksums are the same up to single precision and another order of summation. */
export const agree = (a: number, b: number): boolean => Math.abs(a - b) <= 2e-3 * Math.max(Math.abs(a), Math.abs(b));

/** Three significant digits, without an exponent: 0.00452, 1.35, 23.4, 1,920. */
export function threeDigits(x: number): string {
  if (!Number.isFinite(x) || x === 0) return String(x);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x))));
  return Number(x.toPrecision(3)).toLocaleString("en", { minimumFractionDigits: Math.min(digits, 6), maximumFractionDigits: 6 });
}
