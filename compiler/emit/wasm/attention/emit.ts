// An attention kernel -> functions of the module: one that packs panels of keys and values, one that does blocks of rows, and for the backward pass over several blocks of keys one that
// sums. Products are the micro-kernel's, what happens between them is rows.ts's. Tasks are independent and fixed by sizes.
import { InternalError } from "../../../../runtime/errors/error.ts";
import type { WasmFeatures } from "../../../../runtime/artifact.ts";
import type { AttentionKernel, Place } from "../../../ir/kernel.ts";
import type { FuncBuilder, FuncRef, GlobalRef, Local } from "../encoder/function.ts";
import type { GemmProgram } from "../gemm.ts";
import { emitLoops, type KernelContext } from "../loops.ts";
import { Memory } from "./memory.ts";
import { operandOf, Packs } from "./packs.ts";
import { planAttention, type AttentionPlan } from "./plan.ts";
import { Products } from "./products.ts";
import { Rows, WHERE } from "./rows.ts";

/** Add an attention kernel to the module: its launches and the memory they want, as a product's. */
export function emitAttention(c: KernelContext, k: AttentionKernel, features: WasmFeatures, args: GlobalRef): GemmProgram {
  const plan = planAttention(k, features);
  switch (k.pass) {
    case "forward":
      return forward(c, k, plan, args);
    case "backward":
      return backward(c, k, plan, args);
    default:
      throw new InternalError(`${k.name}: no ${k.pass} pass on vectors`);
  }
}
const place = (k: AttentionKernel, x: number): Place => {
  const p = k.outs[x];
  if (!p) throw new InternalError(`${k.name} has no result ${x}`);
  return p;
};
const where = { dtype: "i32", elements: 8 } as const;

/** What both passes do around their tasks: a function (args, begin, end) over a grid. */
function tasks(c: KernelContext, args: GlobalRef, name: string, body: (f: FuncBuilder, task: Local) => void): FuncRef {
  const f = c.module.func(name, ["i32", "i32", "i32"]),
    task = f.param(1);
  f.get(f.param(0)).setGlobal(args);
  body(f, task);
  return f;
}
/** to = min(x, y). */
const least = (f: FuncBuilder, to: Local, x: () => void, y: () => void): void => {
  x();
  f.set(to);
  y();
  f.get(to);
  y();
  f.get(to).op("i32.lt_s").op("select").set(to);
};

function forward(c: KernelContext, k: AttentionKernel, plan: AttentionPlan, args: GlobalRef): GemmProgram {
  const { vec, width, rows, keys, padded } = plan,
    { dtype } = k,
    blocks = Math.ceil(k.t / rows);
  const q = operandOf(c, k, args, k.q, k.vars.i),
    packs = new Packs(c, k, plan, args);
  const keysAcross = packs.across(k.k, "keys"),
    values = packs.along(k.v, "values");
  const m = new Memory(k, {
    scores: { dtype, elements: rows * keys },
    sums: { dtype, elements: rows * padded },
    inverse: { dtype, elements: rows },
    where,
    across: { dtype, elements: k.n * keysAcross.elements, shared: true },
    along: { dtype, elements: k.n * values.elements, shared: true },
  });
  const rowsOf = new Rows(k, plan, m),
    softmax = emitLoops(c, rowsOf.softmax("scores", "inverse", place(k, 1))),
    put = emitLoops(c, rowsOf.put("put", "sums", rows, place(k, 0), "inverse"));
  const products = new Products(c.module, k, plan),
    score = products.scores(q.row * vec.size),
    weighted = products.overKeys();
  const pack = packs.emit([
    { ...keysAcross, offset: m.offset("across") },
    { ...values, offset: m.offset("along") },
  ]);
  const main = tasks(c, args, k.name, (f, task) => {
    const { block, at } = m.open(f, c.scratch, args);
    const [head, first, count, columns, seen] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
    const [query, panels, values_] = [f.local("i32"), f.local("i32"), f.local("i32")];
    f.for_({ index: task, from: task, to: f.param(2) }, () => {
      f.get(task).i32(blocks).op("i32.div_u").set(head).get(task).i32(blocks).op("i32.rem_u").times(rows).set(first);
      least(
        f,
        count,
        () => f.i32(k.t).get(first).op("i32.sub"),
        () => f.i32(rows),
      );
      if (k.causal)
        f.get(first)
          .get(count)
          .op("i32.add")
          .plus(k.s - k.t)
          .set(seen);
      else f.i32(k.s).set(seen);
      wholePanels(f, columns, seen, width);
      note(f, at.where, { head, first, columns, key: 0, count: k.s });
      q.base(f, head);
      f.get(first)
        .times(q.row * vec.size)
        .op("i32.add")
        .set(query);
      f.get(at.across)
        .get(head)
        .times(keysAcross.elements * vec.size)
        .op("i32.add")
        .set(panels);
      f.get(at.along)
        .get(head)
        .times(values.elements * vec.size)
        .op("i32.add")
        .set(values_);
      score(f, { query, panels, scores: at.scores, columns, count });
      f.get(block).i32(0).get(count).call(softmax);
      weighted(f, { weights: at.scores, panels: values_, tile: at.sums, keys: seen, count });
      f.get(block).i32(0).get(count).call(put);
    });
  });
  return { launches: [pack, { func: main, extent: k.n * blocks }], shared: m.sharedBytes, perThread: m.perThread };
}

function backward(c: KernelContext, k: AttentionKernel, plan: AttentionPlan, args: GlobalRef): GemmProgram {
  const { vec, width, rows, keys, padded, blocks } = plan,
    { dtype, saved } = k;
  if (!saved) throw new InternalError(`${k.name} has no saved rows`);
  const q = operandOf(c, k, args, k.q, k.vars.i),
    ct = operandOf(c, k, args, saved.ct, k.vars.i),
    packs = new Packs(c, k, plan, args);
  const keysAcross = packs.across(k.k, "keys"),
    valuesAcross = packs.across(k.v, "values"),
    keysAlong = packs.along(k.k, "keyRows");
  const m = new Memory(k, {
    scores: { dtype, elements: rows * keys },
    slopes: { dtype, elements: rows * keys },
    dq: { dtype, elements: rows * padded },
    dk: { dtype, elements: keys * padded },
    dv: { dtype, elements: keys * padded },
    where,
    keys: { dtype, elements: k.n * keysAcross.elements, shared: true },
    values: { dtype, elements: k.n * valuesAcross.elements, shared: true },
    along: { dtype, elements: k.n * keysAlong.elements, shared: true },
    shares: { dtype, elements: blocks > 1 ? blocks * k.n * k.t * k.d : 0, shared: true },
  });
  const rowsOf = new Rows(k, plan, m),
    weigh = emitLoops(c, rowsOf.weigh("scores", "slopes", saved)),
    putQuery = emitLoops(c, rowsOf.put("dq", "dq", rows, blocks === 1 ? place(k, 0) : rowsOf.inArea("shares", rowsOf.block))),
    putKey = emitLoops(c, rowsOf.put("dk", "dk", keys, place(k, 1))),
    putValue = emitLoops(c, rowsOf.put("dv", "dv", keys, place(k, 2)));
  const products = new Products(c.module, k, plan),
    score = products.scores(q.row * vec.size, "q"),
    slope = products.scores(ct.row * vec.size, "ct"),
    toQueries = products.overKeys(),
    toKeys = products.overQueries(q.row * vec.size, "q"),
    toValues = products.overQueries(ct.row * vec.size, "ct");
  const pack = packs.emit([
    { ...keysAcross, offset: m.offset("keys") },
    { ...valuesAcross, offset: m.offset("values") },
    { ...keysAlong, offset: m.offset("along") },
  ]);
  const main = tasks(c, args, k.name, (f, task) => {
    const { block, at } = m.open(f, c.scratch, args);
    const [head, first, count, columns, seen, key, keyCount] = Array.from({ length: 7 }, () => f.local("i32")) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ]; // seven
    const [query, cotangent, panels, valuePanels, keyRows, shares] = Array.from({ length: 6 }, () => f.local("i32")) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ]; // six
    f.for_({ index: task, from: task, to: f.param(2) }, () => {
      f.get(task).i32(blocks).op("i32.div_u").set(head).get(task).i32(blocks).op("i32.rem_u").times(keys).set(key);
      least(
        f,
        keyCount,
        () => f.i32(k.s).get(key).op("i32.sub"),
        () => f.i32(keys),
      );
      f.get(at.dk)
        .i32(0)
        .i32(keys * padded * vec.size)
        .memoryFill();
      f.get(at.dv)
        .i32(0)
        .i32(keys * padded * vec.size)
        .memoryFill();
      const panelOf = (area: Local, elements: number, to: Local): void => {
        f.get(area)
          .get(head)
          .times(elements * vec.size)
          .op("i32.add")
          .get(key)
          .times(k.d * vec.size)
          .op("i32.add")
          .set(to); // a panel of `width` keys is width * d elements
      };
      panelOf(at.keys, keysAcross.elements, panels);
      panelOf(at.values, valuesAcross.elements, valuePanels);
      f.get(at.along)
        .get(head)
        .times(keysAlong.elements * vec.size)
        .op("i32.add")
        .set(keyRows);
      // the first block of queries that sees this block of keys; those before it have no share
      if (k.causal) {
        f.get(key)
          .plus(k.t - k.s)
          .set(first);
        f.i32(0).get(first).get(first).i32(0).op("i32.lt_s").op("select").i32(-rows).op("i32.and").set(first);
        if (blocks > 1) {
          f.get(at.shares)
            .get(key)
            .i32(keys)
            .op("i32.div_u")
            .times(k.n)
            .get(head)
            .op("i32.add")
            .times(k.t * k.d * vec.size)
            .op("i32.add")
            .set(shares);
          f.get(shares)
            .i32(0)
            .get(first)
            .times(k.d * vec.size)
            .memoryFill();
        }
      } else f.i32(0).set(first);
      f.for_({ index: first, from: first, to: k.t, step: rows }, () => {
        least(
          f,
          count,
          () => f.i32(k.t).get(first).op("i32.sub"),
          () => f.i32(rows),
        );
        if (k.causal)
          least(
            f,
            seen,
            () =>
              f
                .get(first)
                .get(count)
                .op("i32.add")
                .plus(k.s - k.t)
                .get(key)
                .op("i32.sub"),
            () => f.get(keyCount),
          );
        else f.get(keyCount).set(seen);
        wholePanels(f, columns, seen, width);
        note(f, at.where, { head, first, columns, key, count: keyCount });
        q.base(f, head);
        f.get(first)
          .times(q.row * vec.size)
          .op("i32.add")
          .set(query);
        ct.base(f, head);
        f.get(first)
          .times(ct.row * vec.size)
          .op("i32.add")
          .set(cotangent);
        score(f, { query, panels, scores: at.scores, columns, count });
        slope(f, { query: cotangent, panels: valuePanels, scores: at.slopes, columns, count });
        f.get(block).i32(0).get(count).call(weigh);
        toValues(f, { weights: at.scores, rows: cotangent, tile: at.dv, columns, count });
        toKeys(f, { weights: at.slopes, rows: query, tile: at.dk, columns, count });
        toQueries(f, { weights: at.slopes, panels: keyRows, tile: at.dq, keys: seen, count, from: key });
        f.get(block).i32(0).get(count).call(putQuery);
      });
      note(f, at.where, { head, first: key, columns, key, count: keyCount }); // rows are keys now
      f.get(block).i32(0).get(keyCount).call(putKey);
      f.get(block).i32(0).get(keyCount).call(putValue);
    });
  });
  const launches = [pack, { func: main, extent: k.n * blocks }];
  if (blocks > 1) {
    const total = emitLoops(c, rowsOf.total("shares", place(k, 0)));
    launches.push({
      func: tasks(c, args, `${k.name}.total.args`, (f, task) => {
        const { block } = m.open(f, c.scratch, args);
        f.get(block).get(task).get(f.param(2)).call(total);
      }),
      extent: k.n * k.t,
    });
  }
  return { launches, shared: m.sharedBytes, perThread: m.perThread };
}

/** columns = seen, up to whole panels. */
const wholePanels = (f: FuncBuilder, columns: Local, seen: Local, width: number): void => {
  f.get(seen)
    .plus(width - 1)
    .i32(-width)
    .op("i32.and")
    .set(columns);
};
/** Tell the row functions what rows are at hand. */
function note(f: FuncBuilder, to: Local, values: Readonly<Record<keyof typeof WHERE, Local | number>>): void {
  for (const [name, at] of Object.entries(WHERE))
    f.get(to)
      .push(values[name as keyof typeof WHERE])
      .mem("i32.store", 4 * at); // names are the record's keys
}
