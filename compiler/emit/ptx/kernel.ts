// A tiled kernel as one PTX entry point, statement by statement. Addresses of parameters arrive as .u64; shared and local memory are declared by name.
import { InternalError, unreachable } from "../../../runtime/errors/error.ts";
import { byteSize } from "../../../runtime/dtype.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import { isSubgroupStmt } from "../../ir/subgroup_matrix.ts";
import { inShared, type SharedMemory, type SharedOperand, type TiledKernel, type TiledStmt } from "../../ir/tiled.ts";
import { assigned, forEachTiled } from "../../lower/tile/statements.ts";
import { initSignals, SharedProducts, signalled, type BulkPlaces, type Located } from "./bulk.ts";
import { copyAsync, Fragments } from "./matrix.ts";
import { address, load, loadVector, store, storeVector, type Place } from "./memory.ts";
import { classOf, Code, literal } from "./registers.ts";
import { binary, bitcast, compare, convert, fma, select, toBits, unary } from "./scalar.ts";

/** Most shared memory that a kernel may declare; more is dynamic: all of it then, one array after another. */
const STATIC_SHARED = 49152;
/** The text of an entry point, and its shared memory, bytes: what it declares, and what a launch must add. */
export interface EntryText {
  readonly text: string;
  readonly sharedBytes: number;
  readonly dynamicSharedBytes: number;
}
/** A kernel as an entry point, for cards of this capability and later ones. */
export function emitKernel(k: TiledKernel, entry: string, capability: number): EntryText {
  let total = 0;
  const offsets = k.shared.map(m => {
    const at = Math.ceil(total / alignmentOf(m)) * alignmentOf(m);
    total = at + Math.max(1, m.elements) * byteSize(m.dtype);
    return at;
  });
  const dynamic = total > STATIC_SHARED,
    whole = `${entry}_shared`,
    e = new Emitter(k, entry, i => (dynamic ? { name: whole, offset: offsets[i] ?? 0 } : { name: `shared${i}`, offset: 0 }));
  e.code.capability = capability;
  e.run();
  const params = [
    ...k.params.map((_, i) => `.param .u64 ${entry}_p${i}`),
    ...(k.boxes ?? []).map((_, i) => `.param .align 64 .b8 ${entry}_t${i}[128]`),
  ].join(", ");
  const declare = (
    space: "shared" | "local",
    name: string,
    align: number,
    memory: Pick<Place, "dtype"> & { readonly elements: number },
  ): string => `  .${space} .align ${align} .b8 ${name}[${Math.max(1, memory.elements) * byteSize(memory.dtype)}];`;
  const memory = [
    ...(dynamic ? [] : k.shared.map((m, i) => declare("shared", `shared${i}`, alignmentOf(m), m))),
    ...(k.signals ? [`  .shared .align 8 .b8 signals[${8 * k.signals.length}];`] : []),
    ...k.local.map((m, i) => declare("local", `local${i}`, 16, m)),
  ];
  const alone = k.signals ? [".minnctapersm 1"] : []; // so that the assembler knows how many registers a thread begins with, which other counts than that need
  const head = dynamic ? [`.extern .shared .align ${Math.max(...k.shared.map(alignmentOf))} .b8 ${whole}[];`] : [];
  return {
    text: [
      ...head,
      `.visible .entry ${entry}(${params})`,
      `.maxntid ${k.threads}, 1, 1`,
      ...alone,
      "{",
      ...memory,
      e.code.text(),
      "}",
    ].join("\n"),
    sharedBytes: (dynamic ? 0 : total) + 8 * (k.signals?.length ?? 0),
    dynamicSharedBytes: dynamic ? total : 0,
  };
}
/** A swizzle moves bytes inside of its period. */
const alignmentOf = ({ swizzle }: SharedMemory): number => (swizzle ? 2 ** (swizzle.shift + swizzle.bits) : 16);

class Emitter {
  readonly code = new Code();
  private readonly k: TiledKernel;
  private readonly entry: string;
  private readonly places: Place[] = [];
  private readonly vars = new Map<number, string>();
  private readonly changing = new Set<number>();
  private readonly fragments = new Fragments(this.code);
  private readonly products = new SharedProducts(this.code);
  private bulk: BulkPlaces = { signals: "", tensor: () => "" };
  private readonly sharedAt: (i: number) => { readonly name: string; readonly offset: number };
  /** `sharedAt`: the address of an array of shared memory. */
  constructor(k: TiledKernel, entry: string, sharedAt: Emitter["sharedAt"]) {
    this.k = k;
    this.entry = entry;
    this.sharedAt = sharedAt;
  }

  run(): void {
    const { code: c, k } = this;
    k.params.forEach((p, i) => {
      const generic = c.make("b64", "ld.param.u64", `[${this.entry}_p${i}]`);
      this.places.push({ space: "global", base: c.make("b64", "cvta.to.global.u64", generic), dtype: p.dtype });
    });
    k.shared.forEach(({ dtype, swizzle }, i) => {
      const { name, offset } = this.sharedAt(i),
        start = c.make("b32", "mov.u32", name);
      this.places.push({
        space: "shared",
        base: offset === 0 ? start : c.make("b32", "add.s32", start, String(offset)),
        dtype,
        ...(swizzle && { swizzle }),
      });
    });
    k.local.forEach((s, i) => this.places.push({ space: "local", base: c.make("b32", "mov.u32", `local${i}`), dtype: s.dtype }));
    this.vars.set(k.vars.group.id, c.make("b32", "mov.u32", "%ctaid.x"));
    const lane = c.make("b32", "mov.u32", "%tid.x");
    this.vars.set(k.vars.lane.id, lane);
    forEachTiled(k.body, s => {
      for (const v of assigned(s)) this.changing.add(v.id);
      if (s.kind === "loadFragment") this.fragments.prepare(s, lane);
    });
    this.prepareBulk(lane);
    this.block(k.body);
    c.put("ret");
  }
  private prepareBulk(lane: string): void {
    const { code: c, k } = this;
    if (!k.signals) return;
    const signals = c.make("b32", "mov.u32", "signals"),
      tensors = (k.boxes ?? []).map((_, i) => c.make("b64", "cvta.param.u64", c.make("b64", "mov.b64", `${this.entry}_t${i}`)));
    this.bulk = { signals, tensor: i => tensors[i] ?? "" };
    let copies = false;
    forEachTiled(k.body, s => {
      copies ||= s.kind === "copyBox";
    });
    initSignals(c, lane, signals, k.signals, copies);
  }
  private block(stmts: readonly TiledStmt[]): void {
    this.forget();
    for (const s of stmts) {
      if (s.kind === "set") this.forget();
      this.statement(s);
    }
    this.forget();
  }
  /** What was known of addresses. */
  private forget(): void {
    this.fragments.forget();
    this.products.forget();
  }
  private located(operand: SharedOperand): Located {
    const [rest, more] = constantOf(operand.index);
    return { operand, place: this.place(operand.buf), index: rest && this.value(rest), more };
  }
  private statement(s: TiledStmt): void {
    const { code: c } = this;
    if (isSubgroupStmt(s)) throw new InternalError(`${s.kind} is for WGSL`);
    switch (s.kind) {
      case "let": {
        const steady = !this.changing.has(s.v.id) && s.value.kind !== "const" && !(s.value.kind === "var" && this.changing.has(s.value.id));
        this.vars.set(s.v.id, steady ? this.value(s.value) : this.copy(s.v, s.value));
        break;
      }
      case "set":
        this.assign(s.v, this.vars.get(s.v.id) ?? "", s.value);
        break;
      case "store": {
        const index = this.value(s.index),
          value = this.value(s.value);
        store(c, this.place(s.buf), index, s.value.kind === "const" ? this.materialize(s.value) : value, s.guard && this.value(s.guard));
        break;
      }
      case "for":
        this.loop(s);
        break;
      case "while": {
        const top = c.label("while"),
          end = c.label("while_end");
        c.mark(top);
        c.put("bra", [end], `!${this.value(s.cond)}`);
        this.block(s.body);
        c.put("bra", [top]);
        c.mark(end);
        break;
      }
      case "if": {
        const otherwise = c.label("else"),
          end = c.label("endif");
        c.put("bra", [s.no.length > 0 ? otherwise : end], `!${this.value(s.cond)}`);
        this.block(s.yes);
        if (s.no.length > 0) {
          c.put("bra", [end]);
          c.mark(otherwise);
          this.block(s.no);
        }
        c.mark(end);
        break;
      }
      case "barrier":
        c.put("bar.sync", ["0"]);
        break;
      case "bind":
        this.choose(s, this.value(s.part)).forEach((base, j) => (this.places[s.buf + j] = { ...this.place(s.from + j), base }));
        break;
      case "shuffle":
        this.vars.set(s.into.id, this.shuffle(s.into, this.value(s.value), s.of ? ["idx", this.value(s.of)] : ["bfly", String(s.mask)]));
        break;
      case "loadVector": {
        const into = s.into.map(v => c.reg(classOf(v.dtype)));
        loadVector(c, this.place(s.buf), this.value(s.index), into);
        s.into.forEach((v, q) => this.vars.set(v.id, into[q] ?? ""));
        break;
      }
      case "storeVector": {
        const index = this.value(s.index);
        storeVector(
          c,
          this.place(s.buf),
          index,
          s.values.map(v => this.materialize(v.kind === "convert" && v.dtype === this.place(s.buf).dtype && v.x.dtype === "f32" ? v.x : v)), // rounded as it is stored
        );
        break;
      }
      case "loadFragment": {
        const [rest, more] = constantOf(s.index);
        this.fragments.load(s, this.place(s.buf), rest && this.value(rest), more);
        break;
      }
      case "packFragment":
        this.fragments.pack(
          s.into,
          s.values.map(v => this.materialize(v)),
        );
        break;
      case "multiply":
        this.fragments.multiply(
          s.sums.map(v => this.value(v)),
          s.lhs,
          s.rhs,
        );
        break;
      case "copyAsync": {
        const into = this.place(s.into),
          from = this.place(s.buf),
          size = byteSize(from.dtype),
          present = s.present && c.make("b32", "mul.lo.s32", this.value(s.present), String(size));
        copyAsync(c, address(c, into, this.value(s.to)), address(c, from, this.value(s.from)), s.count * size, present);
        break;
      }
      case "copyBox":
      case "storeBox":
      case "commitStores":
      case "waitStores":
      case "meet":
      case "expect":
      case "arrive":
      case "awaitPhase":
      case "fenceProducts":
      case "fenceStores":
      case "commitProducts":
      case "waitProducts":
      case "registers":
        signalled(
          c,
          s,
          this.bulk,
          e => this.value(e),
          (buf, index) => c.make("b32", "mad.lo.s32", this.value(index), String(byteSize(this.place(buf).dtype)), this.place(buf).base),
        );
        break;
      case "multiplyShared":
        this.products.multiply(
          s,
          s.sums.map(v => this.value(v)),
          inShared(s.lhs) ? this.located(s.lhs) : this.fragments.registersOf(s.lhs),
          this.located(s.rhs),
        );
        break;
      case "commitCopies":
        c.put("cp.async.commit_group");
        break;
      case "waitCopies":
        c.put("cp.async.wait_group", [String(s.pending)]);
        break;
      default:
        unreachable(s);
    }
  }
  /** The addresses of a part's parameters, by branches that a whole group takes. */
  private choose({ count, from, parts }: Extract<TiledStmt, { kind: "bind" }>, part: string): readonly string[] {
    const { code: c } = this,
      bases = Array.from({ length: count }, () => c.reg("b64"));
    const among = (first: number, last: number): void => {
      if (last - first === 1) {
        bases.forEach((base, j) => c.put("mov.b64", [base, this.place(from + count * first + j).base]));
        return;
      }
      const middle = Math.ceil((first + last) / 2),
        later = c.label("later"),
        done = c.label("chosen");
      c.put("bra", [later], c.make("pred", "setp.ge.s32", part, String(middle)));
      among(first, middle);
      c.put("bra", [done]);
      c.mark(later);
      among(middle, last);
      c.mark(done);
    };
    among(0, parts);
    return bases;
  }
  private loop(s: Extract<TiledStmt, { kind: "for" }>): void {
    const { code: c } = this,
      i = c.reg("b32"),
      end = this.value(s.end),
      top = c.label("for"),
      done = c.label("for_end");
    c.put("mov.b32", [i, this.value(s.begin)]);
    this.vars.set(s.v.id, i);
    c.put("bra", [done], c.make("pred", "setp.ge.s32", i, end));
    c.mark(top);
    this.block(s.body);
    c.put("add.s32", [i, i, "1"]);
    c.put("bra", [top], c.make("pred", "setp.lt.s32", i, end));
    c.mark(done);
  }
  private shuffle(into: ExprVar, x: string, [mode, lane]: readonly ["bfly" | "idx", string]): string {
    const { code: c } = this,
      members = this.k.threads >= 32 ? "-1" : String(2 ** this.k.threads - 1),
      swap = (r: string): string => c.make("b32", `shfl.sync.${mode}.b32`, r, lane, "31", members);
    switch (classOf(into.dtype)) {
      case "b32":
        return swap(x);
      case "f32":
        return c.make("f32", "mov.b32", swap(c.make("b32", "mov.b32", x)));
      case "pred":
        return compare(c, "ne", "u32", swap(toBits(c, x)), "0");
      case "f64": {
        const low = c.reg("b32"),
          high = c.reg("b32");
        c.put("mov.b64", [`{${low}, ${high}}`, x]);
        return c.make("f64", "mov.b64", `{${swap(low)}, ${swap(high)}}`);
      }
      default:
        return unreachable(classOf(into.dtype) as never); // classOf has four results
    }
  }
  private copy(v: ExprVar, value: Expr): string {
    const r = this.code.reg(classOf(v.dtype));
    this.assign(v, r, value);
    return r;
  }
  private assign(v: ExprVar, to: string, value: Expr): void {
    const k = classOf(v.dtype),
      { code: c } = this;
    if (k === "pred") {
      if (value.kind === "const") c.put("setp.ne.s32", [to, value.value === 0 ? "0" : "1", "0"]);
      else c.put("mov.pred", [to, this.value(value)]);
      return;
    }
    c.put(`mov.${k}`, [to, this.value(value)]);
  }
  private materialize(e: Expr): string {
    return e.kind === "const" ? this.copy({ kind: "var", id: -1, name: "c", dtype: e.dtype }, e) : this.value(e);
  }
  private place(buf: number): Place {
    const p = this.places[buf];
    if (!p) throw new InternalError(`${this.k.name} has no buffer ${buf}`);
    return p;
  }
  /** A register or literal with the value of `e`. */
  private value(e: Expr): string {
    const { code: c } = this;
    switch (e.kind) {
      case "const":
        return e.dtype === "bool" ? c.make("pred", "setp.ne.s32", e.value === 0 ? "0" : "1", "0") : literal(e.dtype, e.value);
      case "var": {
        const r = this.vars.get(e.id);
        if (r === undefined) throw new InternalError(`${this.k.name}: ${e.name} is unbound`);
        return r;
      }
      case "unary":
        return unary(c, e.op, e.x.dtype, this.value(e.x));
      case "binary":
        return binary(c, e.op, e.dtype, this.value(e.x), this.value(e.y));
      case "compare":
        return compare(c, e.op, e.x.dtype, this.value(e.x), this.value(e.y));
      case "fma":
        return fma(c, e.dtype, this.value(e.x), this.value(e.y), this.value(e.z));
      case "select":
        return select(c, e.dtype, this.value(e.cond), this.value(e.x), this.value(e.y));
      case "convert":
        return convert(c, e.x.dtype, e.dtype, this.value(e.x));
      case "bitcast":
        return bitcast(c, e.x.dtype, e.dtype, this.value(e.x));
      case "load": {
        const index = this.value(e.index);
        return load(c, this.place(e.buf), index, e.guard && this.value(e.guard), e.otherwise && this.value(e.otherwise));
      }
      default:
        return unreachable(e);
    }
  }
}
/** A constant that a sum ends in, apart. */
function constantOf(e: Expr): readonly [Expr | undefined, number] {
  if (e.kind === "const") return [undefined, e.value];
  return e.kind === "binary" && e.op === "add" && e.y.kind === "const" ? [e.x, e.y.value] : [e, 0];
}
