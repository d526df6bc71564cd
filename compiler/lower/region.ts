// One straight-line program (a Func, or the body of a loop or branch) -> steps. Equations are placed in program order: computed where they are read, or given
// memory by an item (a cluster that is still open, or a fixed piece: a product, a long fold, a loop). Kernels are made last item first, when it is
// known who reads what.
import { byteSize } from "../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../runtime/errors/error.ts";
import { bytesOf, sizeOf, type Aval } from "../ir/aval.ts";
import type { Atom, Eqn, Func, Var } from "../ir/func.ts";
import type { ControlForm } from "../ir/primitive.ts";
import type { SlotRef, Step } from "../ir/schedule.ts";
import { templateOf } from "./attention.ts";
import { authorKernels, type Given } from "./builder.ts";
import { sharedMemory } from "./carries.ts";
import { Cluster } from "./cluster.ts";
import { Columns, isColumns } from "./columns.ts";
import { foldContraction, isProduct, layoutOf, Product } from "./contract.ts";
import { elementKernel } from "./loops.ts";
import { forEachRef, type Program } from "./program.ts";
import { computedOperand, heldBy } from "./prologue.ts";
import { Reads } from "./reads.ts";
import { isDear } from "../optimize/recompute.ts";
import { reduceKernels, type Target } from "./reduce.ts";
import { everywhere, placesAt, weight, type Place, type Places } from "./scope.ts";
import { Sources } from "./sources.ts";
import { countUses, isGather, isReshape, isRounding, isView, readers } from "./uses.ts";
import { unboundAxis } from "../transforms/collective.ts";

const deep = 400; // an expression larger than this is cut
const free = 64; // a single number that costs no more is computed by every reader where kernels are launched one by one: a launch costs more

/** An item that was decided when it was met. `closes`: what comes later does not move before it. */
interface Fixed {
  readonly kind: "fixed";
  readonly closes: boolean;
  readonly steps: (places: Places) => readonly Step[];
}
type Item = Cluster | Product | Columns | Fixed;
/** Lowers a control equation: operands and results in memory. */
export type LowerControl = (form: ControlForm, e: Eqn, ins: readonly SlotRef[], outs: readonly SlotRef[], steps: Step[]) => void;

/** Lower `f` with its parameters at `args`; result i goes to `targets[i]` (undefined: nobody needs it). */
export function lowerRegion(
  p: Program,
  f: Func,
  args: readonly SlotRef[],
  targets: readonly (SlotRef | undefined)[],
  steps: Step[],
  control: LowerControl,
): void {
  const r = new Region(p, f, args, targets, control);
  for (const e of f.eqns) r.place(e);
  const copies: Step[] = f.results.flatMap((a, i): Step[] => {
    const to = targets[i];
    if (!to) return [];
    const from = r.force(a);
    return from.slot === to.slot && from.base === to.base ? [] : [{ kind: "copy", from, to, bytes: bytesOf(a.aval) }];
  });
  steps.push(...r.finish(copies), ...copies);
}

class Region {
  private readonly p: Program;
  private readonly control: LowerControl;
  private readonly places: Map<Var, Place>;
  private readonly uses: ReturnType<typeof countUses>;
  private readonly weights = new Map<Eqn, number>();
  private readonly wanted = new Map<Var, SlotRef>();
  private readonly items: Item[] = [];
  private readonly users: ReadonlyMap<Var, readonly Eqn[]>;
  private readonly settled = new Set<Eqn>(); // views and roundings that the maker of what they read writes
  private readonly reads = new Map<number, ReadonlySet<number>>(); // by item: slots that its equations read
  private readonly sources = new Sources();
  private readonly what: Reads;
  private open = 0;

  constructor(p: Program, f: Func, args: readonly SlotRef[], targets: readonly (SlotRef | undefined)[], control: LowerControl) {
    this.p = p;
    this.control = control;
    this.places = new Map(f.params.map((v, i) => [v, { kind: "buffer", ref: args[i] as SlotRef, writer: -1 }])); // one argument a parameter
    this.what = new Reads(this.places);
    this.uses = countUses(f);
    this.users = readers(f);
    const params = new Set(f.params);
    f.results.forEach((r, i) => {
      const t = targets[i];
      if (r.kind === "var" && t && !this.wanted.has(r) && !params.has(r)) this.wanted.set(r, t);
    });
    // a result that only renames another value's indices is written by whatever computes that value
    for (const e of f.eqns.toReversed()) {
      const [out] = e.outs,
        [source] = e.ins,
        t = out && this.wanted.get(out);
      if (t && source?.kind === "var" && e.prim.lower.kind === "view" && !params.has(source) && !this.wanted.has(source) && isReshape(e))
        this.wanted.set(source, t);
    }
  }

  /** Decide where the outputs of `e` are. */
  place(e: Eqn): void {
    if (this.settled.has(e)) return;
    this.sources.placing = e;
    const { lower } = e.prim,
      { p, places } = this;
    switch (lower.kind) {
      case "view": {
        const out = e.outs[0],
          source = e.ins[0],
          at = source?.kind === "var" ? places.get(source) : undefined;
        if (out && at?.kind === "buffer" && (!this.wanted.has(out) || this.wanted.get(out) === at.ref) && isReshape(e)) {
          places.set(out, { ...at, ...(at.inline ? { inline: { kind: "inline", eqn: e, out: 0 } } : {}) });
          break;
        }
        this.placeInline(e);
        break;
      }
      case "map":
      case "index":
        this.placeInline(e);
        break;
      case "reduce": {
        const w = e.ins.reduce((sum, a) => sum + this.operandWeight(a), 1);
        if (isColumns(e)) {
          this.joinColumns(e, this.onlyReader(e, isRounding), w);
          break;
        }
        const into = this.targets(e);
        if (this.join(e, into, w)) break;
        const name = p.name(e.prim.name),
          position = this.fixed(false, at => reduceKernels(name, e, at, into, w, a => p.slot(a), p.products === "fused").map(launch));
        this.written(e, into, position);
        break;
      }
      case "contract": {
        const inside = [this.inside(e, 0), this.inside(e, 1)] as const,
          name = p.name(e.prim.name);
        if (!isProduct(e, p.products)) {
          const into = this.targets(e),
            [target] = into as [Target];
          this.written(
            e,
            into,
            this.fixed(true, at => [launch(foldContraction(name, e, at, target))]),
          );
          break;
        } // a contraction has one output
        const layout = layoutOf(e, this.onlyReader(e, isView), places, p.products),
          made = layout.view ?? e,
          into = this.targets(made);
        if (layout.view) this.settled.add(layout.view);
        this.items.push(new Product(name, e, into[0] as Target, { ...layout, inside }, places, this.items.length, p.products)); // as above, and so has a view
        this.open = this.items.length;
        this.written(made, into, this.items.length - 1);
        break;
      }
      case "kernel": {
        const avals = e.ins.map(a => a.aval),
          form = p.products === "fused" ? lower.form?.(e.params, avals) : undefined,
          given = e.ins.map((a): Given => (form ? { ...a.aval, value: everywhere(a, places) } : a.aval)),
          ins = e.ins.filter((_, i) => given[i]?.value === undefined).map(a => this.force(a)),
          into = this.targets(e),
          refs = [...ins, ...into.map(t => t.ref)],
          name = p.name(e.prim.name);
        const kernels = authorKernels(name, lower, e, given, form);
        this.written(
          e,
          into,
          this.fixed(true, () => kernels.map(kernel => ({ kind: "launch", kernel, args: refs }))),
        );
        break;
      }
      case "control": {
        const form = lower.form(e.params),
          ins = e.ins.map(a => this.force(a)),
          shared =
            form.form === "scan"
              ? sharedMemory(
                  form,
                  e.outs,
                  v => !this.wanted.has(v),
                  a => p.slot(a),
                )
              : undefined,
          into = this.targets(e, shared),
          steps: Step[] = [];
        this.control(
          form,
          e,
          ins,
          into.map(t => t.ref),
          steps,
        );
        this.written(
          e,
          into,
          this.fixed(true, () => steps),
        );
        break;
      }
      case "collective":
        throw unboundAxis(e.prim.name, lower.axis(e.params));
      case "composite": {
        const make = templateOf(e, p.templates);
        if (!make) throw new InternalError(`${e.prim.name} should have been inlined`);
        e.ins.forEach(a => this.settle(a));
        const into = this.targets(e),
          name = p.name(e.prim.name);
        this.written(
          e,
          into,
          this.fixed(true, at => make(name, { places: at, into, fresh: a => p.slot(a) }).map(launch)),
        );
        break;
      }
      case "erase":
        throw new InternalError(`${e.prim.name} (${lower.kind}) should have been inlined`);
      default:
        unreachable(lower);
    }
  }
  /** Put an operand in memory, contiguous. */
  force(a: Atom): SlotRef {
    const { p } = this;
    if (a.kind === "lit") {
      const ref = p.slot(a.aval),
        name = p.name("literal");
      this.fixed(false, at => [
        launch(elementKernel(name, at, [], 1, s => [{ ref, aval: a.aval, value: s.ops.convert(s.read(a, []), a.aval.dtype) }])),
      ]);
      return ref;
    }
    const place = this.places.get(a);
    if (place?.kind === "buffer") return place.ref;
    if (!place) throw new InternalError(`variable v${a.id} has no place`);
    this.store(place.eqn);
    return (this.places.get(a) as Extract<Place, { kind: "buffer" }>).ref; // store has just given it memory
  }
  /** Give what a product reads memory, where it is more than a re-indexing of memory: it reads each element several times. */
  private settle(a: Atom): void {
    const q = a.kind === "var" ? this.places.get(a) : undefined;
    if (q?.kind !== "inline") return;
    const [source] = q.eqn.ins;
    if (source?.kind === "var" && (q.eqn.prim.lower.kind === "view" || (this.p.products === "plain" && isGather(q.eqn))))
      this.settle(source);
    else this.store(q.eqn);
  }
  /** Does the product `e` compute its operand `side` itself? Otherwise that gets memory. */
  private inside(e: Eqn, side: 0 | 1): boolean {
    const a = e.ins[side] as Atom, // a contraction has two operands
      { p, places } = this,
      q = a.kind === "var" ? places.get(a) : undefined;
    if (a.kind === "var" && q?.kind === "inline" && p.prologue && isProduct(e, p.products)) {
      const from = this.what.ready(q.eqn, new Set()),
        joins = from >= this.open - 1 && from >= 0 && this.items[from]?.kind !== "fixed";
      if (p.prologue(computedOperand(e, side, places, { ...heldBy(a, places, this.uses), joins }))) return true;
    }
    this.settle(a);
    return false;
  }
  /** The steps in order. `after` reads memory too. */
  finish(after: readonly Step[]): Step[] {
    const read = new Set<number>([...this.wanted.values()].map(r => r.slot)),
      note = (steps: readonly Step[]): void => forEachRef(steps, r => read.add(r.slot));
    note(after);
    const done: (readonly Step[])[] = [];
    for (let i = this.items.length - 1; i >= 0; i--) {
      const item = this.items[i] as Item, // i is in range
        fresh = (a: Aval): SlotRef => this.p.slot(a),
        kept = (ref: SlotRef): boolean => read.has(ref.slot);
      const steps: readonly Step[] =
        item.kind === "fixed"
          ? item.steps(placesAt(this.places, i))
          : (item.kind === "columns" ? item.launches(fresh) : item.launches(fresh, kept)).map(launch);
      note(steps);
      done.push(this.sources.on(steps, i));
    }
    return done.reverse().flat();
  }

  /** Leave `e` to be computed where it is read, unless that would repeat much work. */
  private placeInline(e: Eqn): void {
    e.outs.forEach((v, k) => this.places.set(v, { kind: "inline", eqn: e, out: k }));
    const w = weight(e, this.places, this.weights),
      use = e.outs.reduce((n, v) => n + (this.uses.get(v)?.count ?? 0), 0);
    const stretched = e.outs.some(v => this.uses.get(v)?.stretched),
      bytes = e.outs.reduce((sum, v) => sum + byteSize(v.aval.dtype), 0);
    if (
      e.outs.some(v => this.wanted.has(v)) ||
      w > deep ||
      (isDear({ operations: w, readers: use, stretched, bytes }, this.p.perByte) && !this.gathered(e) && !this.isFree(e, w))
    )
      this.store(e);
  }
  /** A number, or a view of one, that every reader computes for itself, on a GPU. */
  private isFree(e: Eqn, w: number): boolean {
    const shown = e.prim.lower.kind === "view" ? e.ins : e.outs;
    return this.p.products === "fused" && w <= free && shown.every(v => sizeOf(v.aval.shape) === 1);
  }
  /** Does `e` show windows (or other gathered elements) of memory, to products alone? They gather while packing. */
  private gathered(e: Eqn): boolean {
    const byProducts = (v: Var): boolean =>
      !this.wanted.has(v) &&
      (this.users.get(v) ?? []).every(u =>
        u.prim.lower.kind === "view" ? u.outs.every(byProducts) : u.prim.lower.kind === "contract" && isProduct(u, this.p.products),
      );
    const shows = (q: Eqn): boolean => {
      const [source] = q.ins,
        at = source?.kind === "var" ? this.places.get(source) : undefined;
      return isGather(q) || (q.prim.lower.kind === "view" && at?.kind === "inline" && shows(at.eqn));
    };
    return this.p.products === "plain" && shows(e) && e.outs.every(byProducts);
  }
  /** Compute all outputs of an element-wise equation into memory, with others where that is possible. */
  private store(e: Eqn): void {
    const w = weight(e, this.places, this.weights),
      into = this.targets(e);
    if (!this.join(e, into, w)) throw new InternalError(`${e.prim.name} fits no kernel of its own`);
    this.weights.clear();
  }
  /** Into an open cluster that it belongs to, or a new one. False: none can take it. On a GPU what is only next in order is a kernel of its own: kernels of one leaf each are alike, and are launched as one. */
  private join(e: Eqn, into: readonly Target[], w: number): boolean {
    const [dep, last] = [this.what.ready(e, new Set()), this.items.length - 1];
    for (let i = last; i >= Math.max(dep, this.open - 1); i--) {
      const item = this.items[i];
      if (item?.kind === "product" && i === dep && item.join({ e, into })) {
        this.written(e, into, i);
        return true;
      }
      if (
        item?.kind !== "cluster" ||
        (i !== dep && !(i === last && (this.p.products === "plain" || item.byRows)) && !this.shares(e, i)) ||
        (i === dep && !item.byRows && !this.what.pointwise(e, i))
      )
        continue;
      if (item.join({ e, into }, w)) {
        this.written(e, into, i);
        return true;
      }
    }
    const fresh = new Cluster(this.p.name(e.prim.name), this.places, this.items.length, this.p.products === "fused");
    if (!fresh.join({ e, into }, w)) return false;
    this.items.push(fresh);
    this.written(e, into, this.items.length - 1);
    return true;
  }
  /** Does `e` read what an open kernel reads? On a GPU they are then one kernel, whatever came between. */
  private shares(e: Eqn, at: number): boolean {
    if (this.p.products !== "fused") return false;
    const slots = this.what.slotsOf(e);
    return [...(this.reads.get(at) ?? [])].some(s => slots.has(s));
  }
  /** `rounding`: what alone reads the results, and is stored instead. */
  private joinColumns(e: Eqn, rounding: Eqn | undefined, w: number): void {
    const made = rounding ?? e,
      into = this.targets(made),
      after = Math.max(this.what.ready(e, new Set()) + 1, this.open),
      at = this.items.findIndex((item, i) => i >= after && item.kind === "columns" && item.join({ e, into }, w));
    if (rounding) this.settled.add(rounding);
    if (at < 0) {
      const fresh = new Columns(this.p.name(e.prim.name), this.places, this.items.length, this.p.products === "fused");
      fresh.join({ e, into }, w);
      this.items.push(fresh);
    }
    this.written(made, into, at < 0 ? this.items.length - 1 : at);
  }
  private fixed(closes: boolean, steps: Fixed["steps"]): number {
    this.items.push({ kind: "fixed", closes, steps });
    if (closes) this.open = this.items.length;
    this.sources.add(undefined, this.items.length - 1);
    return this.items.length - 1;
  }
  /** The equation that alone reads the result of `e`, if it fits: the maker of what it reads may write its result instead. */
  private onlyReader(e: Eqn, fits: (q: Eqn) => boolean): Eqn | undefined {
    const [v, ...rest] = e.outs,
      [reader, ...others] = v && rest.length === 0 && !this.wanted.has(v) ? (this.users.get(v) ?? []) : [];
    return reader && others.length === 0 && this.uses.get(v as Var)?.count === 1 && fits(reader) ? reader : undefined; // v exists: it has a reader
  }
  private targets(e: Eqn, given?: ReadonlyMap<number, SlotRef>): Target[] {
    return e.outs.map((v, i) => ({ ref: given?.get(i) ?? this.wanted.get(v) ?? this.p.slot(v.aval), aval: v.aval }));
  }
  private written(e: Eqn, into: readonly Target[], position: number): void {
    const inline = e.outs.every(v => this.places.get(v)?.kind === "inline"),
      slots = this.what.slotsOf(e),
      writer = inline && this.isFree(e, weight(e, this.places, this.weights)) ? Infinity : position; // nobody waits for it
    this.sources.add(e, position);
    this.reads.set(position, new Set([...(this.reads.get(position) ?? []), ...slots]));
    e.outs.forEach((v, k) => {
      const before = this.places.get(v);
      this.places.set(v, {
        kind: "buffer",
        ref: (into[k] as Target).ref,
        writer,
        ...(before?.kind === "inline" ? { inline: before } : {}),
      }); // one target an output
    });
  }
  private operandWeight(a: Atom): number {
    const q = a.kind === "var" ? this.places.get(a) : undefined;
    return q?.kind === "inline" ? weight(q.eqn, this.places, this.weights) : 1;
  }
}
const launch = (l: Omit<Extract<Step, { kind: "launch" }>, "kind">): Step => ({ kind: "launch", ...l });
