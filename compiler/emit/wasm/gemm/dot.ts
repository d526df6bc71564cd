// Products of a few rows with k-contiguous operands: dot products, one vector of columns at a time.
// Why: with up to four rows, transposing B to suit the micro-kernel would cost more than multiplying by it.
// It refuses more rows than its plan gives, and epilogues (`finish.ts`).
import type { FuncBuilder, Local } from "../encoder/function.ts";
import type { ModuleBuilder } from "../encoder/module.ts";
import { gather, multiplyAdd, storePartial, transpose } from "./vec.ts";
import type { Vec } from "./vec.ts";

/** Constants of one dot kernel. Strides are in bytes; k is contiguous in both operands. */
export interface DotShape {
  readonly vec: Vec;
  readonly fma: boolean;
  readonly rows: number;
  /** Columns of the group, at most one vector. */
  readonly columns: number;
  readonly k: number;
  readonly aRow: number;
  readonly bCol: number;
  readonly outRow: number;
  readonly outCol: number;
  /** Vectors of k per turn. */
  readonly ku: number;
}

/** Adds the kernel: (pa, pb, out), addresses of A's first row, of the group's first column and of its results. */
export function emitDot(module: ModuleBuilder, name: string, shape: DotShape): FuncBuilder {
  const f = module.func(name, ["i32", "i32", "i32"]);
  const atOnce = shape.fma ? 2 : 1; // without fma, products need registers too, and two rows would spill
  for (let row = 0; row < shape.rows; row += atOnce) emitRows(f, shape, row, Math.min(atOnce, shape.rows - row));
  return f;
}

/** Rows row .. row + rows - 1. */
function emitRows(f: FuncBuilder, { vec, fma, columns, k, aRow, bCol, outRow, outCol, ku }: DotShape, row: number, rows: number): void {
  const unroll = rows === 1 ? ku : 1;
  const [pa, pb, out] = [f.param(0), f.param(1), f.param(2)];
  const [a, b, count] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const xs = f.locals(rows, "v128");
  const [y, total] = [f.local("v128"), f.local("v128")];
  const blank = (): Local[] => Array.from({ length: vec.lanes }, () => f.local("v128"));
  const accs = Array.from({ length: unroll }, () => Array.from({ length: rows }, blank));
  for (const acc of accs.flat(2)) f.i32x4(0).set(acc);
  f.get(pa)
    .plus(row * aRow)
    .set(a)
    .get(pb)
    .set(b);

  const step = (u: number, at: number): void => {
    xs.forEach((into, i) =>
      f
        .get(a)
        .mem("v128.load", at + i * aRow)
        .set(into),
    );
    for (let j = 0; j < columns; j++) {
      f.get(b)
        .mem("v128.load", at + j * bCol)
        .set(y);
      accs[u]?.forEach((acc, i) => multiplyAdd(f, vec, fma, acc[j] ?? y, xs[i] ?? y, y));
    }
  };
  const vectors = Math.floor(k / vec.lanes);
  const turns = Math.floor(vectors / unroll);
  f.i32(turns).set(count);
  f.loop(top => {
    for (let u = 0; u < unroll; u++) step(u, u * 16);
    f.advance(a, unroll * 16).advance(b, unroll * 16);
    f.get(count).i32(1).op("i32.sub").tee(count).brIf(top);
  });
  for (let u = 0; u < vectors % unroll; u++) step(u, u * 16);

  for (let i = 0; i < rows; i++) {
    const [sums = [], ...others] = accs.map(of => of[i] ?? []);
    others.forEach(more =>
      sums.forEach((sum, j) =>
        f
          .get(sum)
          .get(more[j] ?? sum)
          .op(vec.add)
          .set(sum),
      ),
    );
    transpose(f, vec, sums);
    f.get(sums[0] ?? y);
    for (const part of sums.slice(1)) f.get(part).op(vec.add);
    f.set(total);
    for (let t = vectors * vec.lanes; t < k; t++) {
      const at = (t - turns * unroll * vec.lanes) * vec.size;
      gather(
        f,
        vec,
        b,
        Array.from({ length: columns }, (_, j) => at + j * bCol),
      );
      f.set(y)
        .get(a)
        .mem(vec.loadSplat, at + i * aRow);
      const s = f.local("v128");
      f.set(s);
      multiplyAdd(f, vec, fma, total, s, y);
    }
    storePartial(f, vec, out, (row + i) * outRow, total, columns, outCol);
  }
}
