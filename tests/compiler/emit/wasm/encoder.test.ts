import { test } from "uvu";
import * as assert from "uvu/assert";
import type { FuncBuilder } from "../../../../compiler/emit/wasm/encoder/function.ts";
import { ModuleBuilder } from "../../../../compiler/emit/wasm/encoder/module.ts";
import { signed32, signed64, unsigned } from "../../../../compiler/emit/wasm/encoder/bytes.ts";
import type { ValType } from "../../../../compiler/emit/wasm/encoder/bytes.ts";

type Fn = (...args: (number | bigint)[]) => number | bigint;

function instantiate(m: ModuleBuilder, imports: WebAssembly.Imports = {}): Record<string, Fn> {
  // exports of test modules are functions over numbers
  return new WebAssembly.Instance(new WebAssembly.Module(m.finish()), imports).exports as Record<string, Fn>;
}

/** A module with one exported function `f`, its own exported memory, and the body given. */
function single(params: ValType[], results: ValType[], body: (f: FuncBuilder) => void): { f: Fn; memory: ArrayBuffer } {
  const m = new ModuleBuilder();
  m.defineMemory({ initial: 1 });
  m.exportMemory("memory");
  const f = m.func("f", params, results);
  body(f);
  m.exportFunc("f", f);
  const made = new WebAssembly.Instance(new WebAssembly.Module(m.finish())).exports;
  // the exports were declared just above
  return { f: made["f"] as Fn, memory: (made["memory"] as WebAssembly.Memory).buffer };
}

test("LEB128 agrees with the specification's examples and at the edges", () => {
  const of = (write: (out: number[]) => void): number[] => {
    const out: number[] = [];
    write(out);
    return out;
  };
  assert.equal(
    of(o => unsigned(o, 624485)),
    [0xe5, 0x8e, 0x26],
  );
  assert.equal(
    of(o => unsigned(o, 0xffffffff)),
    [0xff, 0xff, 0xff, 0xff, 0x0f],
  );
  assert.equal(
    of(o => signed32(o, -123456)),
    [0xc0, 0xbb, 0x78],
  );
  assert.equal(
    of(o => signed32(o, 64)),
    [0xc0, 0x00],
  );
  assert.equal(
    of(o => signed32(o, -64)),
    [0x40],
  );
  assert.equal(
    of(o => signed64(o, 1n << 63n)),
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f],
  );
  for (const n of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)])
    assert.equal(
      of(o => signed32(o, n)),
      of(o => signed64(o, BigInt(n))),
    );
});

test("integer and float arithmetic of all widths computes", () => {
  assert.is(single(["i32", "i32"], ["i32"], f => f.get(f.param(0)).get(f.param(1)).op("i32.rem_s")).f(-7, 3), -1);
  assert.is(single(["i64", "i64"], ["i64"], f => f.get(f.param(0)).get(f.param(1)).op("i64.mul")).f(1n << 40n, 3n), 3n << 40n);
  assert.is(
    single(["f32"], ["f32"], f => f.get(f.param(0)).f32(0.1).op("f32.add")).f(0.2),
    Math.fround(Math.fround(0.1) + Math.fround(0.2)),
  );
  assert.is(single(["f64"], ["f64"], f => f.get(f.param(0)).op("f64.sqrt").f64(-0.5).op("f64.copysign")).f(2), -Math.SQRT2);
  assert.is(single(["f64"], ["i32"], f => f.get(f.param(0)).op("i32.trunc_sat_f64_s")).f(1e300), 2 ** 31 - 1);
  assert.is(single([], ["i64"], f => f.i64(-1n).op("i32.wrap_i64").op("i64.extend_i32_u")).f(), 0xffffffffn);
});

test("constants survive exactly", () => {
  for (const n of [0, 63, 64, -65, 127, 128, 2 ** 31 - 1, -(2 ** 31), 0xdeadbeef]) assert.is(single([], ["i32"], f => f.i32(n)).f(), n | 0);
  for (const n of [0n, -1n, 1n << 62n, -(1n << 63n)]) assert.is(single([], ["i64"], f => f.i64(n)).f(), n);
  for (const x of [0, -0, 1.5, Infinity, NaN, 5e-324]) assert.ok(Object.is(single([], ["f64"], f => f.f64(x)).f(), x));
});

test("structured control: factorial by loop, early return, branch table, select", () => {
  const factorial = single(["i32"], ["i32"], f => {
    const [n, acc] = [f.param(0), f.local("i32")];
    f.i32(1).set(acc);
    f.block(exit =>
      f.loop(top => {
        f.get(n).op("i32.eqz").brIf(exit);
        f.get(acc).get(n).op("i32.mul").set(acc).advance(n, -1).br(top);
      }),
    );
    f.get(acc);
  });
  assert.is(factorial.f(10), 3628800);

  const sign = single(["i32"], ["i32"], f => {
    f.get(f.param(0))
      .i32(0)
      .op("i32.lt_s")
      .if_(() => f.i32(-1).return_());
    f.get(f.param(0)).if_(
      () => f.i32(1),
      () => f.i32(0),
      "i32",
    );
  });
  assert.equal(
    [-5, 0, 9].map(x => sign.f(x)),
    [-1, 0, 1],
  );

  const pick = single(["i32"], ["i32"], f => {
    f.block(other => {
      f.block(one => {
        f.block(zero => f.get(f.param(0)).brTable([zero, one], other));
        f.i32(100).return_();
      });
      f.i32(200).return_();
    });
    f.i32(1).i32(2).i32(0).op("select");
  });
  assert.equal(
    [0, 1, 2, 77].map(x => pick.f(x)),
    [100, 200, 2, 2],
  );
});

test("for_ runs from (inclusive) to (exclusive), not at all when empty, and can compare addresses unsigned", () => {
  const sum = single(["i32", "i32"], ["i32"], f => {
    const [i, s] = [f.local("i32"), f.local("i32")];
    f.for_({ index: i, from: f.param(0), to: f.param(1), step: 3 }, () => f.advance(s, i));
    f.get(s);
  });
  assert.is(sum.f(1, 10), 1 + 4 + 7);
  assert.is(sum.f(5, 5), 0);
  assert.is(sum.f(5, -5), 0);
  const turns = single([], ["i32"], f => {
    const [i, n] = [f.local("i32"), f.local("i32")];
    f.for_({ index: i, from: 0x7ffffff0, to: 0x80000010, step: 16, unsigned: true }, () => f.advance(n, 1));
    f.get(n);
  });
  assert.is(turns.f(), 2);
});

test("memory: narrow loads and stores, offsets, copy, fill, size", () => {
  const { f, memory } = single(["i32"], ["i32"], f => {
    f.get(f.param(0)).i32(-2).mem("i32.store8", 300);
    f.i32(8).get(f.param(0)).plus(300).i32(1).memoryCopy();
    f.i32(16).i32(7).i32(5).memoryFill();
    f.get(f.param(0)).mem("i32.load8_u", 300).memorySize().op("i32.add");
  });
  assert.is(f(1000), 254 + 1);
  const bytes = new Uint8Array(memory);
  assert.equal([...bytes.slice(8, 9), ...bytes.slice(15, 22)], [254, 0, 7, 7, 7, 7, 7, 0]);
});

test("SIMD: loads of every kind, lanes, shuffle, arithmetic and stores", () => {
  const { f, memory } = single([], [], f => {
    f.i32(64).i32(0).mem("v128.load").i32(0).mem("v128.load32_splat", 4).op("f32x4.mul").f32x4(0.5).op("f32x4.add").mem("v128.store");
    f.i32(80)
      .i32(0)
      .mem("v128.load")
      .i32(16)
      .mem("v128.load")
      .shuffle([0, 1, 2, 3, 16, 17, 18, 19, 12, 13, 14, 15, 28, 29, 30, 31])
      .mem("v128.store");
    f.i32(96).i32(0).mem("v128.load32_zero", 8).f32(9).lane("f32x4.replace_lane", 3).mem("v128.store");
    f.i32(112).i32(0).mem("v128.load").memLane("v128.store32_lane", 2);
    f.i32(116).i32(0).mem("v128.load").lane("f32x4.extract_lane", 3).mem("f32.store");
    f.i32(128).f64x2(1.25).i32(0).mem("v128.load").op("f64x2.promote_low_f32x4").op("f64x2.add").mem("v128.store");
    f.i32(144).i32x4(-3).i32x4(4).op("i32x4.max_s").i64x2(1n).op("v128.or").mem("v128.store");
  });
  const x = new Float32Array(memory);
  x.set([1, 2, 3, 4, 5, 6, 7, 8]);
  f();
  assert.equal([...x.slice(16, 20)], [2.5, 4.5, 6.5, 8.5]);
  assert.equal([...x.slice(20, 24)], [1, 5, 4, 8]);
  assert.equal([...x.slice(24, 28)], [3, 0, 0, 9]);
  assert.equal([...x.slice(28, 30)], [3, 4]);
  assert.equal([...new Float64Array(memory, 128, 2)], [2.25, 3.25]);
  assert.equal([...new Int32Array(memory, 144, 4)], [5, 4, 5, 4]);
});

test("calls: imports and forward references in any order, tables, globals, start, data", () => {
  const m = new ModuleBuilder();
  m.defineMemory({ initial: 1, maximum: 2 });
  const main = m.func("main", ["i32"], ["i32"]);
  const counter = m.global({ type: "i32", value: 40, mutable: true });
  const bump = m.func("bump");
  const square = m.func("square", ["i32"], ["i32"]);
  const slot = m.element(square);
  main.get(main.param(0)).i32(slot).callIndirect(square.type).getGlobal(counter).op("i32.add");
  const log = m.importFunc("env", "log", { params: ["i32"], results: [] }); // after functions that already have references
  const base = m.importGlobal("env", "base", "i32");
  main.getGlobal(base).call(log);
  main.i32(5).mem("i32.load8_u").op("i32.add");
  bump.getGlobal(counter).i32(2).op("i32.add").setGlobal(counter);
  square.get(square.param(0)).get(square.param(0)).op("i32.mul");
  m.start(bump);
  m.data(4, Uint8Array.of(9, 1));
  const segment = m.passiveData(Uint8Array.of(1, 2, 3));
  const late = m.func("late", [], ["i32"]);
  late.i32(100).i32(1).i32(2).memoryInit(segment).dataDrop(segment).i32(100).mem("i32.load16_u");
  m.exportFunc("main", main);
  m.exportFunc("late", late);
  m.exportGlobal("counter", counter);
  m.exportTable("table");
  const seen: number[] = [];
  const e = instantiate(m, { env: { log: (x: number) => seen.push(x), base: 77 } });
  assert.is(e["main"]?.(6), 36 + 42 + 1);
  assert.equal(seen, [77]);
  assert.is(e["late"]?.(), 2 + 3 * 256);
});

test("atomics work on an imported shared memory", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
  const m = new ModuleBuilder();
  m.importMemory("env", "memory", { initial: 1, maximum: 4, shared: true });
  const f = m.func("f", [], ["i32"]);
  f.i32(0).i32(5).atomic("i32.atomic.store", 8);
  f.i32(8).i32(3).atomic("i32.atomic.rmw.add").op("drop");
  f.i32(8).i32(8).i32(20).atomic("i32.atomic.rmw.cmpxchg").op("drop").fence();
  f.i32(8).i32(1).atomic("memory.atomic.notify");
  f.i32(8).i32(0).i64(0).atomic("memory.atomic.wait32"); // value differs: returns 1 at once
  f.i32(8).atomic("i32.atomic.load").op("i32.add").op("i32.add");
  m.exportFunc("f", f);
  assert.is(instantiate(m, { env: { memory } })["f"]?.(), 0 + 1 + 20);
});

test("function names reach stack traces only when asked for", () => {
  const m = new ModuleBuilder();
  const f = m.func("matmul_trap");
  f.op("unreachable");
  m.exportFunc("f", f);
  const trace = (bytes: Uint8Array<ArrayBuffer>): string => {
    const run = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports["f"] as Fn; // exported just above
    try {
      run();
      return "no trap";
    } catch (error) {
      return error instanceof Error ? String(error.stack) : "not an error";
    }
  };
  assert.match(trace(m.finish({ names: true })), /matmul_trap/);
  assert.not.match(trace(m.finish()), /matmul_trap/);
});

test("finish is a function of what was added: same bytes twice, types shared", () => {
  const m = new ModuleBuilder();
  for (let i = 0; i < 300; i++) m.func(`f${i}`, ["i32"], ["i32"]).i32(i);
  const bytes = m.finish();
  assert.equal(bytes, m.finish());
  assert.is(bytes[10], 1);
});

test.run();
