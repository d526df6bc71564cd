// A tiled kernel as one WGSL module, statement by statement. Names are numbers of ours: no word of a user's reaches the text.
import { InternalError, unreachable } from "../../../runtime/errors/error.ts";
import { operands } from "../../ir/exprs.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import { isSubgroupStmt, type Matrix } from "../../ir/subgroup_matrix.ts";
import { needsMatrixUnits, type SharedMemory, type TiledKernel, type TiledStmt } from "../../ir/tiled.ts";
import { expressionsOf, forEachTiled } from "../../lower/tile/statements.ts";
import { analyse, type Facts } from "./analysis.ts";
import { helperText, type Helper } from "./helpers.ts";
import { carries, roundedFrom } from "./halves.ts";
import { ENABLED, subgroupStatement } from "./matrices.ts";
import {
  elementOf,
  index,
  isNarrow,
  load,
  loadHalves,
  loadVector,
  rawOf,
  store,
  storeVector,
  word,
  type As,
  type Place,
} from "./memory.ts";
import { bare, binary, bitcast, compare, convert, fma, hidden, literal, select, toBits, typeOf, unary, type Call } from "./scalar.ts";

/** Most workgroups of one dimension of a dispatch; more are dispatched in two. */
export const MOST_GROUPS = 65535;

/** The text of a module with the entry point `main`. */
export function emitKernel(k: TiledKernel): string {
  return new Emitter(k).module();
}

/** A shader's compiler drops x + 0, x * 0 and 0 / x as if there were no NaN and no -0. */
const isZero = (x: Expr): boolean => x.kind === "const" && x.dtype === "f32" && x.value === 0;

const fromBitsOfHalf = (raw: string): string => `bitcast<vec2<f16>>(${bare(raw)}).x`;

class Emitter {
  private readonly k: TiledKernel;
  private readonly facts: Facts;
  private readonly places: Place[];
  private readonly names = new Map<number, string>();
  private readonly values = new Map<number, Expr>();
  private readonly used = new Set<Helper>();
  private readonly meetings: string[] = [];
  private readonly lines: string[] = [];
  private indent = "  ";
  private declared = 0;
  private shuffles = false;
  /** Has global memory been written since the last barrier, or may it have been in an earlier turn? */
  private wrote = false;
  private readonly call: Call = (helper, ...args) => {
    this.used.add(helper);
    return `${helper}(${args.join(", ")})`;
  };

  constructor(k: TiledKernel) {
    this.k = k;
    this.facts = analyse(k);
    this.places = [
      ...k.params.map(({ dtype }, i): Place => ({ space: "heap", base: `p${i}`, dtype })),
      ...k.shared.map(({ dtype, packed }, i): Place => ({
        space: "array",
        name: `shared${i}`,
        dtype,
        width: this.facts.widths[i] ?? 1,
        packed,
      })),
      ...k.local.map(({ dtype }, i): Place => ({ space: "array", name: `local${i}`, dtype, width: 1 })),
    ];
    this.names.set(k.vars.group.id, "group").set(k.vars.lane.id, "lane");
    if (k.subgroup) this.names.set(k.subgroup.v.id, "subgroup");
  }

  module(): string {
    const { k, facts } = this,
      split = k.groups > MOST_GROUPS;
    this.parts(k.body);
    const words = { words: "u32", atomic: "atomic<u32>", pairs: "vec2<u32>", vectors: "vec4<u32>" }[facts.heap];
    const memory = ({ dtype, elements, packed }: SharedMemory, width = 1): string =>
      `array<${elementOf({ dtype, width, packed })}, ${Math.max(1, Math.ceil(elements / width))}>`;
    return [
      ...(k.shared.some(m => m.packed && m.dtype === "f16") ? ["enable f16;"] : []),
      ...(this.shuffles || k.subgroup ? ["enable subgroups;"] : []),
      ...(k.subgroup ? [ENABLED] : []),
      ...(k.params.length > 0
        ? [
            `@group(0) @binding(0) var<storage, read_write> heap: array<${words}>;`,
            `@group(0) @binding(1) var<uniform> places: array<vec4<u32>, ${Math.ceil(k.params.length / 4)}>;`,
          ]
        : []),
      ...k.shared.map((m, i) => `var<workgroup> shared${i}: ${memory(m, facts.widths[i])};`),
      ...this.meetings,
      ...helperText(this.used, at => word(facts.heap, at)),
      `@compute @workgroup_size(${k.threads})`,
      `fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_index) thread: u32${k.subgroup ? ", @builtin(subgroup_id) whose: u32" : ""}) {`,
      ...(this.lines.some(line => /\bzero\b/.test(line)) ? ["  let zero = at.z;"] : []),
      `  let group = i32(at.x${split ? ` + ${MOST_GROUPS}u * at.y` : ""});`,
      ...(split ? [`  if (group >= ${k.groups}i) {`, "    return;", "  }"] : []),
      "  let lane = i32(thread);",
      ...(k.subgroup ? ["  let subgroup = i32(whose);"] : []),
      ...k.local.map((m, i) => `  var local${i}: ${memory(m)};`),
      ...this.lines,
      "}",
      "",
    ].join("\n");
  }
  /** The parts of a merged kernel name the places of their own parameters. */
  private parts(stmts: readonly TiledStmt[]): void {
    const [only] = stmts;
    if (stmts.length === 1 && only?.kind === "if" && only.no.length > 0) {
      this.put(`if (${bare(this.value(only.cond))}) {`);
      this.nested(() => this.parts(only.yes));
      this.put("} else {");
      this.nested(() => this.parts(only.no));
      this.put("}");
      return;
    }
    const params = new Set<number>();
    const visit = (e: Expr): void => {
      if (e.kind === "load") params.add(e.buf);
      operands(e).forEach(visit);
    };
    forEachTiled(stmts, s => {
      if ("buf" in s) params.add(s.buf);
      expressionsOf(s).forEach(visit);
    });
    [...params]
      .filter(p => p < this.k.params.length)
      .sort((a, b) => a - b)
      .forEach(p => this.put(`let p${p} = places[${Math.floor(p / 4)}].${"xyzw"[p % 4]};`));
    this.wrote = false;
    this.block(stmts);
  }
  private put(line: string): void {
    this.lines.push(this.indent + line);
  }
  private nested(body: () => void): void {
    const { indent } = this;
    this.indent += "  ";
    body();
    this.indent = indent;
  }
  private block(stmts: readonly TiledStmt[]): void {
    for (const s of stmts) this.statement(s);
  }
  private braces(head: string, stmts: readonly TiledStmt[]): void {
    this.put(`${head} {`);
    this.nested(() => this.block(stmts));
    this.put("}");
  }
  /** A name for a variable; where a kernel is part of another twice, its variables are declared twice. */
  private declare(v: ExprVar): string {
    const name = `v${this.declared++}`;
    this.names.set(v.id, name);
    return name;
  }
  private matrix({ id }: Matrix, fresh?: true): string {
    const name = fresh ? `m${this.declared++}` : this.names.get(id);
    if (name === undefined) throw new InternalError(`${this.k.name}: a matrix that nothing was put into`);
    this.names.set(id, name);
    return name;
  }
  private statement(s: TiledStmt): void {
    if (needsMatrixUnits(s)) throw new InternalError(`${this.k.name}: ${s.kind} on a target without matrix units`);
    if (isSubgroupStmt(s)) {
      const index = (): string => ("index" in s ? this.value(s.index) : "0i");
      this.put(
        subgroupStatement(
          s,
          b => this.place(b),
          (m, fresh) => this.matrix(m, fresh),
          index,
        ),
      );
      return;
    }
    switch (s.kind) {
      case "let": {
        this.values.set(s.v.id, s.value);
        const isHalf = this.facts.halves.has(s.v.id),
          value = isHalf ? this.half(s.value) : this.value(s.value),
          type = isHalf ? "f16" : typeOf(s.v.dtype),
          changes = this.facts.changing.has(s.v.id);
        this.put(changes ? `var ${this.declare(s.v)}: ${type} = ${bare(value)};` : `let ${this.declare(s.v)} = ${bare(value)};`);
        break;
      }
      case "set":
        this.put(`${this.value(s.v)} = ${bare(this.facts.halves.has(s.v.id) ? this.half(s.value) : this.value(s.value))};`);
        break;
      case "store": {
        const p = this.place(s.buf),
          line = store(this.call, this.facts.heap, p, this.value(s.index), as => this.stored(as, p, s.value));
        if (s.guard) {
          this.put(`if (${bare(this.value(s.guard))}) {`);
          this.nested(() => this.put(line));
          this.put("}");
        } else this.put(line);
        this.touch(s.buf);
        break;
      }
      case "for": {
        const plain = s.end.kind === "const" && s.rolled !== true,
          end = plain ? this.value(s.end) : `e${this.declared}`,
          begin = this.shared(s.begin, s);
        if (!plain) this.put(`let ${end} = ${this.shared(s.end, s)}${s.rolled === true ? " + i32(zero)" : ""};`);
        const v = this.declare(s.v);
        this.turns(s.body, () => this.braces(`for (var ${v} = ${begin}; ${v} < ${end}; ${v}++)`, s.body));
        break;
      }
      case "while":
        this.turns(s.body, () => {
          this.put("loop {");
          this.nested(() => {
            this.put(`if (!(${this.shared(s.cond, s)})) {`);
            this.nested(() => this.put("break;"));
            this.put("}");
            this.block(s.body);
          });
          this.put("}");
        });
        break;
      case "if": {
        const cond = this.shared(s.cond, s),
          before = this.wrote;
        this.put(`if (${bare(cond)}) {`);
        this.nested(() => this.block(s.yes));
        const after = this.wrote;
        this.wrote = before;
        if (s.no.length > 0) {
          this.put("} else {");
          this.nested(() => this.block(s.no));
        }
        this.wrote ||= after;
        this.put("}");
        break;
      }
      case "bind": {
        const first = `w${this.declared++}`;
        this.put(`let ${first} = ${s.from}u + ${index(this.value(s.part))} * ${s.count}u;`);
        for (let j = 0; j < s.count; j++) {
          const base = `p${s.buf + j}`,
            word = j === 0 ? first : `(${first} + ${j}u)`;
          this.put(`let ${base} = places[${word} >> 2u][${word} & 3u];`);
          this.places[s.buf + j] = { space: "heap", base, dtype: this.place(s.from + j).dtype };
        }
        break;
      }
      case "barrier":
        this.put("workgroupBarrier();");
        if (this.wrote) this.put("storageBarrier();");
        this.wrote = false;
        break;
      case "shuffle": {
        this.shuffles = true;
        const x = this.value(s.value),
          bits = s.value.dtype === "bool" ? `u32(${x})` : x,
          shuffled = s.of ? `subgroupShuffle(${bits}, ${index(this.value(s.of))})` : `subgroupShuffleXor(${bits}, ${s.mask}u)`;
        this.put(`let ${this.declare(s.into)} = ${s.value.dtype === "bool" ? `${shuffled} != 0u` : shuffled};`);
        break;
      }
      case "loadVector": {
        const name = `q${this.declared}`,
          p = this.place(s.buf),
          { heap, halves } = this.facts,
          [at, n] = [this.value(s.index), s.into.length],
          raw = p.space === "heap" && s.into.every(v => halves.has(v.id)),
          vector = raw ? loadHalves(heap, p, at, n) : loadVector(this.call, heap, p, at, n);
        this.put(`let ${name} = ${vector.text};`);
        s.into.forEach((v, q) => this.put(`let ${this.declare(v)} = ${vector.element(name, q)};`));
        break;
      }
      case "storeVector": {
        const p = this.place(s.buf),
          text = (q: number, as: As): string => this.stored(as, p, s.values[q] as Expr); // as many as asked for
        storeVector(this.call, this.facts.heap, p, this.value(s.index), s.values.length, text).forEach(line => this.put(line));
        this.touch(s.buf);
        break;
      }
      default:
        unreachable(s);
    }
  }
  private touch(buf: number): void {
    if (this.place(buf).space === "heap") this.wrote = true;
  }
  /** A loop: what its body writes may have been written in an earlier turn. */
  private turns(body: readonly TiledStmt[], emit: () => void): void {
    forEachTiled(body, s => {
      if (s.kind === "store" || s.kind === "storeVector") this.touch(s.buf);
    });
    const { wrote } = this;
    emit();
    this.wrote ||= wrote;
  }
  /** A bound or condition around a meeting of threads. Equal in all of them, which the shader's compiler must be shown where it comes from memory. */
  private shared(e: Expr, s: TiledStmt): string {
    const value = bare(this.value(e));
    if (!this.facts.varies(e) || !this.facts.meets(s)) return value;
    const name = `meeting${this.meetings.length}`,
      read = `m${this.meetings.length}`,
      bool = e.dtype === "bool";
    this.meetings.push(`var<workgroup> ${name}: ${bool ? "u32" : typeOf(e.dtype)};`);
    this.put("if (lane == 0i) {");
    this.nested(() => this.put(`${name} = ${bool ? `u32(${value})` : value};`));
    this.put("}");
    this.put(`let ${read} = workgroupUniformLoad(&${name});`);
    return bool ? `${read} != 0u` : read;
  }
  /** A float sent through its bits (`exact` of lower/elementary): what it was made of is nobody's business, so that no sum is reordered around it. */
  private isExact(e: Extract<Expr, { kind: "bitcast" }>): boolean {
    const source = e.x.kind === "var" && !this.facts.changing.has(e.x.id) ? this.values.get(e.x.id) : e.x;
    return e.dtype === "f32" && source?.kind === "bitcast" && source.dtype === "i32" && source.x.dtype === "f32";
  }
  private stored(as: As, { dtype }: Place, e: Expr): string {
    return as === "raw" ? this.raw(dtype, e) : as === "half" ? this.half(e) : this.value(e);
  }
  /** The bits of a value as memory has it. What is rounded for that is rounded once. */
  private raw(d: Place["dtype"], e: Expr): string {
    const x = isNarrow(d) ? roundedFrom(e, d) : undefined;
    if (x && x.kind !== "const") return this.call(d === "f16" ? "toHalf" : "toBrain", this.value(x));
    return toBits(this.call, d, this.value(e));
  }
  /** A value as an f16: as it is where it was one, else rounded by bits. */
  private half(e: Expr): string {
    const { facts } = this,
      p = e.kind === "load" ? this.place(e.buf) : undefined;
    if (carries(e, facts.heapDType, v => facts.halves.has(v.id))) {
      if (e.kind === "const") return "0h";
      if (e.kind === "var") return this.value(e);
      if (e.kind === "select") return select(this.value(e.cond), this.half(e.x), this.half(e.y));
      if (e.kind === "load" && p?.space === "heap") {
        const x = fromBitsOfHalf(rawOf(this.call, facts.heap, p, this.value(e.index)));
        return e.guard ? select(this.value(e.guard), x, e.otherwise ? this.half(e.otherwise) : "0h") : x;
      }
    }
    return fromBitsOfHalf(this.raw("f16", e));
  }
  private place(buf: number): Place {
    const p = this.places[buf];
    if (!p) throw new InternalError(`${this.k.name} has no buffer ${buf}`);
    return p;
  }
  /** Constants alone would be computed by the shader's compiler, which refuses what overflows. */
  private value(e: Expr): string {
    const parts = operands(e);
    return this.text(e, e.kind !== "load" && parts.length > 0 && parts.every(x => x.kind === "const"));
  }
  private text(e: Expr, constant: boolean): string {
    const { call } = this,
      first = (x: Expr): string => (constant && x.kind === "const" ? hidden(x.dtype, x.value) : this.value(x));
    switch (e.kind) {
      case "const":
        return literal(e.dtype, e.value);
      case "var": {
        const name = this.names.get(e.id);
        if (name === undefined) throw new InternalError(`${this.k.name}: ${e.name} is unbound`);
        return name;
      }
      case "unary":
        return unary(call, e.op, e.x.dtype, first(e.x));
      case "binary": {
        const operand = (x: Expr): string => (isZero(x) ? hidden(x.dtype, 0) : this.value(x));
        return binary(call, e.op, e.dtype, constant ? first(e.x) : operand(e.x), operand(e.y), e.y);
      }
      case "compare":
        return compare(call, e.op, e.x.dtype, first(e.x), this.value(e.y));
      case "fma":
        return fma(e.dtype, first(e.x), this.value(e.y), this.value(e.z));
      case "select":
        return select(first(e.cond), this.value(e.x), this.value(e.y));
      case "convert":
        return convert(call, e.x.dtype, e.dtype, first(e.x));
      case "bitcast":
        return this.isExact(e) ? `bitcast<f32>(${this.value(e.x)} | i32(zero))` : bitcast(call, e.x.dtype, e.dtype, first(e.x));
      case "load": {
        const x = load(call, this.facts.heap, this.place(e.buf), this.value(e.index));
        return e.guard ? select(this.value(e.guard), x, e.otherwise ? this.value(e.otherwise) : literal(e.dtype, 0)) : x;
      }
      default:
        return unreachable(e);
    }
  }
}
