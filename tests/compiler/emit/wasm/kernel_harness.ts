// Runs hand-written kernels as whole programs, without the runtime: every parameter is an output whose memory the test fills, so that reads, writes and
// updates look alike. The reference interpreter is the judge.
import { byteSize, hostArray, hostView, type DType } from "../../../../runtime/dtype.ts";
import { bf16ToF32, f16ToF32, f32ToBf16, f64ToF16 } from "../../../../runtime/float16.ts";
import type { WasmFeatures } from "../../../../compiler/emit/wasm/features.ts";
import { emitModule } from "../../../../compiler/emit/wasm/module.ts";
import type { GemmKernel, Kernel, KernelParam, LoopKernel, Stmt } from "../../../../compiler/ir/kernel.ts";
import type { Schedule, Slot, SlotRef, Step } from "../../../../compiler/ir/schedule.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../../compiler/ir/scalar.ts";
import { runGemm, runKernel } from "../../../../compiler/reference/interpret.ts";
import { wasmFeatures } from "../../../../runtime/wasm/features.ts";

/** Engines under test: the floor, and what this one has. */
export const ENGINES: readonly WasmFeatures[] = [
  { fma: false, wide: false, threads: false },
  ...(wasmFeatures().fma ? [{ fma: true, wide: false, threads: false }] : []),
];
/** A buffer of a test: its type and contents as numbers. */
export interface Data {
  readonly dtype: DType;
  readonly values: readonly number[];
}

/** i32 constant. */
export const int = (n: number): Expr => s.const(n, "i32");
/** An i32 variable. */
export const index = (name: string): ExprVar => exprVar(name, "i32");
export const add = (x: Expr, y: Expr): Expr => s.binary("add", x, y);
export const mul = (x: Expr, y: Expr): Expr => s.binary("mul", x, y);
/** Element `at` of buffer `buf`; storage dtypes arrive in the dtype they are computed in. */
export const load = (buf: number, dtype: DType, at: Expr, guard?: Expr, otherwise?: Expr): Expr => ({
  kind: "load",
  buf,
  dtype,
  index: at,
  ...(guard && { guard }),
  ...(otherwise && { otherwise }),
});
export const store = (buf: number, at: Expr, value: Expr, guard?: Expr): Stmt => ({
  kind: "store",
  buf,
  index: at,
  value,
  ...(guard && { guard }),
});
export const loop = (
  v: ExprVar,
  end: Expr,
  body: readonly Stmt[],
  options: { readonly begin?: Expr; readonly serial?: boolean } = {},
): Stmt => ({ kind: "for", v, begin: options.begin ?? int(0), end, parallel: options.serial !== true, body });
/** One fold over v in [0, end) with `combine`. */
export function fold(
  v: ExprVar,
  end: Expr,
  init: number,
  value: Expr,
  combine: (a: Expr, b: Expr) => Expr,
  body: readonly Stmt[] = [],
): { readonly acc: ExprVar; readonly stmt: Stmt } {
  const acc = exprVar("acc", value.dtype),
    a = exprVar("a", value.dtype),
    b = exprVar("b", value.dtype);
  return {
    acc,
    stmt: {
      kind: "fold",
      v,
      begin: int(0),
      end,
      folds: [{ acc, init: s.const(init, value.dtype) }],
      body,
      values: [value],
      a: [a],
      b: [b],
      combine: [combine(a, b)],
    },
  };
}
/** A kernel over `extent` items; every buffer may be read and written. */
export function kernel(
  buffers: readonly Data[],
  extent: number,
  v: ExprVar,
  body: readonly Stmt[],
  scratch: LoopKernel["scratch"] = [],
): LoopKernel {
  return { kind: "loop", name: "test", params: paramsOf(buffers), scratch, grid: { v, extent, cost: 1_000_000 }, body };
}
export const paramsOf = (buffers: readonly Data[]): KernelParam[] =>
  buffers.map(({ dtype, values }) => ({ dtype, elements: values.length, access: "update" }));

/** A program over the buffers as slots 0, 1, ...; `steps` may use counters and slots by number. */
export function program(buffers: readonly Data[], steps: readonly Step[]): Schedule {
  const slots: Slot[] = buffers.map(({ dtype, values }, id) => ({
    id,
    dtype,
    elements: values.length,
    home: { kind: "output", index: id },
  }));
  return { slots, steps, inputs: 0, outputs: slots.length, arenaBytes: 0, forwarded: [], donated: [] };
}
export const launch = (k: Kernel, args: readonly SlotRef[] = k.params.map((_, i) => slot(i))): Step => ({
  kind: "launch",
  kernel: k,
  args,
});
export const slot = (id: number, base: number = 0, terms: SlotRef["terms"] = []): SlotRef => ({ slot: id, base, terms });

/** What the buffers hold after the program ran. With `piece`, parallel launches run in pieces of so many items, last piece first. */
export function run(schedule: Schedule, buffers: readonly Data[], features: WasmFeatures, piece?: number): number[][] {
  const threads = piece !== undefined,
    artifact = emitModule(schedule, { ...features, threads });
  let top = 64;
  const take = (bytes: number): number => {
    const at = top;
    top += Math.ceil((bytes + 1) / 64) * 64;
    return at;
  };
  const table = take(4 * (1 + buffers.length)),
    arena = take(artifact.arenaBytes),
    scratch = take(artifact.scratchBytes),
    at = buffers.map(({ dtype, values }) => take(values.length * byteSize(dtype)));
  const pages = Math.ceil(top / 65536),
    memory = new WebAssembly.Memory(threads ? { initial: pages, maximum: 65536, shared: true } : { initial: pages });
  new Int32Array(memory.buffer, table, 1 + buffers.length).set([arena, ...at]);
  buffers.forEach(({ dtype, values }, i) => hostView(dtype, memory.buffer, at[i] ?? 0, values.length).set(encode(dtype, values)));
  const parallel = (k: number, args: number, extent: number): void => {
    const size = piece ?? extent;
    for (let begin = (Math.ceil(extent / size) - 1) * size; begin >= 0; begin -= size)
      exports.work(k, args, begin, Math.min(extent, begin + size));
  };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(artifact.bytes as Uint8Array<ArrayBuffer>), {
    env: { memory, scratch, parallel },
  }); // the encoder makes unshared arrays
  const exports = instance.exports as unknown as {
    run(table: number): void;
    work(k: number, args: number, begin: number, end: number): void;
  }; // the artifact's contract
  exports.run(table);
  return buffers.map(({ dtype, values }, i) => decode(dtype, hostView(dtype, memory.buffer, at[i] ?? 0, values.length)));
}
/** What the interpreter says the buffers hold. */
export function expected(k: Kernel, buffers: readonly Data[]): number[][] {
  const data = buffers.map(({ dtype, values }) => Float64Array.from(decode(dtype, encode(dtype, values))));
  if (k.kind === "loop") runKernel(k, data);
  else runGemm(k as GemmKernel, data);
  return data.map(x => [...x]);
}

/** Numbers as stored. */
export function encode(dtype: DType, values: readonly number[]): ReturnType<typeof hostArray> {
  const out = hostArray(dtype, values.length);
  values.forEach((x, i) => {
    out[i] = dtype === "f16" ? f64ToF16(x) : dtype === "bf16" ? f32ToBf16(Math.fround(x)) : x;
  });
  return out;
}
function decode(dtype: DType, stored: ArrayLike<number>): number[] {
  return Array.from(stored, x => (dtype === "f16" ? f16ToF32(x) : dtype === "bf16" ? bf16ToF32(x) : x));
}
/** Where two lists differ by more than a relative `tolerance`; NaN equals NaN, and with tolerance 0 the sign of zero counts. */
export function difference(got: readonly number[][], want: readonly number[][], tolerance: number = 0): string | undefined {
  for (const [b, w] of want.entries()) {
    for (const [i, y] of w.entries()) {
      const x = got[b]?.[i] ?? NaN;
      if (tolerance === 0 ? Object.is(x, y) : Object.is(x, y) || Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y))) continue;
      return `buffer ${b}, element ${i}: ${x}, expected ${y}`;
    }
  }
  return undefined;
}
/** Small pseudo-random numbers that are exact in every float dtype (multiples of 1/8 in [-4, 4)). */
export const numbers = (n: number, seed: number = 1): number[] =>
  Array.from({ length: n }, (_, i) => ((((i * 2654435761 + seed * 40503) >>> 7) % 64) - 32) / 8);
