// Func -> Schedule. Each equation is given a place (computed where it is read, or memory), and what needs memory becomes kernels in program order.
// Loops and branches of control equations stay structure, their bodies lowered once.
import { InternalError, PullbackError, unreachable } from "../../runtime/errors/error.ts";
import { bytesOf, sameShape, sizeOf, type Aval, type Shape } from "../ir/aval.ts";
import type { Atom, Eqn, Func, Var } from "../ir/func.ts";
import type { ControlForm } from "../ir/primitive.ts";
import type { Home, Schedule, Slot, SlotRef, Step } from "../ir/schedule.ts";
import { planArena } from "./buffers.ts";
import { buildKernels } from "./builder.ts";
import { foldContraction, isProduct, productKernels } from "./contract.ts";
import { IndexOps, ravel, unravel } from "./indexing.ts";
import { exprVar } from "../ir/scalar.ts";
import { elementKernel } from "./loops.ts";
import { reduceKernels, type Target } from "./reduce.ts";
import { weight, type Place } from "./scope.ts";

/** `donate[i]`: parameter i's memory may become a result's. */
export interface LowerOptions { readonly donate: readonly boolean[] }

/** The program as ordered launches with a memory plan. */
export function lowerFunc(f: Func, { donate }: LowerOptions): Schedule {
  const p = new Program();
  const inputs = f.params.map((v, i) => p.slot(v.aval, { kind: "input", index: i }));
  const forwarded: { output: number; input: number }[] = [];
  const outputs = f.results.map((r, i) => {
    const input = r.kind === "var" ? f.params.indexOf(r) : -1;
    if (input >= 0) forwarded.push({ output: i, input });
    return p.slot(r.aval, { kind: "output", index: i });
  });
  const steps: Step[] = [];
  const targets = f.results.map((_, i) => (forwarded.some(w => w.output === i) ? undefined : outputs[i]));
  lowerRegion(p, f, inputs, targets, steps);
  const { slots, arenaBytes } = planArena(p.slots, steps);
  return { slots, steps, inputs: f.params.length, outputs: f.results.length, arenaBytes, forwarded, donated: donations(f, donate, forwarded, slots, steps) };
}

/** Slots and counters of one program. */
class Program {
  readonly slots: Slot[] = [];
  private counters = 0;
  private names = 0;
  slot(a: Aval, home: Home = { kind: "arena", offset: -1 }): SlotRef {
    const id = this.slots.length;
    this.slots.push({ id, dtype: a.dtype, elements: sizeOf(a.shape), home });
    return { slot: id, base: 0, terms: [] };
  }
  counter(): number { return this.counters++; }
  name(base: string): string { return `${base.replace(/[^A-Za-z0-9]/g, "_")}_${this.names++}`; }
}

const fused = 6; // most equations whose results one element-wise kernel stores
const heavy = 8; // evaluating this much twice is dearer than a round trip through memory
const deep = 400; // an expression larger than this is cut

/** Lower `f` with its parameters at `args`; result i goes to `targets[i]` (undefined: nobody needs it). */
function lowerRegion(p: Program, f: Func, args: readonly SlotRef[], targets: readonly (SlotRef | undefined)[], steps: Step[]): void {
  const places = new Map<Var, Place>(f.params.map((v, i) => [v, { kind: "buffer", ref: args[i] as SlotRef }])); // one argument a parameter
  const uses = countUses(f), weights = new Map<Eqn, number>(), wanted = new Map<Var, SlotRef>();
  f.results.forEach((r, i) => { const t = targets[i]; if (r.kind === "var" && t && !wanted.has(r) && !f.params.includes(r)) wanted.set(r, t); });
  // a result that only renames another value's indices is written by whatever computes that value
  for (const e of f.eqns.toReversed()) {
    const [out] = e.outs, [source] = e.ins, t = out && wanted.get(out);
    if (t && source?.kind === "var" && e.prim.lower.kind === "view" && !f.params.includes(source) && !wanted.has(source) && isReshape(e)) wanted.set(source, t);
  }
  const memory = (v: Var): Target => {
    const ref = wanted.get(v) ?? p.slot(v.aval);
    places.set(v, { kind: "buffer", ref });
    return { ref, aval: v.aval };
  };
  let group: { readonly domain: Shape; readonly members: { readonly e: Eqn; readonly into: readonly Target[] }[]; weight: number } | undefined;
  /** Emit the element-wise kernel that is being gathered: one loop that stores every member's results, each computed once. */
  const flush = (): void => {
    if (!group) return;
    const { domain, members, weight: w } = group, seen = new Map(places);
    group = undefined;
    for (const { e } of members) e.outs.forEach((v, k) => seen.set(v, { kind: "inline", eqn: e, out: k }));
    const first = members[0]?.e.prim.name ?? "map";
    const l = elementKernel(p.name(first), seen, domain, w, (s, index) => members.flatMap(({ e, into }) => s.compute(e, index).map((value, k) => ({ ref: (into[k] as Target).ref, aval: (into[k] as Target).aval, value: s.ops.convert(value, (into[k] as Target).aval.dtype) })))); // one target an output
    steps.push({ kind: "launch", ...l });
  };
  const launch = (l: { readonly kernel: Extract<Step, { kind: "launch" }>["kernel"]; readonly args: readonly SlotRef[] }): void => { flush(); steps.push({ kind: "launch", ...l }); };
  /** Compute all outputs of an element-wise equation into memory, in one kernel with its neighbours over the same domain. */
  const store = (e: Eqn): void => {
    const w = weight(e, places, weights), domain = e.outs[0]?.aval.shape ?? [];
    if (!group || group.members.length >= fused || !sameShape(group.domain, domain)) { flush(); group = { domain, members: [], weight: 0 }; }
    group.members.push({ e, into: e.outs.map(memory) });
    group.weight += w;
    weights.clear();
  };
  /** Put an operand in memory, contiguous. */
  const force = (a: Atom): SlotRef => {
    if (a.kind === "lit") {
      const ref = p.slot(a.aval);
      launch(elementKernel(p.name("literal"), places, [], 1, s => [{ ref, aval: a.aval, value: s.ops.convert(s.read(a, []), a.aval.dtype) }]));
      return ref;
    }
    const place = places.get(a);
    if (place?.kind === "buffer") return place.ref;
    if (!place) throw new InternalError(`variable v${a.id} has no place`);
    store(place.eqn);
    return (places.get(a) as Extract<Place, { kind: "buffer" }>).ref; // store has just given it memory
  };
  for (const e of f.eqns) {
    const { lower } = e.prim;
    switch (lower.kind) {
      case "view": {
        const out = e.outs[0], source = e.ins[0];
        const at = source?.kind === "var" ? places.get(source) : undefined;
        if (out && at?.kind === "buffer" && (!wanted.has(out) || wanted.get(out) === at.ref) && isReshape(e)) { places.set(out, at); break; }
        placeInline(e);
        break;
      }
      case "map": case "index": placeInline(e); break;
      case "reduce": {
        const before = new Map(places), into = e.outs.map(memory);
        const w = e.ins.reduce((sum, a) => { const q = a.kind === "var" ? before.get(a) : undefined; return sum + (q?.kind === "inline" ? weight(q.eqn, before, weights) : 1); }, 1);
        for (const l of reduceKernels(p.name(e.prim.name), e, before, into, w, a => p.slot(a))) launch(l);
        break;
      }
      case "contract": {
        const into = memory(e.outs[0] as Var); // a contraction has one output
        flush(); // copies of operands read memory
        if (isProduct(e)) for (const l of productKernels(p.name(e.prim.name), e, places, into, a => p.slot(a))) launch(l);
        else launch(foldContraction(p.name(e.prim.name), e, places, into));
        break;
      }
      case "kernel": {
        const ins = e.ins.map(force), into = e.outs.map(memory);
        for (const kernel of buildKernels(p.name(e.prim.name), (b, bi, bo) => lower.build(b, bi, bo, e.params), e.ins.map(a => a.aval), e.outs.map(v => v.aval))) launch({ kernel, args: [...ins, ...into.map(t => t.ref)] });
        break;
      }
      case "control": { const ins = e.ins.map(force), outs = e.outs.map(v => memory(v).ref); flush(); lowerControl(p, lower.form(e.params), e, ins, outs, steps); break; }
      case "collective": throw new PullbackError("E0305", `${e.prim.name} names the axis "${lower.axis(e.params)}", which no vmap binds`, { help: `wrap the function: vmap(f, { axisName: "${lower.axis(e.params)}" })` });
      case "composite": case "erase": throw new InternalError(`${e.prim.name} (${lower.kind}) should have been inlined`);
      default: unreachable(lower);
    }
  }
  f.results.forEach((r, i) => {
    const t = targets[i];
    if (!t) return;
    const from = force(r);
    flush();
    if (from.slot !== t.slot || from.base !== t.base) steps.push({ kind: "copy", from, to: t, bytes: bytesOf(r.aval) });
  });

  flush();

  /** Leave `e` to be computed where it is read, unless that would repeat much work. */
  function placeInline(e: Eqn): void {
    e.outs.forEach((v, k) => places.set(v, { kind: "inline", eqn: e, out: k }));
    const w = weight(e, places, weights), use = e.outs.reduce((n, v) => n + (uses.get(v)?.count ?? 0), 0);
    const stretched = e.outs.some(v => uses.get(v)?.stretched);
    if (e.outs.some(v => wanted.has(v)) || w > deep || (w > heavy && (use > 1 || stretched))) store(e);
  }
}

/** How often each variable is read, and whether a reader repeats its elements. */
function countUses(f: Func): Map<Var, { count: number; stretched: boolean }> {
  const uses = new Map<Var, { count: number; stretched: boolean }>();
  const use = (a: Atom, stretched: boolean): void => {
    if (a.kind === "lit") return;
    const u = uses.get(a) ?? { count: 0, stretched: false };
    uses.set(a, { count: u.count + 1, stretched: u.stretched || stretched });
  };
  for (const e of f.eqns) {
    const out = sizeOf(e.outs[0]?.aval.shape ?? []), { kind } = e.prim.lower;
    for (const a of e.ins) use(a, (kind === "view" || kind === "index") && out > sizeOf(a.aval.shape));
  }
  f.results.forEach(r => use(r, false));
  return uses;
}

/** Does a view only rename a contiguous operand's indices, element for element in the same order? */
function isReshape(e: Eqn): boolean {
  const { lower } = e.prim, out = e.outs[0], source = e.ins[0];
  if (lower.kind !== "view" || !out || !source || sizeOf(out.aval.shape) !== sizeOf(source.aval.shape)) return false;
  const ops = new IndexOps(), i = ops.declare(exprVar("i", "i32"), sizeOf(out.aval.shape));
  return ravel(ops, lower.source(ops, unravel(ops, i, out.aval.shape), e.params, source.aval), source.aval.shape) === i;
}

function lowerControl(p: Program, form: ControlForm, e: Eqn, ins: readonly SlotRef[], outs: readonly SlotRef[], steps: Step[]): void {
  switch (form.form) {
    case "call": lowerRegion(p, form.func, ins, outs, steps); break;
    case "cond": {
      const cases = form.branches.map(b => { const body: Step[] = []; lowerRegion(p, b, ins.slice(1), outs, body); return body; });
      steps.push({ kind: "branch", index: ins[0] as SlotRef, cases }); // cond has an index operand
      break;
    }
    case "scan": {
      const counter = p.counter(), slice = (ref: SlotRef, n: number): SlotRef => ({ ...ref, terms: [...ref.terms, { counter, stride: n }] });
      const carryAvals = form.body.params.slice(form.consts, form.consts + form.carry).map(v => v.aval), carry = outs.slice(0, form.carry);
      copyAll(ins.slice(form.consts, form.consts + form.carry), carry, carryAvals, steps);
      const xs = form.body.params.slice(form.consts + form.carry).map((v, i) => slice(ins[form.consts + form.carry + i] as SlotRef, sizeOf(v.aval.shape))); // operands match parameters
      const ys = form.body.results.slice(form.carry).map((r, i) => slice(outs[form.carry + i] as SlotRef, sizeOf(r.aval.shape))); // results match outputs
      const body: Step[] = [];
      stepCarry(p, form.body, [...ins.slice(0, form.consts), ...carry, ...xs], carry, carryAvals, ys, body);
      steps.push({ kind: "loop", counter, count: form.length, reverse: form.reverse, body });
      break;
    }
    case "while": {
      const avals = e.outs.map(v => v.aval), condConsts = ins.slice(0, form.condConsts), bodyConsts = ins.slice(form.condConsts, form.condConsts + form.bodyConsts);
      copyAll(ins.slice(form.condConsts + form.bodyConsts), outs, avals, steps);
      const pred = p.slot({ dtype: "bool", shape: [] }), test: Step[] = [], body: Step[] = [];
      lowerRegion(p, form.cond, [...condConsts, ...outs], [pred], test);
      stepCarry(p, form.body, [...bodyConsts, ...outs], outs, avals, [], body);
      steps.push({ kind: "while", test, pred, body });
      break;
    }
    default: unreachable(form);
  }
}
/** A loop body: new carries are computed beside the old ones, and take their place at the end. */
function stepCarry(p: Program, f: Func, args: readonly SlotRef[], carry: readonly SlotRef[], avals: readonly Aval[], rest: readonly SlotRef[], steps: Step[]): void {
  const changed = carry.map((_, i) => f.results[i] !== f.params[args.indexOf(carry[i] as SlotRef)]); // i is in range
  const next = avals.map((a, i) => (changed[i] ? p.slot(a) : undefined));
  lowerRegion(p, f, args, [...next, ...rest], steps);
  next.forEach((from, i) => { if (from) steps.push({ kind: "copy", from, to: carry[i] as SlotRef, bytes: bytesOf(avals[i] as Aval) }); }); // lengths agree
}
function copyAll(from: readonly SlotRef[], to: readonly SlotRef[], avals: readonly Aval[], steps: Step[]): void {
  from.forEach((f, i) => steps.push({ kind: "copy", from: f, to: to[i] as SlotRef, bytes: bytesOf(avals[i] as Aval) })); // lengths agree
}

/** Outputs that may take a donated input's memory: same bytes, written only after the input's last use. */
function donations(f: Func, donate: readonly boolean[], forwarded: readonly { readonly input: number }[], slots: readonly Slot[], steps: readonly Step[]): { readonly output: number; readonly input: number }[] {
  const first = new Map<number, number>(), last = new Map<number, number>();
  steps.forEach((s, at) => forEachRef([s], r => { if (!first.has(r.slot)) first.set(r.slot, at); last.set(r.slot, at); }));
  const given = f.params.map((v, i) => ({ i, v })).filter(({ i }) => donate[i] === true && !forwarded.some(w => w.input === i));
  const free = new Set(given.map(g => g.i)), pairs: { output: number; input: number }[] = [];
  slots.forEach(s => {
    if (s.home.kind !== "output") return;
    const output = s.home.index, a = f.results[output]?.aval;
    const start = first.get(s.id);
    if (!a || start === undefined) return;
    const match = given.find(g => free.has(g.i) && bytesOf(g.v.aval) === bytesOf(a) && (last.get(g.i) ?? -1) < start);
    if (match) { free.delete(match.i); pairs.push({ output, input: match.i }); }
  });
  return pairs;
}
/** Every slot reference of some steps, nested ones too. */
export function forEachRef(steps: readonly Step[], visit: (r: SlotRef) => void): void {
  for (const s of steps) {
    switch (s.kind) {
      case "launch": s.args.forEach(visit); break;
      case "copy": visit(s.from); visit(s.to); break;
      case "loop": forEachRef(s.body, visit); break;
      case "while": forEachRef(s.test, visit); visit(s.pred); forEachRef(s.body, visit); break;
      case "branch": visit(s.index); s.cases.forEach(c => forEachRef(c, visit)); break;
      default: unreachable(s);
    }
  }
}
