// The three products of attention by the micro-kernel, over blocks in scratch memory. Full strips of rows and the rows that are left over are kernels of their own.
import type { AttentionKernel } from "../../../ir/kernel.ts";
import type { FuncBuilder, Local } from "../encoder/function.ts";
import type { ModuleBuilder } from "../encoder/module.ts";
import { emitKernel, type KernelShape } from "../gemm/kernel.ts";
import { MR, SWEEP, type AttentionPlan } from "./plan.ts";

/** Emits the code of one product where it is needed. */
type Product<Name extends string> = (f: FuncBuilder, at: Readonly<Record<Name, Local>>) => void;
/** A micro-kernel for full strips, and one for the rest of a block of rows. */
interface Strips {
  readonly full: FuncBuilder | undefined;
  readonly rest: FuncBuilder | undefined;
  readonly aStrip: number;
  readonly tileStrip: number;
  readonly outStrip: number;
}

/** Makes the products of one kernel. */
export class Products {
  private readonly module: ModuleBuilder;
  private readonly k: AttentionKernel;
  private readonly plan: AttentionPlan;
  constructor(module: ModuleBuilder, k: AttentionKernel, plan: AttentionPlan) {
    this.module = module;
    this.k = k;
    this.plan = plan;
  }

  /** scores[row, key] = rows of `query` times panels of keys, for `columns` keys (whole panels). `row`: bytes from one query to the next. */
  scores(row: number, what = "q"): Product<"query" | "panels" | "scores" | "columns" | "count"> {
    const { k, plan } = this,
      { vec, width, nv } = plan,
      strips = this.strips(`${what}.scores`, "queries", {
        nv,
        k: k.d,
        aRow: row,
        aK: vec.size,
        bK: width * vec.size,
        bPacked: true,
        columns: width,
        out: { row: plan.keys * vec.size, col: vec.size },
      });
    return (f, { query, panels, scores, columns, count }) => {
      const [j, panel, out] = [f.local("i32"), f.local("i32"), f.local("i32")];
      f.get(panels).set(panel).get(scores).set(out);
      f.for_({ index: j, from: 0, to: columns, step: width }, () => {
        this.run(f, strips, count, { a: query, b: panel, out });
        f.advance(panel, width * k.d * vec.size).advance(out, width * vec.size);
      });
    };
  }
  /** tile[row, e] = weights of a row times packed rows of keys or values, over the first `keys` columns; the panels start at key `from`. */
  overKeys(): (
    f: FuncBuilder,
    at: Readonly<Record<"weights" | "panels" | "tile" | "keys" | "count", Local>> & { readonly from?: Local },
  ) => void {
    const { k, plan } = this,
      { vec, rows } = plan;
    const kinds = plan.slices.map(slice => ({
      slice,
      strips: this.strips(`keys${slice.nv}`, "queries", {
        nv: slice.nv,
        k: undefined,
        aRow: plan.keys * vec.size,
        aK: vec.size,
        bK: slice.width * vec.size,
        bPacked: true,
        columns: slice.width,
        out: undefined,
      }),
    }));
    return (f, { weights, panels, tile, keys, count, from }) => {
      const [j, kc, first, a, b, to] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
      f.for_({ index: j, from: 0, to: keys, step: SWEEP }, () => {
        f.get(keys).get(j).op("i32.sub").tee(kc).i32(SWEEP).get(kc).i32(SWEEP).op("i32.lt_s").op("select").set(kc);
        f.get(j).op("i32.eqz").set(first);
        f.get(weights).get(j).times(vec.size).op("i32.add").set(a);
        for (const { slice, strips } of kinds) {
          f.get(panels)
            .plus(slice.at * k.s * vec.size)
            .get(j);
          if (from) f.get(from).op("i32.add");
          f.times(slice.width * vec.size)
            .op("i32.add")
            .set(b);
          f.get(tile)
            .plus(slice.at * rows * vec.size)
            .set(to);
          this.run(f, strips, count, { a, b, tile: to, kc, first });
        }
      });
    };
  }
  /** tile[key, e] += sum over the block's rows of weights[row, key] times rows of memory, for `columns` keys. `row`: bytes from one row to the next. */
  overQueries(row: number, what: string): Product<"weights" | "rows" | "tile" | "columns" | "count"> {
    const { plan } = this,
      { vec } = plan;
    const kinds = plan.slices.map(slice => ({
      slice,
      strips: this.strips(`${what}.queries${slice.columns}`, "keys", {
        nv: slice.nv,
        k: undefined,
        aRow: vec.size,
        aK: plan.keys * vec.size,
        bK: row,
        bPacked: false,
        columns: slice.columns,
        out: undefined,
      }),
    }));
    return (f, { weights, rows, tile, columns, count }) => {
      const [b, to] = [f.local("i32"), f.local("i32")];
      for (const { slice, strips } of kinds) {
        f.get(rows)
          .plus(slice.at * vec.size)
          .set(b);
        f.get(tile)
          .plus(slice.at * plan.keys * vec.size)
          .set(to);
        this.run(f, strips, columns, { a: weights, b, tile: to, kc: count });
      }
    };
  }

  private readonly made = new Map<string, Strips>();
  private strips(name: string, rows: "keys" | "queries", shape: Omit<KernelShape, "vec" | "fma" | "mr" | "ku" | "aStrip">): Strips {
    const known = this.made.get(name);
    if (known) return known;
    const { module, k, plan } = this,
      { vec, fma, ku, nv } = plan,
      rest = rows === "keys" ? 0 : k.t % MR; // keys come in whole panels
    const make = (mr: number): FuncBuilder =>
      emitKernel(module, `${k.name}.${name}.${mr}`, { ...shape, vec, fma, mr, ku: nv > 2 ? ku : 1, aStrip: mr * shape.aRow });
    const strips: Strips = {
      full: rows === "keys" || k.t >= MR ? make(MR) : undefined,
      rest: rest > 0 ? make(rest) : undefined,
      aStrip: MR * shape.aRow,
      tileStrip: MR * shape.nv * 16,
      outStrip: MR * (shape.out?.row ?? 0),
    };
    this.made.set(name, strips);
    return strips;
  }
  /** All strips of `count` rows. Without `first` the tile is added to. */
  private run(
    f: FuncBuilder,
    { full, rest, aStrip, tileStrip, outStrip }: Strips,
    count: Local,
    at: { readonly a: Local; readonly b: Local; readonly kc?: Local; readonly first?: Local; readonly tile?: Local; readonly out?: Local },
  ): void {
    const n = f.local("i32"),
      call = (kernel: FuncBuilder, past: boolean): void => {
        const move = (x: Local | undefined, bytes: number): void => {
          f.push(x ?? 0);
          if (past && bytes > 0 && x) f.get(n).times(bytes).op("i32.add");
        };
        move(at.a, aStrip);
        f.get(at.b)
          .push(at.kc ?? 0)
          .push(at.first ?? 0)
          .i32(0);
        move(at.tile, tileStrip);
        move(at.out, outStrip);
        f.push(past ? 1 : n).call(kernel);
      };
    f.get(count).i32(MR).op("i32.div_u").set(n);
    if (full) f.get(n).if_(() => call(full, false));
    if (rest)
      f.get(count)
        .i32(MR)
        .op("i32.rem_u")
        .if_(() => call(rest, true));
  }
}
