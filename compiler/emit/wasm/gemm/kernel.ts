// The micro-kernel: a register tile of mr rows by nv vectors, for all row strips of one column panel.
// Why: one emitter serves packed and unpacked operands (they differ by constant strides only), full tiles and exact tails, both dtypes.
// It refuses epilogues (`finish.ts` runs them over the tile buffer) and any reading beyond the elements it owns.
import type { FuncBuilder, Local } from "../encoder/function.ts";
import type { ModuleBuilder } from "../encoder/module.ts";
import { loadPartial, multiplyAdd, storePartial } from "./vec.ts";
import type { Vec } from "./vec.ts";

/** Constants of one micro-kernel. Strides are in bytes. */
export interface KernelShape {
  readonly vec: Vec;
  readonly fma: boolean;
  readonly mr: number;
  readonly nv: number;
  /** Steps of k per turn of the inner loop. */
  readonly ku: number;
  readonly aRow: number;
  readonly aK: number;
  /** From a strip of mr rows to the next. */
  readonly aStrip: number;
  readonly bK: number;
  /** Columns that exist: at most nv * lanes. Packed panels are padded, so only unpacked reads and plain stores mind. */
  readonly columns: number;
  readonly bPacked: boolean;
  /** K when it is one chunk; undefined: `kc`, `first` and `last` are given at run time and sums rest in the tile buffer between chunks. */
  readonly k: number | undefined;
  /** Row and column stride of a plain output; undefined: results stay in the tile buffer. */
  readonly out: { readonly row: number; readonly col: number } | undefined;
}

/** Adds the kernel: (pa, pb, kc, first, last, tile, out, strips), addresses of the first strip and counts; strips >= 1.
 *  The tile buffer holds rows of nv vectors. Arguments that the shape makes constant are ignored. */
export function emitKernel(module: ModuleBuilder, name: string, shape: KernelShape): FuncBuilder {
  const { vec, mr, nv, k } = shape;
  const f = module.func(name, ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"]);
  const [pa, pb, kc, first, last, tile, out, strips] = [0, 1, 2, 3, 4, 5, 6, 7].map(i => f.param(i)) as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ]; // eight in, eight out
  const accs = Array.from({ length: mr }, () => f.locals(nv, "v128"));
  const each = (visit: (acc: Local, row: number, j: number) => void): void =>
    accs.forEach((row, i) => row.forEach((acc, j) => visit(acc, i, j)));
  const zero = (): void => each(acc => f.i32x4(0).set(acc));
  const toTile = (): void =>
    each((acc, i, j) =>
      f
        .get(tile)
        .get(acc)
        .mem("v128.store", (i * nv + j) * 16),
    );
  const toOut = ({ row, col }: { readonly row: number; readonly col: number }): void =>
    each((acc, i, j) =>
      storePartial(f, vec, out, i * row + j * vec.lanes * col, acc, Math.min(vec.lanes, shape.columns - j * vec.lanes), col),
    );

  f.loop(top => {
    if (k === undefined) {
      f.get(first).if_(zero, () =>
        each((acc, i, j) =>
          f
            .get(tile)
            .mem("v128.load", (i * nv + j) * 16)
            .set(acc),
        ),
      );
    } else zero();
    emitSum(f, shape, accs, pa, pb, kc);
    const plain = shape.out;
    if (plain === undefined) toTile();
    else if (k !== undefined) toOut(plain);
    else f.get(last).if_(() => toOut(plain), toTile);
    f.advance(pa, shape.aStrip);
    if (plain !== undefined) f.advance(out, mr * plain.row);
    if (plain === undefined || k === undefined) f.advance(tile, mr * nv * 16);
    f.get(strips).i32(1).op("i32.sub").tee(strips).brIf(top);
  });
  return f;
}

/** accs += the sum over k. Counts down, so that the loop keeps three integers in registers. */
function emitSum(f: FuncBuilder, shape: KernelShape, accs: readonly (readonly Local[])[], pa: Local, pb: Local, kc: Local): void {
  const { vec, fma, nv, ku, k } = shape;
  const [a, b, count] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const bs = f.locals(nv, "v128");
  const s = f.local("v128");
  const step = (u: number): void => {
    bs.forEach((into, j) => {
      const columns = shape.bPacked ? vec.lanes : Math.min(vec.lanes, shape.columns - j * vec.lanes);
      loadPartial(f, vec, b, u * shape.bK + j * 16, columns);
      f.set(into);
    });
    accs.forEach((row, i) => {
      f.get(a)
        .mem(vec.loadSplat, u * shape.aK + i * shape.aRow)
        .set(s);
      row.forEach((acc, j) => multiplyAdd(f, vec, fma, acc, s, bs[j] ?? s));
    });
  };
  const turns = (unroll: number): void => {
    f.loop(top => {
      for (let u = 0; u < unroll; u++) step(u);
      f.advance(a, unroll * shape.aK).advance(b, unroll * shape.bK);
      f.get(count).i32(1).op("i32.sub").tee(count).brIf(top);
    });
  };
  f.get(pa).set(a).get(pb).set(b);
  if (k !== undefined) {
    const whole = Math.floor(k / ku);
    if (whole > 0) {
      f.i32(whole).set(count);
      turns(ku);
    }
    for (let u = 0; u < k % ku; u++) step(u);
    return;
  }
  const some = (unroll: number): FuncBuilder => f.tee(count).if_(() => turns(unroll));
  f.get(kc).i32(ku).op("i32.div_u");
  some(ku);
  if (ku > 1) {
    f.get(kc).i32(ku).op("i32.rem_u");
    some(1);
  }
}
