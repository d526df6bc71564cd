// FuncBuilder: a structured assembler for one WebAssembly function, an instruction a method, in stack order.
// Why: emitters should read like the code they emit, with operation names checked by TypeScript and branch depths counted here.
// It refuses to type the operand stack (V8 validates) and to optimise.
import { InternalError } from "../../../../runtime/errors/error.ts";
import { append, float32, float64, signed32, signed64, unsigned, VALTYPE } from "./bytes.ts";
import type { Bytes, ValType } from "./bytes.ts";
import { ATOMIC, LANE, MEMORY, MEMORY_LANE, PLAIN } from "./opcodes.ts";
import type { AtomicOp, LaneOp, MemoryLaneOp, MemoryOp, PlainOp } from "./opcodes.ts";

/** Parameter and result types of a function. */
export interface FuncType {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

/** Something numbered imports first: the module turns it into an index at `finish`, so declaration order is free. */
export interface Ref<Space extends "func" | "global"> {
  readonly space: Space;
  readonly imported: boolean;
  /** Position among the imported, or among the defined, of its space. */
  readonly position: number;
}
/** A callable function: an import, or one being built. */
export interface FuncRef extends Ref<"func"> {
  readonly type: FuncType;
}
/** A global variable. */
export interface GlobalRef extends Ref<"global"> {
  readonly type: ValType;
}

/** A parameter or local variable of one function. */
export interface Local {
  readonly kind: "local";
  readonly index: number;
  readonly type: ValType;
}

/** The target of a branch: the end of a `block` or `if_`, the top of a `loop`. */
export interface Label {
  readonly kind: "label";
  readonly depth: number;
}

/** A value to push: a local, an i32 constant, or code that pushes it. */
export type Operand = Local | number | (() => void);

/** Bounds of `for_`; all i32. */
export interface ForRange {
  readonly index: Local;
  readonly from: Operand;
  /** Exclusive; evaluated before every turn, so give a local or a constant unless it is cheap. */
  readonly to: Operand;
  /** Default 1; must be positive. */
  readonly step?: number | Local;
  /** Compare as unsigned: set it when the index is an address. */
  readonly unsigned?: boolean;
}

/** Builds one function. Methods append code and return `this`. Obtain it from `ModuleBuilder.func`. */
export class FuncBuilder implements FuncRef {
  readonly space = "func";
  readonly imported = false;
  readonly type: FuncType;
  readonly position: number;
  readonly name: string;
  /** The parameters as locals, in order. */
  readonly params: readonly Local[];
  readonly #locals: ValType[] = [];
  readonly #code: Bytes = [];
  readonly #refs: { readonly at: number; readonly ref: Ref<"func" | "global"> }[] = [];
  readonly #typeIndex: (type: FuncType) => number;
  #depth = 0;

  constructor(name: string, type: FuncType, position: number, typeIndex: (type: FuncType) => number) {
    this.name = name;
    this.type = type;
    this.position = position;
    this.params = type.params.map((t, index) => ({ kind: "local", index, type: t }));
    this.#typeIndex = typeIndex;
  }

  /** Parameter `i`. @throws InternalError if the type has fewer. */
  param(i: number): Local {
    const found = this.params[i];
    if (!found) throw new InternalError(`function ${this.name} has ${this.params.length} parameters, asked for number ${i}`);
    return found;
  }

  /** Declares a local, zero at entry. */
  local(type: ValType): Local {
    this.#locals.push(type);
    return { kind: "local", index: this.params.length + this.#locals.length - 1, type };
  }

  /** Declares `count` locals of one type. */
  locals(count: number, type: ValType): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  // ---- instructions without immediates, and with memory or lane immediates

  /** Any operation without immediates: `f.op("f32x4.add")`. */
  op(name: PlainOp): this {
    return this.#opcode(PLAIN[name]);
  }
  /** Load or store at the address on the stack plus `offset` bytes. */
  mem(name: MemoryOp, offset: number = 0): this {
    const [code, align] = MEMORY[name];
    return this.#opcode(code).#u(align).#u(offset);
  }
  /** Atomic load, store, read-modify-write, wait or notify at the address plus `offset` bytes; traps if misaligned. */
  atomic(name: AtomicOp, offset: number = 0): this {
    const [code, align] = ATOMIC[name];
    return this.#opcode(code).#u(align).#u(offset);
  }
  /** Orders all earlier atomics before all later ones. */
  fence(): this {
    return this.#opcode(0xfe0003).#u(0);
  }
  /** Extract or replace one lane of a vector. */
  lane(name: LaneOp, lane: number): this {
    return this.#opcode(LANE[name]).#u(lane);
  }
  /** Load or store one lane: the stack holds address, then vector. */
  memLane(name: MemoryLaneOp, lane: number, offset: number = 0): this {
    const [code, align] = MEMORY_LANE[name];
    return this.#opcode(code).#u(align).#u(offset).#u(lane);
  }
  /** Picks 16 bytes out of two vectors; byte numbers 0 .. 31, the second vector from 16 on. */
  shuffle(bytes: readonly number[]): this {
    this.#opcode(0xfd000d);
    append(this.#code, bytes);
    return this;
  }
  /** `memory.copy`: the stack holds destination, source, byte count. */
  memoryCopy(): this {
    return this.#opcode(0xfc000a).#u(0).#u(0);
  }
  /** `memory.fill`: the stack holds destination, byte value, byte count. */
  memoryFill(): this {
    return this.#opcode(0xfc000b).#u(0);
  }
  /** `memory.init` from a passive segment: the stack holds destination, source offset, byte count. */
  memoryInit(segment: number): this {
    return this.#opcode(0xfc0008).#u(segment).#u(0);
  }
  /** Frees a passive data segment. */
  dataDrop(segment: number): this {
    return this.#opcode(0xfc0009).#u(segment);
  }
  /** Pushes the memory size in 64 KiB pages. */
  memorySize(): this {
    return this.#opcode(0x3f).#u(0);
  }
  /** Grows memory by the page count on the stack; pushes the old size, or -1. */
  memoryGrow(): this {
    return this.#opcode(0x40).#u(0);
  }

  // ---- constants

  /** Pushes an i32; takes signed or unsigned values. */
  i32(n: number): this {
    this.#code.push(0x41);
    signed32(this.#code, n);
    return this;
  }
  /** Pushes an i64. */
  i64(n: bigint | number): this {
    this.#code.push(0x42);
    signed64(this.#code, BigInt(n));
    return this;
  }
  /** Pushes an f32. */
  f32(x: number): this {
    this.#code.push(0x43);
    float32(this.#code, x);
    return this;
  }
  /** Pushes an f64. */
  f64(x: number): this {
    this.#code.push(0x44);
    float64(this.#code, x);
    return this;
  }
  /** Pushes a v128 given its bytes: any 16-byte typed array, lanes in order. */
  v128(lanes: ArrayBufferView): this {
    this.#opcode(0xfd000c);
    append(this.#code, new Uint8Array(lanes.buffer, lanes.byteOffset, 16));
    return this;
  }
  /** Pushes x in all four f32 lanes. */
  f32x4(x: number): this {
    return this.v128(new Float32Array(4).fill(x));
  }
  /** Pushes x in both f64 lanes. */
  f64x2(x: number): this {
    return this.v128(new Float64Array(2).fill(x));
  }
  /** Pushes n in all four i32 lanes. */
  i32x4(n: number): this {
    return this.v128(new Int32Array(4).fill(n));
  }
  /** Pushes n in both i64 lanes. */
  i64x2(n: bigint): this {
    return this.v128(new BigInt64Array(2).fill(n));
  }

  // ---- variables

  /** Pushes a local. */
  get(local: Local): this {
    return this.#byte(0x20).#u(local.index);
  }
  /** Pops into a local. */
  set(local: Local): this {
    return this.#byte(0x21).#u(local.index);
  }
  /** Stores the top of the stack in a local and keeps it. */
  tee(local: Local): this {
    return this.#byte(0x22).#u(local.index);
  }
  /** Pushes a global. */
  getGlobal(global: GlobalRef): this {
    return this.#byte(0x23).#ref(global);
  }
  /** Pops into a mutable global. */
  setGlobal(global: GlobalRef): this {
    return this.#byte(0x24).#ref(global);
  }
  /** Pushes an operand of any form. */
  push(x: Operand): this {
    if (typeof x === "number") return this.i32(x);
    if (typeof x !== "function") return this.get(x);
    x();
    return this;
  }
  /** Adds a constant to the i32 on the stack. */
  plus(n: number): this {
    return n === 0 ? this : this.i32(n).op("i32.add");
  }
  /** Multiplies the i32 on the stack by a constant; powers of two become shifts. */
  times(n: number): this {
    if (n === 1) return this;
    const log = Math.log2(n);
    return Number.isInteger(log) ? this.i32(log).op("i32.shl") : this.i32(n).op("i32.mul");
  }
  /** Adds `by` to an i32 local. */
  advance(local: Local, by: Operand): this {
    return this.get(local).push(by).op("i32.add").set(local);
  }

  // ---- control

  /** `block`: branching to the label leaves it. */
  block(body: (exit: Label) => void, result?: ValType): this {
    return this.#nest(0x02, body, undefined, result);
  }
  /** `loop`: branching to the label starts the next turn; falling through leaves. */
  loop(body: (top: Label) => void, result?: ValType): this {
    return this.#nest(0x03, body, undefined, result);
  }
  /** `if` on the i32 on the stack; branching to the label leaves it. */
  if_(then: (exit: Label) => void, otherwise?: (exit: Label) => void, result?: ValType): this {
    return this.#nest(0x04, then, otherwise, result);
  }
  /** Branch. */
  br(label: Label): this {
    return this.#byte(0x0c).#u(this.#depth - label.depth);
  }
  /** Branch if the i32 on the stack is not zero. */
  brIf(label: Label): this {
    return this.#byte(0x0d).#u(this.#depth - label.depth);
  }
  /** Branch to `labels[i]` for the i32 i on the stack, to `otherwise` beyond them. */
  brTable(labels: readonly Label[], otherwise: Label): this {
    this.#byte(0x0e).#u(labels.length);
    for (const label of [...labels, otherwise]) this.#u(this.#depth - label.depth);
    return this;
  }
  /** Counted loop: `for (index = from; index < to; index += step) body()`. */
  for_(range: ForRange, body: () => void): this {
    const { index, from, to, step = 1 } = range;
    const more = () =>
      this.get(index)
        .push(to)
        .op(range.unsigned ? "i32.lt_u" : "i32.lt_s");
    this.push(from).set(index);
    more();
    return this.if_(() => {
      this.loop(top => {
        body();
        this.advance(index, step);
        more();
        this.brIf(top);
      });
    });
  }
  /** Returns from the function with the results on the stack. */
  return_(): this {
    return this.op("return");
  }
  /** Calls a function with the arguments on the stack. */
  call(callee: FuncRef): this {
    return this.#byte(0x10).#ref(callee);
  }
  /** Calls the table's function at the slot on the stack, above its arguments. */
  callIndirect(type: FuncType): this {
    return this.#byte(0x11).#u(this.#typeIndex(type)).#u(0);
  }

  /** Locals and code as the code section wants them, without the size prefix. `indexOf` resolves references. */
  body(indexOf: (ref: Ref<"func" | "global">) => number): Bytes {
    const runs: { type: ValType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const out: Bytes = [];
    unsigned(out, runs.length);
    for (const { type, count } of runs) {
      unsigned(out, count);
      out.push(VALTYPE[type]);
    }
    let from = 0;
    for (const { at, ref } of this.#refs) {
      append(out, this.#code.slice(from, at));
      unsigned(out, indexOf(ref));
      from = at;
    }
    append(out, this.#code.slice(from));
    out.push(0x0b);
    return out;
  }

  #nest(opcode: number, body: (label: Label) => void, otherwise: ((label: Label) => void) | undefined, result: ValType | undefined): this {
    const label: Label = { kind: "label", depth: ++this.#depth };
    this.#byte(opcode).#byte(result ? VALTYPE[result] : 0x40);
    body(label);
    if (otherwise) {
      this.#byte(0x05);
      otherwise(label);
    }
    this.#depth--;
    return this.#byte(0x0b);
  }
  #opcode(code: number): this {
    if (code <= 0xff) return this.#byte(code);
    return this.#byte(code >> 16).#u(code & 0xffff);
  }
  #byte(b: number): this {
    this.#code.push(b);
    return this;
  }
  #u(n: number): this {
    unsigned(this.#code, n);
    return this;
  }
  #ref(ref: Ref<"func" | "global">): this {
    this.#refs.push({ at: this.#code.length, ref });
    return this;
  }
}
