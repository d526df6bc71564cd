// Runs planned products against a plain triple loop, for the tests of the generator and for its benchmark.
import type { WasmFeatures } from "../../../../compiler/emit/wasm/features.ts";
import type { FuncBuilder, Local } from "../../../../compiler/emit/wasm/encoder/function.ts";
import { ModuleBuilder } from "../../../../compiler/emit/wasm/encoder/module.ts";
import { emitGemm } from "../../../../compiler/emit/wasm/gemm/emit.ts";
import { planGemm } from "../../../../compiler/emit/wasm/gemm/plan.ts";
import type { GemmPlan } from "../../../../compiler/emit/wasm/gemm/plan.ts";
import type { ComputedOutput, ComputedSource, GemmSpec, MatrixSource } from "../../../../compiler/emit/wasm/gemm/spec.ts";

/** A product with contiguous operands, each optionally transposed or the same for all batches. */
export interface Case {
  readonly dtype: "f32" | "f64";
  readonly batch?: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly ta?: boolean;
  readonly tb?: boolean;
  readonly sharedA?: boolean;
  readonly sharedB?: boolean;
  /** Doubles the operands while packing; vectors along the contiguous axis, or scalars only. */
  readonly prologue?: "vector" | "scalar";
  /** relu(x + bias[col] + shift[row]). */
  readonly epilogue?: boolean;
  /** The epilogue adds 1 to what the output holds instead, whatever the sums are. */
  readonly counting?: boolean;
}

/** A compiled case: its arrays live in one memory, at fixed places. */
export interface Compiled {
  readonly plan: GemmPlan;
  readonly a: Float32Array | Float64Array;
  readonly b: Float32Array | Float64Array;
  readonly bias: Float32Array | Float64Array;
  readonly shift: Float32Array | Float64Array;
  readonly c: Float32Array | Float64Array;
  readonly module: WebAssembly.Module;
  readonly pack: (begin: number, end: number) => void;
  readonly main: (begin: number, end: number) => void;
  /** All of pack, then all of main, each in pieces of `piece` tasks. */
  readonly run: (piece?: number) => void;
}

const PAGE = 65536;

/** Plans, emits, compiles and instantiates a case; operands hold small pseudo-random values, the output NaN. */
export function compileCase(test: Case, features: WasmFeatures): Compiled {
  const { dtype, batch = 1, m, n, k } = test;
  const size = dtype === "f32" ? 4 : 8;
  let top = 64;
  const take = (bytes: number): number => {
    const at = top;
    top += Math.ceil(bytes / 64) * 64;
    return at;
  };
  const aAt = take((test.sharedA ? 1 : batch) * m * k * size);
  const bAt = take((test.sharedB ? 1 : batch) * k * n * size);
  const [biasAt, shiftAt, cAt] = [take(n * size), take(m * size), take(batch * m * n * size)];
  const spec: GemmSpec = {
    dtype,
    batch,
    m,
    n,
    k,
    a: source(test, aAt, m, k, test.ta ?? false, test.sharedA ?? false),
    b: source(test, bAt, k, n, test.tb ?? false, test.sharedB ?? false),
    out: test.counting
      ? counting(dtype, cAt, m, n)
      : test.epilogue
        ? epilogue(dtype, biasAt, shiftAt, cAt, m, n)
        : {
            kind: "plain",
            base: (f, b) =>
              void f
                .get(b)
                .times(m * n * size)
                .plus(cAt),
          },
  };
  const plan = planGemm(spec, features);
  const [sharedAt, threadAt] = [take(plan.scratchShared), take(plan.scratchPerThread)];
  const builder = new ModuleBuilder();
  const pages = Math.ceil(top / PAGE) + 1;
  builder.defineMemory({ initial: pages });
  builder.exportMemory("memory");
  const funcs = emitGemm(builder, "gemm", plan, { shared: f => void f.i32(sharedAt), perThread: f => void f.i32(threadAt) });
  if (funcs.pack) builder.exportFunc("pack", funcs.pack);
  builder.exportFunc("main", funcs.main);
  const module = new WebAssembly.Module(builder.finish({ names: true }));
  const exports = new WebAssembly.Instance(module).exports;
  const { buffer } = exports["memory"] as WebAssembly.Memory; // exported above
  const grid = (name: string): Compiled["main"] => (exports[name] ?? (() => undefined)) as Compiled["main"]; // (i32, i32) -> ()
  const view = (at: number, count: number): Float32Array | Float64Array =>
    dtype === "f32" ? new Float32Array(buffer, at, count) : new Float64Array(buffer, at, count);
  const [pack, main] = [grid("pack"), grid("main")];
  const pieces = (f: Compiled["main"], total: number, piece: number): void => {
    for (let t = 0; t < total; t += piece) f(t, Math.min(total, t + piece));
  };
  const made: Compiled = {
    plan,
    module,
    pack,
    main,
    a: view(aAt, (test.sharedA ? 1 : batch) * m * k),
    b: view(bAt, (test.sharedB ? 1 : batch) * k * n),
    bias: view(biasAt, n),
    shift: view(shiftAt, m),
    c: view(cAt, batch * m * n),
    run: (piece = Infinity) => {
      pieces(pack, plan.packGrid, piece);
      pieces(main, plan.gemmGrid, piece);
    },
  };
  let seed = 12345;
  for (const array of [made.a, made.b, made.bias, made.shift]) {
    for (let i = 0; i < array.length; i++) array[i] = ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 1) % 1024) / 717 - 0.71; // all bits of the mantissa used, so that sums round
  }
  // scratch starts as NaN: a kernel that reads what packing did not write shows it
  new Uint8Array(buffer, sharedAt, top - sharedAt).fill(0xff);
  made.c.fill(NaN);
  return made;
}

/** The expected results, in f64. */
export function expected(test: Case, { a, b, bias, shift }: Compiled): Float64Array {
  const { batch = 1, m, n, k } = test;
  const c = new Float64Array(batch * m * n);
  const scale = test.prologue ? 4 : 1;
  for (let z = 0; z < batch; z++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        const [a0, b0] = [test.sharedA ? 0 : z * m * k, test.sharedB ? 0 : z * k * n];
        let sum = 0;
        for (let p = 0; p < k; p++)
          sum += (a[a0 + (test.ta ? p * m + i : i * k + p)] ?? NaN) * (b[b0 + (test.tb ? j * k + p : p * n + j)] ?? NaN);
        sum *= scale;
        c[(z * m + i) * n + j] = test.epilogue ? Math.max(0, sum + (bias[j] ?? NaN) + (shift[i] ?? NaN)) : sum;
      }
  return c;
}

function source(test: Case, at: number, rows: number, cols: number, transposed: boolean, shared: boolean): MatrixSource {
  const [row, col] = transposed ? [1, rows] : [cols, 1];
  const size = test.dtype === "f32" ? 4 : 8;
  const base = (f: FuncBuilder, batch: Local): void => {
    if (shared) f.i32(at);
    else
      f.get(batch)
        .times(rows * cols * size)
        .plus(at);
  };
  if (!test.prologue) return { kind: "strided", batched: !shared, row, col, base };
  const computed: ComputedSource = {
    kind: "computed",
    batched: !shared,
    ...(test.prologue === "vector" && { vectorAxis: transposed ? "row" : "col" }),
    open: f => {
      const two = f.local("v128");
      if (test.dtype === "f32") f.f32x4(2).set(two);
      else f.f64x2(2).set(two);
      const address = (at: { batch: Local; row: Local; col: Local }): void => {
        base(f, at.batch);
        f.get(at.row).times(row).get(at.col).times(col).op("i32.add").times(size).op("i32.add");
      };
      return {
        scalar: at => {
          address(at);
          if (test.dtype === "f32") f.mem("f32.load").f32(2).op("f32.mul");
          else f.mem("f64.load").f64(2).op("f64.mul");
        },
        vector: at => {
          address(at);
          f.mem("v128.load")
            .get(two)
            .op(test.dtype === "f32" ? "f32x4.mul" : "f64x2.mul");
        },
      };
    },
  };
  return computed;
}

function epilogue(dtype: "f32" | "f64", biasAt: number, shiftAt: number, cAt: number, m: number, n: number): ComputedOutput {
  const size = dtype === "f32" ? 4 : 8;
  return {
    kind: "computed",
    open: f => {
      const zero = f.local("v128");
      const address = f.local("i32");
      return (at, acc, lanes) => {
        f.get(at.batch)
          .i32(m)
          .op("i32.mul")
          .get(at.row)
          .op("i32.add")
          .times(n)
          .get(at.col)
          .op("i32.add")
          .times(size)
          .plus(cAt)
          .set(address);
        f.get(address).get(acc);
        if (lanes === 1) {
          const load = `${dtype}.load` as const,
            add = `${dtype}.add` as const;
          f.get(at.col).times(size).mem(load, biasAt).op(add).get(at.row).times(size).mem(load, shiftAt).op(add);
          if (dtype === "f32") f.f32(0).op("f32.max").mem("f32.store");
          else f.f64(0).op("f64.max").mem("f64.store");
          return;
        }
        const [add, max] = dtype === "f32" ? (["f32x4.add", "f32x4.max"] as const) : (["f64x2.add", "f64x2.max"] as const);
        f.get(at.col).times(size).mem("v128.load", biasAt).op(add);
        f.get(at.row)
          .times(size)
          .mem(dtype === "f32" ? "v128.load32_splat" : "v128.load64_splat", shiftAt)
          .op(add);
        f.get(zero).op(max).mem("v128.store");
      };
    },
  };
}

/** out[at] += 1 for each lane. */
function counting(dtype: "f32" | "f64", cAt: number, m: number, n: number): ComputedOutput {
  const size = dtype === "f32" ? 4 : 8;
  const [load, store, add] =
    dtype === "f32" ? (["f32.load", "f32.store", "f32.add"] as const) : (["f64.load", "f64.store", "f64.add"] as const);
  return {
    kind: "computed",
    open: f => {
      const address = f.local("i32");
      return (at, _, lanes) => {
        f.get(at.batch)
          .i32(m)
          .op("i32.mul")
          .get(at.row)
          .op("i32.add")
          .times(n)
          .get(at.col)
          .op("i32.add")
          .times(size)
          .plus(cAt)
          .set(address);
        for (let lane = 0; lane < lanes; lane++) {
          f.get(address)
            .get(address)
            .mem(load, lane * size);
          if (dtype === "f32") f.f32(1);
          else f.f64(1);
          f.op(add).mem(store, lane * size);
        }
      };
    },
  };
}
