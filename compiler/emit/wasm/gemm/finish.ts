// The fused epilogue over one panel of finished sums in the tile buffer.
// Why: its constants get registers of their own and its code exists once, instead of inside every micro-kernel next to the accumulators.
// It refuses plain stores: the micro-kernel makes those itself.
import type { FuncBuilder } from "../encoder/function.ts";
import type { ModuleBuilder } from "../encoder/module.ts";
import type { At, ComputedOutput } from "./spec.ts";
import type { Vec } from "./vec.ts";

/** Constants of one epilogue function. */
export interface FinishShape {
  readonly vec: Vec;
  readonly out: ComputedOutput;
  /** Vectors in a row of the tile buffer. */
  readonly nv: number;
  /** Columns that exist. */
  readonly columns: number;
  /** Store element by element: the panel's columns are not consecutive in the output. */
  readonly scalarOnly: boolean;
}

/** Adds the epilogue: (batch, row, rowEnd, col, tile), `tile` holding rows row .. rowEnd - 1 of the panel that starts at column `col`. */
export function emitFinish(module: ModuleBuilder, name: string, { vec, out, nv, columns, scalarOnly }: FinishShape): FuncBuilder {
  const f = module.func(name, ["i32", "i32", "i32", "i32", "i32"]);
  const [batch, row, rowEnd, col0, tile] = [f.param(0), f.param(1), f.param(2), f.param(3), f.param(4)];
  const [col, vector, scalar] = [f.local("i32"), f.local("v128"), f.local(vec.scalar)];
  const at: At = { batch, row, col };
  const store = out.open(f);
  f.for_({ index: row, from: row, to: rowEnd }, () => {
    for (let c = 0; c < columns;) {
      const lanes = !scalarOnly && c + vec.lanes <= columns ? vec.lanes : 1;
      const acc = lanes === 1 ? scalar : vector;
      f.get(col0).plus(c).set(col);
      f.get(tile)
        .mem(lanes === 1 ? vec.load : "v128.load", c * vec.size)
        .set(acc);
      store(at, acc, lanes);
      c += lanes;
    }
    f.advance(tile, nv * 16);
  });
  return f;
}
