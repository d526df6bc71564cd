// Emits one planned product into a module: a function that packs B and a function that multiplies, both over a parallel grid.
// Why: this is the loop nest around the micro-kernel, the same for every dtype, layout, prologue and epilogue.
// It refuses to plan, to allocate, and to synchronise: all of `pack` must have run before any of `main`.
import { unreachable } from "../../../../runtime/errors/error.ts";
import type { FuncBuilder, FuncRef, Local } from "../encoder/function.ts";
import type { ModuleBuilder } from "../encoder/module.ts";
import { emitDotGrid } from "./emit_dot.ts";
import { emitFinish } from "./finish.ts";
import { emitKernel } from "./kernel.ts";
import { inPlace, outStrides, type GemmScratch } from "./layout.ts";
import { emitPanel } from "./pack.ts";
import { PACK_ROWS } from "./plan.ts";
import type { GemmPlan } from "./plan.ts";
import { VEC } from "./vec.ts";

/** Functions of type (begin: i32, end: i32) -> (): tasks begin .. end - 1 of a grid. Any split of the grid gives the same bits. */
export interface GemmFuncs {
  /** Over `plan.packGrid`; absent when nothing is packed beforehand. */
  readonly pack?: FuncRef;
  /** Over `plan.gemmGrid`. */
  readonly main: FuncRef;
}

/** Adds the product's functions to `module`, their names starting with `name`. */
export function emitGemm(module: ModuleBuilder, name: string, plan: GemmPlan, scratch: GemmScratch): GemmFuncs {
  switch (plan.method) {
    case "empty":
      return { main: module.func(name, ["i32", "i32"]) };
    case "dot":
      return { main: emitDotGrid(module, name, plan, scratch) };
    case "tiles": {
      const main = emitTileGrid(module, name, plan, scratch);
      return plan.packB ? { pack: emitPackGrid(module, name, plan, scratch), main } : { main };
    }
    default:
      return unreachable(plan.method);
  }
}

/** Column panels by width: the full ones, then perhaps one narrower. */
function panelKinds({ spec, nv, nvTail }: GemmPlan): { nv: number; columns: number; full: boolean }[] {
  const { lanes } = VEC[spec.dtype];
  const tail = spec.n % (nv * lanes);
  return [
    ...(spec.n >= nv * lanes ? [{ nv, columns: nv * lanes, full: true }] : []),
    ...(tail > 0 ? [{ nv: nvTail, columns: tail, full: false }] : []),
  ];
}

/** Row strips by height: the full ones, then perhaps one of the remaining rows. */
function stripKinds({ spec, mr }: GemmPlan): { mr: number; full: boolean }[] {
  const tail = spec.m % mr;
  return [...(spec.m >= mr ? [{ mr, full: true }] : []), ...(tail > 0 ? [{ mr: tail, full: false }] : [])];
}

/** to = min(x, n - from), for i32 locals and constants. */
function clamp(f: FuncBuilder, to: Local, x: number, n: number, from: Local): void {
  f.i32(x).i32(n).get(from).op("i32.sub").tee(to).i32(x).get(to).op("i32.lt_s").op("select").set(to);
}

function emitPackGrid(module: ModuleBuilder, name: string, plan: GemmPlan, scratch: GemmScratch): FuncRef {
  const { spec, nv, nvTail } = plan;
  const vec = VEC[spec.dtype];
  const width = nv * vec.lanes;
  const full = Math.floor(spec.n / width);
  const panels = full + (nvTail > 0 ? 1 : 0);
  const parts = Math.ceil(spec.k / PACK_ROWS);
  const packers = panelKinds(plan).map(kind => ({
    ...kind,
    packer: emitPanel(module, `${name}.b${kind.columns}`, {
      vec,
      source: spec.b,
      outer: "col",
      width: kind.nv * vec.lanes,
      valid: kind.columns,
    }),
  }));
  const f = module.func(`${name}.pack`, ["i32", "i32"]);
  const t = f.param(0);
  const [batch, panel, k0, kc] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  f.for_({ index: t, from: t, to: f.param(1) }, () => {
    f.get(t)
      .i32(panels * parts)
      .op("i32.div_u")
      .set(batch);
    f.get(t).i32(parts).op("i32.div_u").i32(panels).op("i32.rem_u").set(panel);
    f.get(t).i32(parts).op("i32.rem_u").times(PACK_ROWS).set(k0);
    clamp(f, kc, PACK_ROWS, spec.k, k0);
    for (const { packer, full: isFull, nv: vectors } of packers) {
      f.get(panel)
        .i32(full)
        .op(isFull ? "i32.lt_u" : "i32.eq")
        .if_(() => {
          f.get(batch).get(panel).times(width).get(k0).get(kc);
          scratch.shared(f);
          f.get(batch)
            .times(plan.packedB)
            .op("i32.add")
            .get(panel)
            .times(width * vec.size * spec.k)
            .op("i32.add");
          f.get(k0)
            .times(vectors * 16)
            .op("i32.add")
            .call(packer);
        });
    }
  });
  return f;
}

function emitTileGrid(module: ModuleBuilder, name: string, plan: GemmPlan, scratch: GemmScratch): FuncRef {
  const { spec, mr, nv, ku, packA, packB, chunk, chunks, mc } = plan;
  const { m, n, k, a, b, out } = spec;
  const vec = VEC[spec.dtype];
  const { size } = vec;
  const width = nv * vec.lanes;
  const fullPanels = Math.floor(n / width);
  const [aAt, bAt] = [inPlace(a), inPlace(b)];
  const outAt = out.kind === "plain" ? outStrides(out, n, size) : undefined;
  const tiled = outAt === undefined || chunks > 1;
  const aStrip = packA ? mr * chunk * size : mr * (aAt?.row ?? 0) * size;
  const strips = stripKinds(plan).map(strip => ({
    ...strip,
    packer: packA
      ? emitPanel(module, `${name}.a${strip.mr}`, { vec, source: a, outer: "row", width: strip.mr, valid: strip.mr })
      : undefined,
  }));
  const panels = panelKinds(plan).map(panel => ({
    ...panel,
    finish:
      out.kind === "computed"
        ? emitFinish(module, `${name}.finish${panel.columns}`, {
            vec,
            out,
            nv: panel.nv,
            columns: panel.columns,
            scalarOnly: plan.transposed,
          })
        : undefined,
    kernels: strips.map(strip => ({
      strip,
      kernel: emitKernel(module, `${name}.${strip.mr}x${panel.columns}`, {
        vec,
        fma: plan.fma,
        mr: strip.mr,
        nv: panel.nv,
        ku,
        columns: panel.columns,
        bPacked: packB,
        out: outAt,
        aStrip,
        aRow: packA ? size : (aAt?.row ?? 0) * size,
        aK: packA ? strip.mr * size : (aAt?.col ?? 0) * size,
        bK: packB ? panel.nv * 16 : (bAt?.row ?? 0) * size,
        k: chunks === 1 ? k : undefined,
      }),
    })),
  }));

  const f = module.func(name, ["i32", "i32"]);
  const t = f.param(0);
  const [batch, row0, rows, p0, p1] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const [count, k0, kc, first, last] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const [aBase, bBase, cBase, tileBase, p, s] = [
    f.local("i32"),
    f.local("i32"),
    f.local("i32"),
    f.local("i32"),
    f.local("i32"),
    f.local("i32"),
  ];
  const [pa, pb, pc, tile] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const rowEnd = f.local("i32");

  const decodeTask = (): void => {
    f.get(t)
      .i32(plan.rowBlocks * plan.colBlocks)
      .op("i32.div_u")
      .set(batch);
    f.get(t).i32(plan.colBlocks).op("i32.div_u").i32(plan.rowBlocks).op("i32.rem_u").times(mc).set(row0);
    f.get(t).i32(plan.colBlocks).op("i32.rem_u").times(plan.panelsPerBlock).set(p0);
    clamp(f, rows, mc, m, row0);
    f.get(row0).get(rows).op("i32.add").set(rowEnd);
    f.get(rows).i32(mr).op("i32.div_u").set(count);
    clamp(f, p1, plan.panelsPerBlock, fullPanels, p0);
    f.get(p1).get(p0).op("i32.add").set(p1); // may lie before p0: then only the narrower panel is left
    if (packA) scratch.perThread(f);
    else if (aAt) {
      aAt.base(f, batch);
      f.get(row0)
        .times(aAt.row * size)
        .op("i32.add");
    } else f.i32(0); // not strided and k = 0: nothing is read
    f.set(aBase);
    if (packB) {
      scratch.shared(f);
      if (b.batched) f.get(batch).times(plan.packedB).op("i32.add");
    } else if (bAt) bAt.base(f, batch);
    else f.i32(0);
    f.set(bBase);
    if (out.kind === "plain" && outAt) {
      out.base(f, batch);
      f.get(row0).times(outAt.row).op("i32.add").set(cBase);
    }
    if (tiled) {
      scratch.perThread(f);
      f.plus(plan.packedA).set(tileBase);
    }
  };

  /** Runs `body` if this block has the strips; the full ones are `count` many, the tail is one. */
  const whenStrips = (full: boolean, body: () => void): void => {
    if (full) f.get(count);
    else f.get(count).times(mr).get(rows).op("i32.ne");
    f.if_(body);
  };
  const packRows = (): void => {
    for (const { packer, full } of strips) {
      if (!packer) continue;
      const pack = (): void => {
        f.get(batch).get(row0).get(s).times(mr).op("i32.add").get(k0).get(kc);
        f.get(aBase).get(s).times(aStrip).op("i32.add").call(packer);
      };
      if (full) f.for_({ index: s, from: 0, to: count }, pack);
      else
        whenStrips(false, () => {
          f.get(count).set(s);
          pack();
        });
    }
  };
  /** The panel numbered by local p. */
  const multiplyPanel = ({ kernels, finish, nv: vectors }: (typeof panels)[number]): void => {
    f.get(bBase);
    if (packB)
      f.get(p)
        .times(width * size * k)
        .op("i32.add")
        .get(k0)
        .times(vectors * 16)
        .op("i32.add");
    else
      f.get(p)
        .times(width * size)
        .op("i32.add")
        .get(k0)
        .times((bAt?.row ?? 0) * size)
        .op("i32.add");
    f.set(pb);
    if (outAt)
      f.get(cBase)
        .get(p)
        .times(width * outAt.col)
        .op("i32.add")
        .set(pc);
    if (tiled) {
      f.get(tileBase);
      if (chunks > 1)
        f.get(p)
          .get(p0)
          .op("i32.sub")
          .times(mc * nv * 16)
          .op("i32.add");
      f.set(tile);
    }
    for (const { strip, kernel } of kernels)
      whenStrips(strip.full, () => {
        const skip = (local: Local, bytes: number): void => {
          f.get(local);
          if (!strip.full && bytes > 0) f.get(count).times(bytes).op("i32.add");
        };
        skip(pa, aStrip);
        f.get(pb).get(kc).get(first).get(last);
        skip(tile, tiled ? mr * vectors * 16 : 0);
        skip(pc, outAt ? mr * outAt.row : 0);
        f.push(strip.full ? count : 1).call(kernel);
      });
    if (finish) {
      const run = (): void => {
        f.get(batch).get(row0).get(rowEnd).get(p).times(width).get(tile).call(finish);
      };
      if (chunks === 1) run();
      else f.get(last).if_(run);
    }
  };
  const multiplyChunk = (): void => {
    if (packA) packRows();
    f.get(aBase);
    if (!packA && chunks > 1)
      f.get(k0)
        .times((aAt?.col ?? 0) * size)
        .op("i32.add");
    f.set(pa);
    for (const panel of panels) {
      if (panel.full) f.for_({ index: p, from: p0, to: p1 }, () => multiplyPanel(panel));
      else
        f.get(p0)
          .plus(plan.panelsPerBlock)
          .i32(fullPanels)
          .op("i32.gt_s")
          .if_(() => {
            f.i32(fullPanels).set(p);
            multiplyPanel(panel);
          });
    }
  };

  f.for_({ index: t, from: t, to: f.param(1) }, () => {
    decodeTask();
    if (chunks === 1) {
      f.i32(k).set(kc);
      multiplyChunk();
      return;
    }
    f.for_({ index: k0, from: 0, to: k, step: chunk }, () => {
      clamp(f, kc, chunk, k, k0);
      f.get(k0).op("i32.eqz").set(first);
      f.get(k0).get(kc).op("i32.add").i32(k).op("i32.eq").set(last);
      multiplyChunk();
    });
  });
  return f;
}
