// The loop nest of products of few rows: no panels; each task dots every row with one group of columns after another.
import type { FuncRef } from "../encoder/function.ts";
import type { ModuleBuilder } from "../encoder/module.ts";
import { emitDot } from "./dot.ts";
import { emitFinish } from "./finish.ts";
import { inPlace, outStrides, type GemmScratch } from "./layout.ts";
import { emitPanel } from "./pack.ts";
import type { GemmPlan } from "./plan.ts";
import { VEC } from "./vec.ts";

/** The function over `plan.gemmGrid` of a plan whose method is "dot". */
export function emitDotGrid(module: ModuleBuilder, name: string, plan: GemmPlan, scratch: GemmScratch): FuncRef {
  const { spec, packA } = plan;
  const { m, n, k, a, b, out } = spec;
  const vec = VEC[spec.dtype];
  const { size, lanes } = vec;
  const [aAt, bAt] = [inPlace(a), inPlace(b)];
  const outAt = out.kind === "plain" ? outStrides(out, n, size) : { row: 16, col: size };
  const full = Math.floor(n / lanes);
  const packer = packA ? emitPanel(module, `${name}.a1`, { vec, source: a, outer: "row", width: 1, valid: 1 }) : undefined;
  const groups = [...(full > 0 ? [lanes] : []), ...(n % lanes > 0 ? [n % lanes] : [])].map(columns => ({
    columns,
    kernel: emitDot(module, `${name}.dot${columns}`, {
      vec,
      fma: plan.fma,
      rows: m,
      columns,
      k,
      aRow: (packA ? k : (aAt?.row ?? 0)) * size,
      bCol: (bAt?.col ?? 0) * size,
      outRow: outAt.row,
      outCol: outAt.col,
      ku: plan.ku,
    }),
    finish:
      out.kind === "computed"
        ? emitFinish(module, `${name}.finish${columns}`, { vec, out, nv: 1, columns, scalarOnly: plan.transposed })
        : undefined,
  }));

  const f = module.func(name, ["i32", "i32"]);
  const t = f.param(0);
  const [batch, g, end, pa, bBase, to, row] = [
    f.local("i32"),
    f.local("i32"),
    f.local("i32"),
    f.local("i32"),
    f.local("i32"),
    f.local("i32"),
    f.local("i32"),
  ];
  const multiply = ({ kernel, finish }: (typeof groups)[number]): void => {
    f.get(pa)
      .get(bBase)
      .get(g)
      .times(lanes * (bAt?.col ?? 0) * size)
      .op("i32.add");
    f.get(to);
    if (out.kind === "plain")
      f.get(g)
        .times(lanes * outAt.col)
        .op("i32.add");
    f.call(kernel);
    if (finish) f.get(batch).i32(0).i32(m).get(g).times(lanes).get(to).call(finish);
  };
  f.for_({ index: t, from: t, to: f.param(1) }, () => {
    f.get(t).i32(plan.colBlocks).op("i32.div_u").set(batch);
    if (packer) {
      scratch.perThread(f);
      f.set(pa);
      f.for_({ index: row, from: 0, to: m }, () => {
        f.get(batch)
          .get(row)
          .i32(0)
          .i32(k)
          .get(pa)
          .get(row)
          .times(k * size)
          .op("i32.add")
          .call(packer);
      });
    } else if (aAt) {
      aAt.base(f, batch);
      f.set(pa);
    }
    if (bAt) bAt.base(f, batch);
    f.set(bBase);
    if (out.kind === "plain") out.base(f, batch);
    else {
      scratch.perThread(f);
      f.plus(plan.packedA);
    }
    f.set(to);
    f.get(t).i32(plan.colBlocks).op("i32.rem_u").times(plan.panelsPerBlock).set(g);
    f.get(g).plus(plan.panelsPerBlock).set(end);
    f.for_({ index: g, from: g, to: end }, () => {
      for (const group of groups)
        f.get(g)
          .i32(full)
          .op(group.columns === lanes ? "i32.lt_u" : "i32.eq")
          .if_(() => multiply(group));
    });
  });
  return f;
}
