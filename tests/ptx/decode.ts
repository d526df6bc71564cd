// What decoders of instructions are given: the modifiers to take one by one (what is left over is an error), and operands as slots of the register file.
import { PtxError } from "./errors.ts";
import { lanes, type LaneFunction, type Run } from "./lanes.ts";
import type { MachineOptions } from "./launch.ts";
import type { Action, Sync } from "./program.ts";
import type { Instruction, Operand } from "./text/syntax.ts";
import type { Registers } from "./registers.ts";

/** The decoder of one opcode. */
export type Decoder = (d: Decoding) => Action;

/** An effective address: a slot, whose values are 64 bits wide or not, and what is added. */
export interface Address {
  readonly slot: number;
  readonly wide: boolean;
  readonly offset: number;
}
/** A memory by name: the space it is in and its address there. */
export interface Variable {
  readonly space: "shared" | "local" | "param";
  readonly address: number;
}

/** One instruction while it is being decoded. */
export class Decoding {
  readonly machine: MachineOptions;
  readonly instruction: Instruction;
  readonly operands: readonly Operand[];
  /** Slots and predicates that it reads and writes, in words and numbers. */
  readonly reads: number[] = [];
  readonly writes: number[] = [];
  readonly predicateReads: number[] = [];
  readonly predicateWrites: number[] = [];
  private readonly mods: string[];
  private readonly registers: Registers;
  constructor(instruction: Instruction, registers: Registers, machine: MachineOptions) {
    this.instruction = instruction;
    this.operands = instruction.operands;
    this.mods = [...instruction.mods];
    this.registers = registers;
    this.machine = machine;
  }

  fail(message: string): never {
    throw new PtxError(this.instruction.line, `${message}: ${this.instruction.text}`);
  }

  // ---- modifiers

  /** Is the modifier there? It is taken. */
  take(mod: string): boolean {
    const i = this.mods.indexOf(mod);
    if (i < 0) return false;
    this.mods.splice(i, 1);
    return true;
  }
  /** The one of `mods` that is there, taken. */
  oneOf<T extends string>(mods: readonly T[]): T | undefined {
    return mods.find(m => this.take(m));
  }
  /** Likewise, and an error if none is. */
  must<T extends string>(mods: readonly T[]): T {
    return this.oneOf(mods) ?? this.fail(`${this.instruction.op} needs one of .${mods.join(", .")}`);
  }
  /** Modifiers that change nothing here. */
  ignore(...mods: readonly string[]): void {
    for (const m of mods) this.take(m);
  }
  /** The last modifier: the type. It is taken. */
  type<T extends string>(types: readonly T[]): T {
    const last = this.mods.at(-1),
      found = types.find(t => t === last);
    if (found === undefined)
      return this.fail(
        last === undefined ? `${this.instruction.op} needs a type` : `${this.instruction.op} has no type or modifier .${last}`,
      );
    this.mods.pop();
    return found;
  }
  /** The last modifier, not taken. */
  last(): string {
    return this.mods.at(-1) ?? "";
  }
  /** The modifier that matches, taken. */
  matching(shape: RegExp): RegExpExecArray | undefined {
    for (const [i, m] of this.mods.entries()) {
      const found = shape.exec(m);
      if (!found) continue;
      this.mods.splice(i, 1);
      return found;
    }
    return undefined;
  }
  /** Nothing may be left over. */
  finish(): void {
    if (this.mods.length > 0) this.fail(`unknown modifier .${this.mods[0]} of ${this.instruction.op}`);
  }
  /** An error where the target or the language version is too old. */
  needs(capability: number, version: number): void {
    const { target, version: have } = this.registers.module;
    if (target < capability) this.fail(`${this.instruction.op} needs sm_${capability}, and the target is sm_${target}`);
    if (have < version) this.fail(`${this.instruction.op} needs .version ${version.toFixed(1)}, and the module has ${have.toFixed(1)}`);
  }
  /** Likewise, and where the target is not an architecture-specific one (sm_90a). */
  needsSpecific(capability: number, version: number): void {
    this.needs(capability, version);
    if (!this.registers.module.targetName.endsWith("a"))
      this.fail(`${this.instruction.op} needs an architecture-specific target such as sm_${capability}a`);
  }

  // ---- operands

  /** The operand at `i`. */
  operand(i: number): Operand {
    return this.operands[i] ?? this.fail(`${this.instruction.op} lacks operand ${i + 1}`);
  }
  /** An error unless there are so many. */
  count(least: number, most: number = least): void {
    const n = this.operands.length;
    if (n < least || n > most) this.fail(`${this.instruction.op} has ${n} operands, not ${least === most ? least : `${least} to ${most}`}`);
  }
  /** The slot of a source of so many bytes. `loose`: a register that is wider or narrower will do. */
  source(o: Operand, type: string, loose: boolean = false): number {
    const { slot, register } = this.registers.source(o, type, loose, this);
    if (register) this.reads.push(slot);
    return slot;
  }
  /** The slot of a result. */
  target(o: Operand, type: string, loose: boolean = false): number {
    const slot = this.registers.target(o, type, loose, this);
    this.writes.push(slot);
    return slot;
  }
  /** The slot of a register that an asynchronous instruction reads and writes: what is checked about it is its own affair. */
  accumulator(o: Operand, type: string): number {
    return this.registers.target(o, type, false, this);
  }
  /** A source predicate: its number, or ~number for its complement. */
  predicate(o: Operand): number {
    if (o.kind === "not") return ~this.predicate(o.of);
    const { number, register } = this.registers.predicate(o, this);
    if (register) this.predicateReads.push(number);
    return number;
  }
  /** A result predicate, or undefined for `_`. */
  predicateTarget(o: Operand): number | undefined {
    if (o.kind === "sink") return undefined;
    const { number, register } = this.registers.predicate(o, this);
    if (!register) return this.fail("a predicate register is needed");
    this.predicateWrites.push(number);
    return number;
  }
  /** A predicate of this instruction's own. */
  scratchPredicate(): number {
    return this.registers.predicates++;
  }
  /** A slot of this instruction's own. */
  scratch(bytes: number): number {
    return this.registers.allocate(bytes);
  }
  /** Is the operand a register, and its declared bytes? */
  registerBytes(o: Operand): number | undefined {
    return this.registers.bytes(o);
  }
  /** A constant that must be known. */
  constant(o: Operand): number {
    return o.kind === "integer" ? Number(BigInt.asIntN(32, o.value)) : this.fail("a constant is needed");
  }
  /** Operands of `{…}`, or the one. */
  vector(o: Operand): readonly Operand[] {
    return o.kind === "vector" ? o.parts : [o];
  }
  /** Is it an address of 64 bits, which may be a generic one? */
  operandIsGeneric(o: Operand): boolean {
    return o.kind === "address" && this.registerBytes(o.base) === 8;
  }
  /** The memory that a name stands for. */
  variable(o: Operand): Variable | undefined {
    return this.registers.variable(o);
  }
  /** `[base + offset]`. */
  address(o: Operand): Address {
    if (o.kind !== "address") return this.fail("an address is needed");
    const { base } = o,
      offset = Number(o.offset);
    if (base.kind === "integer")
      return { slot: this.source({ kind: "integer", value: base.value + o.offset }, "b64"), wide: true, offset: 0 };
    const variable = this.variable(base);
    if (variable) return { slot: this.source({ kind: "integer", value: BigInt(variable.address) }, "b32"), wide: false, offset };
    const wide = this.registerBytes(base) === 8;
    return { slot: this.source(base, wide ? "b64" : "b32"), wide, offset };
  }

  // ---- actions

  /** The loop that writes operand 0 with a function of the rest; letters as in lanes.ts. */
  map(signature: string, fn: LaneFunction, types: readonly string[]): Action {
    const [first = "b32", ...rest] = types;
    this.count(types.length);
    const sources = rest.map((t, i) => (t === "pred" ? this.predicate(this.operand(i + 1)) : this.source(this.operand(i + 1), t)));
    if (first === "pred")
      return plain(lanes(signature, fn, this.predicateTarget(this.operand(0)) ?? this.fail("a result is needed"), ...sources));
    return plain(lanes(signature, fn, this.target(this.operand(0), first), ...sources));
  }
}

/** An action that never waits. */
export const plain = (run: Run): Action => ({ kind: "plain", run });
/** An action that may wait. */
export const sync = (run: Sync): Action => ({ kind: "sync", run });
