// Text of modules: an independent assembler (wabt) turns it back into the same bytes, for whole programs and for each instruction that the encoder knows.
import { test } from "uvu";
import * as assert from "uvu/assert";
import wabt from "wabt";
import { add, cond, jit, less, matmul, scan, softmax, sum, tanh, zeros, type Tensor } from "../../../../stdlib/index.ts";
import { conv } from "../../../../compiler/primitives/conv.ts";
import { compile } from "../../../../compiler/compile.ts";
import { ATOMIC, LANE, MEMORY, MEMORY_LANE, PLAIN } from "../../../../compiler/emit/wasm/encoder/opcodes.ts";
import type { AtomicOp, LaneOp, MemoryLaneOp, MemoryOp, PlainOp } from "../../../../compiler/emit/wasm/encoder/opcodes.ts";
import { ModuleBuilder } from "../../../../compiler/emit/wasm/encoder/module.ts";
import { moduleText } from "../../../../compiler/emit/wasm/encoder/text.ts";

const { parseWat } = await wabt();
const FEATURES = { simd: true, threads: true, relaxed_simd: true, bulk_memory: true, sat_float_to_int: true, sign_extension: true };
function assembled(text: string): Buffer {
  const parsed = parseWat("module.wat", text, FEATURES);
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  return Buffer.from(buffer);
}
/** The module without its custom section, which comes last. */
function unnamed(bytes: Uint8Array): Buffer {
  let at = 8;
  while (at < bytes.length && bytes[at] !== 0) {
    let size = 0,
      scale = 1;
    for (at++; ; scale *= 128) {
      const b = bytes[at++] ?? 0;
      size += (b & 127) * scale;
      if (b < 128) break;
    }
    at += size;
  }
  return Buffer.from(bytes.slice(0, at));
}
const agrees = (bytes: Uint8Array, what: string): void =>
  assert.ok(assembled(moduleText(bytes)).equals(unnamed(bytes)), `${what}: another module comes back`);

test("text of whole programs assembles to the bytes that run: element-wise, products, convolution, rows, loops and branches, with and without threads", () => {
  const p = {
    stride: [1, 1],
    pad: [
      [1, 1],
      [1, 1],
    ] as const,
    dilation: [1, 1],
    base: [1, 1],
    groups: 1,
  };
  const programs: readonly (readonly [string, { func: Parameters<typeof compile>[0] }])[] = [
    ["element-wise", jit((x: Tensor) => tanh(x)).lower(zeros([70]))],
    ["product", jit((x: Tensor, y: Tensor) => softmax(matmul(x, y))).lower(zeros([9, 8]), zeros([8, 33]))],
    ["convolution", jit((x: Tensor, w: Tensor) => conv(x, w, p)).lower(zeros([2, 3, 8, 8]), zeros([4, 3, 3, 3]))],
    ["loop", jit((x: Tensor) => scan((c: Tensor, r: Tensor) => [add(c, r), c] as const, zeros([3]), x)).lower(zeros([5, 3]))],
    [
      "branch",
      jit((x: Tensor) =>
        cond(
          less(sum(x), 1),
          (t: Tensor) => add(t, 1),
          (t: Tensor) => tanh(t),
          x,
        ),
      ).lower(zeros([4])),
    ],
  ];
  for (const [what, { func }] of programs)
    for (const fma of [false, true])
      for (const threads of [false, true]) {
        const artifact = compile(func, { kind: "wasm", features: { fma, wide: fma, threads } });
        if (artifact.kind === "wasm") agrees(artifact.bytes, what);
      }
});

test("every instruction, constant and kind of section survives", () => {
  const m = new ModuleBuilder();
  const log = m.importFunc("env", "log", { params: ["i32"], results: [] }),
    limit = m.importGlobal("env", "limit", "i32");
  m.defineMemory({ initial: 1, maximum: 2, shared: true });
  m.exportMemory("memory");
  const count = m.global({ type: "f64", value: -0, mutable: true });
  m.global({ type: "v128" });
  m.global({ type: "i64", value: -(1n << 63n) });
  const start = m.func("start");
  m.start(start);
  m.exportGlobal("count", count);
  const f = m.func("same", ["i32", "f32"], ["i32"]),
    g = m.func("same", [], []); // another function of that name
  m.exportFunc("f", f);
  m.exportTable("table");
  m.element(g);
  const x = f.local("i64");
  f.locals(3, "v128");
  // Object.keys of a const table is exactly its key type
  for (const name of Object.keys(PLAIN) as PlainOp[]) f.op("unreachable").op(name);
  for (const name of Object.keys(MEMORY) as MemoryOp[]) f.mem(name).mem(name, 1234567);
  for (const name of Object.keys(ATOMIC) as AtomicOp[]) f.atomic(name, 8);
  for (const name of Object.keys(LANE) as LaneOp[]) f.lane(name, 1);
  for (const name of Object.keys(MEMORY_LANE) as MemoryLaneOp[]) f.memLane(name, 1, 4);
  f.fence().memoryCopy().memoryFill().memorySize().memoryGrow();
  f.shuffle(Array.from({ length: 16 }, (_, i) => 31 - i));
  for (const n of [0, -1, 2 ** 31 - 1, -(2 ** 31), 64, -64]) f.i32(n).i64(BigInt(n) << 31n);
  for (const n of [0, -0, 0.1, 1e-45, 3.4e38, -1e21, NaN, Infinity, -Infinity])
    f.f32(n)
      .f64(n)
      .f64(n * 1e-300)
      .f32x4(n);
  f.get(f.param(0)).set(f.param(0)).tee(x).getGlobal(limit).getGlobal(count).setGlobal(count);
  f.call(log)
    .call(g)
    .callIndirect({ params: ["f64"], results: ["f64", "f64"] });
  f.block(
    out =>
      f.loop(top =>
        f.i32(1).if_(
          () => f.br(out),
          inner => f.i32(2).brTable([out, top], inner).brIf(top),
        ),
      ),
    "i32",
  );
  agrees(m.finish({ names: true }), "with names");
  agrees(m.finish(), "without");
});

test("data is shown byte by byte, at its address or passive", () => {
  const m = new ModuleBuilder();
  m.defineMemory({ initial: 1 });
  m.data(16, Uint8Array.of(0, 34, 255));
  const text = moduleText(m.finish());
  assert.match(text, /\(data \(i32\.const 16\) "\\00\\22\\ff"\)/);
});

test("a compiled function shows its module, kernel by kernel", () => {
  const text = jit((x: Tensor, y: Tensor) => tanh(matmul(x, y)))
    .lower(zeros([9, 8]), zeros([8, 33]))
    .text("wat");
  assert.match(text, /^\(module\n/);
  assert.match(text, /\(func \$dotGeneral_0 /);
  assert.match(text, /call \$tanh_1\n/);
  assert.match(text, /f32x4\.mul\n/);
});

test.run();
