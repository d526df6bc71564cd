// Which windows of the text a step sees. A batch is a function of (seed, step) alone, so every method, resumed or not, sees the same ones.
// It holds no state, shuffles nothing and does not know what the tokens mean.
// B sequences in a batch, T context.

/** B windows of T+1 tokens, row after row; inputs are columns 0 to T-1, targets columns 1 to T. */
export interface Batch {
  readonly tokens: Int32Array;
  readonly shape: readonly [batch: number, length: number];
}

/** The size of a batch: B = `batch`, T = `context`. */
export interface BatchSize {
  readonly batch: number;
  readonly context: number;
}

/** The training batch of `step`: B windows at uniformly random places of `text`, i32[B,T+1].
 *  @throws RangeError if the text is shorter than T+1 tokens */
export function trainBatch(text: Int32Array, size: BatchSize, at: { readonly seed: number; readonly step: number }): Batch {
  const places = placesIn(text, size);
  return gather(
    text,
    size,
    Array.from({ length: size.batch }, (_, row) => Math.floor(uniform(at.seed, at.step, row) * places)),
  );
}

/** `count` validation batches, always the same: windows spread evenly from the start of `text` to its end, i32[B,T+1] each.
 *  @throws RangeError if the text is shorter than T+1 tokens */
export function fixedBatches(text: Int32Array, size: BatchSize, count: number): readonly Batch[] {
  const places = placesIn(text, size);
  const windows = count * size.batch;
  const start = (window: number): number => (windows === 1 ? 0 : Math.floor((window * (places - 1)) / (windows - 1)));
  return Array.from({ length: count }, (_, b) =>
    gather(
      text,
      size,
      Array.from({ length: size.batch }, (_, row) => start(b * size.batch + row)),
    ),
  );
}

function gather(text: Int32Array, { batch, context }: BatchSize, starts: readonly number[]): Batch {
  const tokens = new Int32Array(batch * (context + 1));
  starts.forEach((start, row) => tokens.set(text.subarray(start, start + context + 1), row * (context + 1)));
  return { tokens, shape: [batch, context + 1] };
}

function placesIn(text: Int32Array, { context }: BatchSize): number {
  const places = text.length - context;
  if (places < 1) throw new RangeError(`a context of ${context} needs a text of at least ${context + 1} characters, got ${text.length}`);
  return places;
}

/** A uniform number in [0, 1) from three integers, by 53 bits of a counter-based hash. */
function uniform(seed: number, step: number, row: number): number {
  const key = mix(mix(mix(seed) ^ step) ^ row);
  return ((mix(key ^ 0x9e3779b9) >>> 5) * 0x4000000 + (mix(key ^ 0x7f4a7c15) >>> 6)) / 0x20000000000000;
}

/** A bijection of 32-bit integers in which every output bit depends on every input bit. @see Chris Wellons, "Prospecting for hash functions", lowbias32 */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}
