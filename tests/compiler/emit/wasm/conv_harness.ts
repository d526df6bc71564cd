// Convolutions as implicit matrix products, against plain loops. Shape letters: B images, I and O channels, H W input, P Q output, R kernel.
import type { WasmFeatures } from "../../../../compiler/emit/wasm/features.ts";
import { ModuleBuilder } from "../../../../compiler/emit/wasm/encoder/module.ts";
import { emitGemm } from "../../../../compiler/emit/wasm/gemm/emit.ts";
import { planGemm } from "../../../../compiler/emit/wasm/gemm/plan.ts";

/** x f32[B,I,H,W] padded by `pad` on each side, w f32[O,I,R,R] -> f32[B,O,P,Q]. */
export interface ConvShape {
  readonly images: number;
  readonly ci: number;
  readonly h: number;
  readonly w: number;
  readonly co: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
}

/** A compiled convolution; `x` is the padded input. */
export interface CompiledConv {
  readonly x: Float32Array;
  readonly weights: Float32Array;
  readonly out: Float32Array;
  readonly run: () => void;
}

const sizes = ({ h, w, kernel, stride, pad }: ConvShape): { H: number; W: number; P: number; Q: number } => {
  const [H, W] = [h + 2 * pad, w + 2 * pad];
  return { H, W, P: Math.floor((H - kernel) / stride) + 1, Q: Math.floor((W - kernel) / stride) + 1 };
};

/** Rows are pixels, k runs over (channel, ky, kx), columns are output channels. */
export function compileConv(shape: ConvShape, features: WasmFeatures): CompiledConv {
  const { images, ci, co, kernel, stride, pad } = shape;
  const { H, W, P, Q } = sizes(shape);
  const [m, k] = [P * Q, ci * kernel * kernel];
  let top = 64;
  const take = (bytes: number): number => (top += Math.ceil(bytes / 64) * 64) - Math.ceil(bytes / 64) * 64;
  const [xAt, wAt, outAt] = [take(images * ci * H * W * 4), take(co * k * 4), take(images * co * m * 4)];
  const [rowsAt, colsAt] = [take(m * 4), take(k * 4)];
  const plan = planGemm(
    {
      dtype: "f32",
      batch: images,
      m,
      n: co,
      k,
      a: {
        kind: "indexed",
        batched: true,
        base: (f, batch) =>
          void f
            .get(batch)
            .times(ci * H * W * 4)
            .plus(xAt),
        rowTable: f => void f.i32(rowsAt),
        colTable: f => void f.i32(colsAt),
        ...(stride === 1 && Q % 4 === 0 && { contiguous: "row" as const }),
      },
      b: { kind: "strided", batched: false, row: 1, col: k, base: f => void f.i32(wAt) },
      out: {
        kind: "plain",
        strides: { row: 1, col: m },
        base: (f, batch) =>
          void f
            .get(batch)
            .times(co * m * 4)
            .plus(outAt),
      },
    },
    features,
  );
  const [sharedAt, threadAt] = [take(plan.scratchShared), take(plan.scratchPerThread)];
  const builder = new ModuleBuilder();
  builder.defineMemory({ initial: Math.ceil(top / 65536) + 1 });
  builder.exportMemory("memory");
  const funcs = emitGemm(builder, "conv", plan, { shared: f => void f.i32(sharedAt), perThread: f => void f.i32(threadAt) });
  builder.exportFunc("main", funcs.main);
  if (funcs.pack) builder.exportFunc("pack", funcs.pack);
  const exports = new WebAssembly.Instance(new WebAssembly.Module(builder.finish())).exports;
  const { buffer } = exports["memory"] as WebAssembly.Memory; // exported above
  const [pack, main] = ["pack", "main"].map(name => exports[name] as ((begin: number, end: number) => void) | undefined); // (i32, i32) -> ()
  const x = new Float32Array(buffer, xAt, images * ci * H * W);
  for (let c = 0; c < images * ci; c++)
    for (let i = 0; i < shape.h; i++)
      for (let j = 0; j < shape.w; j++) {
        x[(c * H + i + pad) * W + j + pad] = ((c * 31 + i * 7 + j * 3) % 17) / 8 - 1;
      }
  const weights = new Float32Array(buffer, wAt, co * k).map((_, i) => ((i * 5) % 13) / 6 - 1);
  new Float32Array(buffer, wAt, co * k).set(weights);
  new Int32Array(buffer, rowsAt, m).set(Array.from({ length: m }, (_, r) => 4 * stride * (Math.floor(r / Q) * W + (r % Q))));
  const corner = (t: number): number => (Math.floor(t / kernel ** 2) * H + (Math.floor(t / kernel) % kernel)) * W + (t % kernel);
  new Int32Array(buffer, colsAt, k).set(Array.from({ length: k }, (_, t) => 4 * corner(t)));
  return {
    x,
    weights,
    out: new Float32Array(buffer, outAt, images * co * m),
    run: () => {
      pack?.(0, plan.packGrid);
      main?.(0, plan.gemmGrid);
    },
  };
}

/** The definition, in f64. */
export function convolve(shape: ConvShape, { x, weights }: CompiledConv): Float64Array {
  const { images, ci, co, kernel, stride } = shape;
  const { H, W, P, Q } = sizes(shape);
  const out = new Float64Array(images * co * P * Q);
  for (let b = 0; b < images; b++)
    for (let o = 0; o < co; o++)
      for (let p = 0; p < P; p++)
        for (let q = 0; q < Q; q++) {
          let sum = 0;
          for (let c = 0; c < ci; c++)
            for (let r = 0; r < kernel; r++)
              for (let s = 0; s < kernel; s++) {
                sum +=
                  (x[((b * ci + c) * H + p * stride + r) * W + q * stride + s] ?? NaN) *
                  (weights[((o * ci + c) * kernel + r) * kernel + s] ?? NaN);
              }
          out[((b * co + o) * P + p) * Q + q] = sum;
        }
  return out;
}
