// Names of a kernel -> slots: registers by scope, constants once each, special registers, memories.
import { PtxError } from "./errors.ts";
import type { Decoding, Variable } from "./decode.ts";
import { TYPE_BYTES, type Operand } from "./text/syntax.ts";
import { SPECIALS } from "./warp.ts";

interface Register {
  readonly type: string;
  readonly slot: number;
}
interface Scope {
  readonly registers: Map<string, Register>;
  readonly variables: Map<string, Variable>;
  readonly labels: Map<string, string>;
}
const scope = (): Scope => ({ registers: new Map(), variables: new Map(), labels: new Map() });

/** What the module says of itself. */
export interface ModuleTarget {
  readonly version: number;
  readonly target: number;
  readonly targetName: string;
}

/** The names of one kernel, while it is being decoded. */
export class Registers {
  readonly module: ModuleTarget;
  readonly specials: { readonly name: string; readonly slot: number }[] = [];
  /** Predicate 0 always holds. */
  predicates = 1;
  private readonly scopes: Scope[] = [scope()];
  private readonly constants = new Map<string, number>();
  private readonly fills: { readonly slot: number; readonly low: number; readonly high: number | undefined }[] = [];
  private words = 0;
  private labels = 0;
  constructor(module: ModuleTarget) {
    this.module = module;
  }

  enter(labels: readonly string[]): void {
    const s = scope();
    for (const l of labels) s.labels.set(l, `${l}@${this.labels++}`);
    this.scopes.push(s);
  }
  leave(): void {
    this.scopes.pop();
  }
  private find<K extends keyof Scope>(kind: K, name: string): Scope[K] extends Map<string, infer V> ? V | undefined : never;
  private find(kind: keyof Scope, name: string): Register | Variable | string | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const found = this.scopes[i]?.[kind].get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  declare(line: number, type: string, names: readonly string[]): void {
    const inner = this.scopes.at(-1)?.registers;
    for (const name of names) {
      if (inner?.has(name)) throw new PtxError(line, `${name} is declared twice`);
      inner?.set(name, { type, slot: type === "pred" ? this.predicates++ : this.allocate(TYPE_BYTES[type] ?? 4) });
    }
  }
  remember(line: number, name: string, v: Variable): void {
    const inner = this.scopes.at(-1)?.variables;
    if (inner?.has(name)) throw new PtxError(line, `${name} is declared twice`);
    inner?.set(name, v);
  }
  /** The label's name in the whole kernel. */
  label(line: number, name: string): string {
    const found = this.find("labels", name);
    if (found === undefined) throw new PtxError(line, `no label ${name}`);
    return found;
  }
  /** A slot for values of so many bytes a lane. */
  allocate(bytes: number): number {
    const slot = this.words;
    this.words += bytes === 8 ? 64 : bytes === 16 ? 128 : 32;
    return slot;
  }

  source(o: Operand, type: string, loose: boolean, d: Decoding): { readonly slot: number; readonly register: boolean } {
    const bytes = TYPE_BYTES[type] ?? 4;
    if (o.kind === "name") {
      const r = this.find("registers", o.name);
      if (r) {
        this.check(r, o.name, type, loose, d);
        return { slot: r.slot, register: true };
      }
      if (SPECIALS.has(o.name)) return { slot: this.special(o.name), register: false };
      if (o.name === "WARP_SZ") return { slot: this.constant(32n, bytes), register: false };
      const v = this.find("variables", o.name);
      if (v) return { slot: this.constant(BigInt(v.address), bytes), register: false };
      return d.fail(`unknown name ${o.name}`);
    }
    return { slot: this.constant(literal(o, type, d), bytes), register: false };
  }
  target(o: Operand, type: string, loose: boolean, d: Decoding): number {
    if (o.kind === "sink") return this.allocate(TYPE_BYTES[type] ?? 4);
    const r = o.kind === "name" ? this.find("registers", o.name) : undefined;
    if (!r || o.kind !== "name") return d.fail("the result must be a register");
    this.check(r, o.name, type, loose, d);
    return r.slot;
  }
  private check(r: Register, name: string, type: string, loose: boolean, d: Decoding): void {
    const have = TYPE_BYTES[r.type] ?? 0,
      want = TYPE_BYTES[type] ?? 0;
    if (r.type === "pred" || (loose ? have < want : have !== want)) d.fail(`${name} is .${r.type}, and .${type} is needed`);
    const floats = (t: string): string => (t.startsWith("f") && t !== "f16" && t !== "f16x2" ? t : /^[su]/.test(t) ? "integer" : "bits");
    const a = floats(r.type),
      b = floats(type);
    if (!loose && a !== "bits" && b !== "bits" && a !== b) d.fail(`${name} is .${r.type}, and .${type} is needed`);
  }
  predicate(o: Operand, d: Decoding): { readonly number: number; readonly register: boolean } {
    if (o.kind === "integer") return { number: o.value === 0n ? ~0 : 0, register: false };
    const r = o.kind === "name" ? this.find("registers", o.name) : undefined;
    if (!r || r.type !== "pred") return d.fail("a predicate is needed");
    return { number: r.slot, register: true };
  }
  bytes(o: Operand): number | undefined {
    const r = o.kind === "name" ? this.find("registers", o.name) : undefined;
    return r && TYPE_BYTES[r.type];
  }
  variable(o: Operand): Variable | undefined {
    return o.kind === "name" ? this.find("variables", o.name) : undefined;
  }
  private special(name: string): number {
    const found = this.specials.find(s => s.name === name);
    if (found) return found.slot;
    const slot = this.allocate(4);
    this.specials.push({ name, slot });
    return slot;
  }
  private constant(value: bigint, bytes: number): number {
    const wide = bytes === 8,
      key = `${wide ? 8 : 4}:${value}`;
    let slot = this.constants.get(key);
    if (slot === undefined) {
      this.constants.set(key, (slot = this.allocate(wide ? 8 : 4)));
      this.fills.push({ slot, low: Number(BigInt.asUintN(32, value)), high: wide ? Number(BigInt.asUintN(32, value >> 32n)) : undefined });
    }
    return slot;
  }
  /** The first content of the register file. */
  file(): Uint32Array {
    const out = new Uint32Array(this.words + (this.words & 1));
    for (const { slot, low, high } of this.fills)
      for (let l = 0; l < 32; l++) {
        if (high === undefined) out[slot + l] = low;
        else {
          out[slot + 2 * l] = low;
          out[slot + 2 * l + 1] = high;
        }
      }
    return out;
  }
}

const scratch = new DataView(new ArrayBuffer(8));
/** The bits of a constant as a value of `type`. */
function literal(o: Operand, type: string, d: Decoding): bigint {
  const bytes = TYPE_BYTES[type] ?? 4,
    float = type === "f32" || type === "f64";
  switch (o.kind) {
    case "integer":
      if (float) return d.fail(`an integer constant where .${type} is needed`);
      return BigInt.asUintN(bytes * 8, o.value);
    case "float":
      if (o.width !== bytes * 8) return d.fail(`a ${o.width}-bit constant where .${type} is needed`);
      return o.bits;
    case "decimal":
      if (!float) return d.fail(`a decimal constant where .${type} is needed`);
      if (type === "f32") scratch.setFloat32(0, o.value);
      else scratch.setFloat64(0, o.value);
      return type === "f32" ? BigInt(scratch.getUint32(0)) : scratch.getBigUint64(0);
    default:
      return d.fail("a register or constant is needed");
  }
}
