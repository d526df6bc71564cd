import { test } from "uvu";
import * as assert from "uvu/assert";
import wabt from "wabt";
import { ATOMIC, LANE, MEMORY, MEMORY_LANE, PLAIN } from "../../../../compiler/emit/wasm/encoder/opcodes.ts";
import type { AtomicOp, LaneOp, MemoryLaneOp, MemoryOp, PlainOp } from "../../../../compiler/emit/wasm/encoder/opcodes.ts";
import type { FuncBuilder } from "../../../../compiler/emit/wasm/encoder/function.ts";
import { ModuleBuilder } from "../../../../compiler/emit/wasm/encoder/module.ts";

const { parseWat } = await wabt();
const FEATURES = { simd: true, threads: true, relaxed_simd: true, bulk_memory: true, sat_float_to_int: true, sign_extension: true };

/** Each instruction between two `unreachable`s, so that any operand types validate. */
function ours(emit: (f: FuncBuilder) => void): Uint8Array<ArrayBuffer> {
  const m = new ModuleBuilder();
  m.importMemory("e", "m", { initial: 1, maximum: 1, shared: true });
  const f = m.func("f");
  f.op("unreachable");
  emit(f);
  f.op("unreachable");
  return m.finish();
}

function theirs(line: string): Uint8Array {
  const parsed = parseWat("op.wat", `(module (import "e" "m" (memory 1 1 shared)) (func unreachable ${line} unreachable))`, FEATURES);
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  return buffer;
}

// Object.keys of a const table is exactly its key type
const names = <K extends string>(table: Readonly<Record<K, unknown>>): K[] => Object.keys(table) as K[];

const agree = (emit: (f: FuncBuilder) => void, line: string): void =>
  assert.is(Buffer.from(ours(emit)).toString("hex"), Buffer.from(theirs(line)).toString("hex"), line);

/** Relaxed operations are validated by the engine only where it knows them; the assembler knows them everywhere. */
const validate = (name: string, emit: (f: FuncBuilder) => void): void => {
  if (!name.includes("relaxed")) assert.ok(WebAssembly.validate(ours(emit)), name);
};

test("every operation without immediates has the code an independent assembler gives it", () => {
  for (const name of names(PLAIN)) {
    const emit = (f: FuncBuilder): void => {
      f.op(name satisfies PlainOp);
    };
    agree(emit, name);
    validate(name, emit);
  }
});

test("every load, store and atomic has the independent assembler's code and alignment, and validates", () => {
  for (const name of names(MEMORY)) {
    const emit = (f: FuncBuilder): void => {
      f.mem(name satisfies MemoryOp, 1000);
    };
    agree(emit, `${name} offset=1000`);
    validate(name, emit);
  }
  for (const name of names(ATOMIC)) {
    const emit = (f: FuncBuilder): void => {
      f.atomic(name satisfies AtomicOp, 8);
    };
    agree(emit, `${name} offset=8`);
    validate(name, emit);
  }
});

test("every lane access has the independent assembler's code, and validates", () => {
  for (const name of names(LANE)) {
    const emit = (f: FuncBuilder): void => {
      f.lane(name satisfies LaneOp, 1);
    };
    agree(emit, `${name} 1`);
    validate(name, emit);
  }
  for (const name of names(MEMORY_LANE)) {
    const emit = (f: FuncBuilder): void => {
      f.memLane(name satisfies MemoryLaneOp, 1, 4);
    };
    agree(emit, `${name} offset=4 1`);
    validate(name, emit);
  }
});

test("shuffle, constants and bulk memory have the independent assembler's codes", () => {
  const bytes = [0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31];
  agree(f => f.shuffle(bytes), `i8x16.shuffle ${bytes.join(" ")}`);
  agree(f => f.f32x4(1.5), "v128.const f32x4 1.5 1.5 1.5 1.5");
  agree(f => f.memoryCopy(), "memory.copy");
  agree(f => f.memoryFill(), "memory.fill");
  agree(f => f.memorySize(), "memory.size");
  agree(f => f.memoryGrow(), "memory.grow");
  agree(f => f.fence(), "atomic.fence");
});

test.run();
