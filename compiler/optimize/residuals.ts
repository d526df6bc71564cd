// What one scan stacks for another to read, chosen again: a stacked value that costs little is computed again by the reader, from what is stacked anyway or from fewer, smaller stacks (one
// array for a GELU and its derivative instead of five). What is little depends on the machine (`recompute.ts`): a CPU repeats arithmetic, a card elementary functions too, nobody folds and products.
import { bytesOf, type Aval } from "../ir/aval.ts";
import { freshVar, type Atom, type Eqn, type Func, type Var } from "../ir/func.ts";
import { priceOf } from "../ir/price.ts";
import { rebuildScan, scanOf, type Operand, type Result, type Scan } from "./loops.ts";
import { insteadOf } from "./recompute.ts";
import { deep } from "./rewrite.ts";

/** Most equations that a reader repeats for one value. */
const REPEATED = 16;

/** Every writer once, nested programs first. `perByte`: see `recompute.ts`. */
export const shareResiduals = (f: Func, perByte?: number): Func =>
  deep(g => {
    for (let at = 0; at < g.eqns.length; at++) g = shareOf(g, at, perByte) ?? g;
    return g;
  })(f);

/** Where a value comes from, in terms of what a reader has or can be given: slices and constants of the writer's own operands, or values to stack (`roots`). */
interface Cone {
  readonly eqns: ReadonlySet<Eqn>;
  readonly roots: ReadonlySet<Var>;
}

function shareOf(f: Func, at: number, perByte: number | undefined): Func | undefined {
  const e = f.eqns[at],
    writer = e && scanOf(e);
  if (!writer) return undefined;
  const cheap = new Map<Var, Eqn>(writer.form.body.eqns.filter(q => isCheap(q, perByte)).flatMap(q => q.outs.map(v => [v, q] as const)));
  const cone = (a: Atom, staying: readonly Result[]): Cone | undefined => coneOf(a, staying, writer, cheap, perByte);
  const readers = f.eqns.flatMap(q => {
    const s = q === e ? undefined : scanOf(q);
    return s && s.form.length === writer.form.length ? [s] : [];
  });
  const only = onlySliced(f, readers),
    held = perByte === undefined ? new Set<Atom>() : multipliedTwice(writer, readers, cheap),
    movable = writer.ys.filter(y => only.has(y.out) && y.result.kind === "var" && cheap.has(y.result) && !held.has(y.out));
  const moved = choose(writer, movable, cone);
  if (moved.size === 0) return undefined;
  const staying = writer.ys.filter(y => !moved.has(y)),
    cones = new Map([...moved].map(y => [y, cone(y.result, staying)] as const));
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

/** Computed values that products multiply in the writer and again in a reader: both would store them, so that a stack of them moves the fewest bytes. */
function multipliedTwice(writer: Scan, readers: readonly Scan[], cheap: ReadonlyMap<Var, Eqn>): ReadonlySet<Atom> {
  const factors = (s: Scan): ReadonlySet<Atom> => new Set(s.form.body.eqns.flatMap(q => (q.prim.lower.kind === "contract" ? q.ins : [])));
  const computed = (a: Atom): boolean => a.kind === "var" && cheap.get(a)?.prim.lower.kind === "map",
    here = factors(writer);
  const again = readers.flatMap(r => {
    const there = factors(r);
    return r.xs.filter(x => there.has(x.param)).map(x => x.from);
  });
  return new Set(writer.ys.filter(y => computed(y.result) && here.has(y.result) && again.includes(y.out)).map(y => y.out));
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
function choose(writer: Scan, movable: readonly Result[], cone: (a: Atom, staying: readonly Result[]) => Cone | undefined): Set<Result> {
  const moved = new Set(movable);
  const bytes = (): number => {
    const staying = writer.ys.filter(y => !moved.has(y)),
      known = new Set(staying.map(y => y.result)),
      roots = new Set<Var>();
    for (const y of moved) for (const r of cone(y.result, staying)?.roots ?? []) if (!known.has(r)) roots.add(r);
    return sum(staying.map(y => y.result.aval)) + sum([...roots].map(r => r.aval));
  };
  for (const y of movable)
    if (
      !cone(
        y.result,
        writer.ys.filter(x => !moved.has(x)),
      )
    )
      moved.delete(y);
  for (let best = bytes(), again = true; again;) {
    again = false;
    for (const y of [...moved]) {
      moved.delete(y);
      const b = [...moved].every(x =>
        cone(
          x.result,
          writer.ys.filter(q => !moved.has(q)),
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
function coneOf(
  a: Atom,
  staying: readonly Result[],
  writer: Scan,
  cheap: ReadonlyMap<Var, Eqn>,
  perByte: number | undefined,
): Cone | undefined {
  const eqns = new Set<Eqn>(),
    roots = new Set<Var>(),
    known = new Set<Atom>(staying.map(y => y.result));
  const given = new Set<Var>([...writer.consts, ...writer.xs].map(o => o.param));
  const visit = (x: Atom): void => {
    if (x.kind === "lit" || given.has(x)) return;
    const q = cheap.get(x);
    if (known.has(x) || !q) {
      roots.add(x);
      return;
    }
    if (eqns.has(q)) return;
    q.ins.forEach(visit);
    eqns.add(q);
  };
  visit(a);
  const work = [...eqns].reduce((n, q) => n + priceOf(q), 0);
  return eqns.size <= REPEATED && work <= insteadOf(a.aval, perByte).all ? { eqns, roots } : undefined;
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

/** Is computing it again not worth a trip through memory? Folds and products never are. */
function isCheap(e: Eqn | undefined, perByte: number | undefined): boolean {
  const [out] = e?.outs ?? [];
  if (!e || !out || e.outs.length !== 1) return false;
  const { kind } = e.prim.lower;
  return kind === "view" || (kind === "index" && e.ins.length === 0) || (kind === "map" && priceOf(e) <= insteadOf(out.aval, perByte).each);
}
