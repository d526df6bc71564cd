// What one scan stacks for another to read, chosen again: a stacked value that costs a few arithmetic operations is computed again by the reader, from what is
// stacked anyway or from fewer, smaller stacks (one array for a GELU and its derivative instead of five). It never repeats what is dear: elementary
// functions, folds, products.
import { bytesOf, type Aval } from "../ir/aval.ts";
import { freshVar, type Atom, type Eqn, type Func, type Var } from "../ir/func.ts";
import type { Expr } from "../ir/scalar.ts";
import { exprVar, scalarOps } from "../ir/scalar.ts";
import { computeDType } from "../../runtime/dtype.ts";
import { rebuildScan, scanOf, type Operand, type Result, type Scan } from "./loops.ts";
import { deep } from "./rewrite.ts";

/** Most equations that a reader repeats for one value. */
const REPEATED = 16;

/** Every writer once, nested programs first. */
export const shareResiduals: (f: Func) => Func = deep(f => {
  let g = f;
  for (let at = 0; at < g.eqns.length; at++) g = shareOf(g, at) ?? g;
  return g;
});

/** Where a value comes from, in terms of what a reader has or can be given: slices and constants of the writer's own operands, or values to stack (`roots`). */
interface Cone {
  readonly eqns: ReadonlySet<Eqn>;
  readonly roots: ReadonlySet<Var>;
}

function shareOf(f: Func, at: number): Func | undefined {
  const e = f.eqns[at],
    writer = e && scanOf(e);
  if (!writer) return undefined;
  const made = new Map<Var, Eqn>(writer.form.body.eqns.flatMap(q => q.outs.map(v => [v, q] as const)));
  const readers = f.eqns.flatMap(q => {
    const s = q === e ? undefined : scanOf(q);
    return s && s.form.length === writer.form.length ? [s] : [];
  });
  const only = onlySliced(f, readers),
    movable = writer.ys.filter(y => only.has(y.out) && y.result.kind === "var" && cheap(made.get(y.result)));
  const moved = choose(writer, movable, made);
  if (moved.size === 0) return undefined;
  const staying = writer.ys.filter(y => !moved.has(y)),
    cones = new Map([...moved].map(y => [y, coneOf(y.result, staying, writer, made)] as const));
  const stacked = new Map<Var, Var>(staying.flatMap(y => (y.result.kind === "var" ? [[y.result, y.out] as const] : [])));
  const fresh: Result[] = [];
  for (const c of cones.values())
    for (const root of c?.roots ?? [])
      if (!stacked.has(root)) {
        const out = freshVar({ dtype: root.aval.dtype, shape: [writer.form.length, ...root.aval.shape] });
        stacked.set(root, out);
        fresh.push({ result: root, out });
      }
  const next = rebuildScan({ ...writer, ys: [...staying, ...fresh] });
  if (!next) return undefined;
  const values = new Map<Var, Atom>([...moved].map(y => [y.out, y.result]));
  const replaced = new Map<Eqn, Eqn>([[e, next]]);
  for (const r of readers) {
    if (!r.xs.some(x => x.from.kind === "var" && values.has(x.from))) continue;
    const q = recompute(r, writer, values, stacked, cones);
    if (!q) return undefined;
    replaced.set(r.e, q);
  }
  return { ...f, eqns: f.eqns.map(q => replaced.get(q) ?? q) };
}

/** Variables whose every reader in `f` is a slice of one of `readers`. */
function onlySliced(f: Func, readers: readonly Scan[]): ReadonlySet<Var> {
  const sliced = new Set<Var>(),
    other = new Set<Var>(f.results.filter(a => a.kind === "var"));
  const scans = new Map(readers.map(r => [r.e, r]));
  for (const q of f.eqns) {
    const xs = scans.get(q)?.xs.length ?? 0;
    q.ins.forEach((a, i) => {
      if (a.kind === "var") (i >= q.ins.length - xs ? sliced : other).add(a);
    });
  }
  return new Set([...sliced].filter(v => !other.has(v)));
}

/** The outputs not to stack: all that can move, less those whose staying makes fewer bytes in all. */
function choose(writer: Scan, movable: readonly Result[], made: ReadonlyMap<Var, Eqn>): Set<Result> {
  const moved = new Set(movable);
  const bytes = (): number => {
    const staying = writer.ys.filter(y => !moved.has(y)),
      known = new Set(staying.map(y => y.result)),
      roots = new Set<Var>();
    for (const y of moved) for (const r of coneOf(y.result, staying, writer, made)?.roots ?? []) if (!known.has(r)) roots.add(r);
    return sum(staying.map(y => y.result.aval)) + sum([...roots].map(r => r.aval));
  };
  for (const y of movable)
    if (
      !coneOf(
        y.result,
        writer.ys.filter(x => !moved.has(x)),
        writer,
        made,
      )
    )
      moved.delete(y);
  for (let best = bytes(), again = true; again;) {
    again = false;
    for (const y of [...moved]) {
      moved.delete(y);
      const b = [...moved].every(x =>
        coneOf(
          x.result,
          writer.ys.filter(q => !moved.has(q)),
          writer,
          made,
        ),
      )
        ? bytes()
        : Infinity;
      if (b <= best) {
        again ||= b < best;
        best = b;
      } else moved.add(y);
    }
  }
  return moved;
}
const sum = (avals: readonly Aval[]): number => avals.reduce((n, a) => n + bytesOf(a), 0);

/** How `a` is computed from what `staying` stacks, operands of the writer, and roots; undefined when that is too much work. */
function coneOf(a: Atom, staying: readonly Result[], writer: Scan, made: ReadonlyMap<Var, Eqn>): Cone | undefined {
  const eqns = new Set<Eqn>(),
    roots = new Set<Var>(),
    known = new Set<Atom>(staying.map(y => y.result));
  const given = new Set<Var>([...writer.consts, ...writer.xs].map(o => o.param));
  const visit = (x: Atom): void => {
    if (x.kind === "lit" || given.has(x)) return;
    const q = made.get(x);
    if (known.has(x) || !q || !cheap(q)) {
      roots.add(x);
      return;
    }
    if (eqns.has(q)) return;
    q.ins.forEach(visit);
    eqns.add(q);
  };
  visit(a);
  return eqns.size <= REPEATED ? { eqns, roots } : undefined;
}

/** A reader that computes the moved values itself. */
function recompute(
  reader: Scan,
  writer: Scan,
  values: ReadonlyMap<Var, Atom>,
  stacked: ReadonlyMap<Var, Var>,
  cones: ReadonlyMap<Result, Cone | undefined>,
): Eqn | undefined {
  const mine = new Map<Var, Atom>(),
    consts: Operand[] = [...reader.consts],
    xs: Operand[] = [],
    eqns: Eqn[] = [],
    env = new Map<Var, Atom>();
  const give = (list: Operand[], from: Atom, like: Var): Var => {
    const param = freshVar(like.aval);
    list.push({ from, param });
    return param;
  };
  const added: Operand[] = [];
  const read = (a: Atom): Atom => {
    if (a.kind === "lit") return a;
    let x = mine.get(a);
    if (!x) {
      const c = writer.consts.find(o => o.param === a),
        s = writer.xs.find(o => o.param === a),
        stack = stacked.get(a);
      x = c ? give(consts, c.from, a) : give(added, s?.from ?? (stack as Var), a); // a root is stacked
      mine.set(a, x);
    }
    return x;
  };
  for (const x of reader.xs) {
    const value = x.from.kind === "var" ? values.get(x.from) : undefined;
    if (!value) {
      xs.push(x);
      continue;
    }
    const cone = [...cones].find(([y]) => y.result === value)?.[1];
    for (const q of cone?.eqns ?? []) {
      if (q.outs.every(v => mine.has(v))) continue;
      const copy: Eqn = { ...q, ins: q.ins.map(read), outs: q.outs.map(v => freshVar(v.aval)) };
      q.outs.forEach((v, i) => mine.set(v, copy.outs[i] as Var)); // as many
      eqns.push(copy);
    }
    env.set(x.param, read(value));
  }
  const change = (a: Atom): Atom => (a.kind === "lit" ? a : (env.get(a) ?? a));
  const body = reader.form.body.eqns.map(q => (q.ins.some(a => a.kind === "var" && env.has(a)) ? { ...q, ins: q.ins.map(change) } : q));
  return rebuildScan(
    {
      ...reader,
      consts,
      xs: [...xs, ...added],
      carries: reader.carries.map(c => ({ ...c, result: change(c.result) })),
      ys: reader.ys.map(y => ({ ...y, result: change(y.result) })),
    },
    [...eqns, ...body],
  );
}

/** Arithmetic and re-indexing: not worth a trip through memory. */
function cheap(e: Eqn | undefined): boolean {
  if (!e || e.outs.length !== 1) return false;
  const { lower } = e.prim;
  if (lower.kind === "view") return true;
  if (lower.kind === "index") return e.ins.length === 0;
  if (lower.kind !== "map") return false;
  const r = lower.scalar(
    scalarOps,
    e.ins.map((a, i) => exprVar(`x${i}`, computeDType(a.aval.dtype))),
    e.params,
    e.outs.map(v => v.aval),
  );
  return (Array.isArray(r) ? (r as readonly Expr[]) : [r as Expr]).every(arithmetic); // Array.isArray does not narrow readonly arrays
}
function arithmetic(x: Expr): boolean {
  switch (x.kind) {
    case "const":
    case "var":
    case "load":
      return true;
    case "unary":
      return ["neg", "abs", "sign", "floor", "ceil", "trunc", "round", "not", "isNan", "sqrt"].includes(x.op) && arithmetic(x.x);
    case "binary":
      return x.op !== "pow" && x.op !== "atan2" && x.op !== "nextAfter" && arithmetic(x.x) && arithmetic(x.y);
    case "compare":
      return arithmetic(x.x) && arithmetic(x.y);
    case "fma":
      return [x.x, x.y, x.z].every(arithmetic);
    case "select":
      return [x.cond, x.x, x.y].every(arithmetic);
    case "convert":
    case "bitcast":
      return arithmetic(x.x);
    default:
      return x satisfies never;
  }
}
