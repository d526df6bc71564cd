// Packing: one panel of an operand, `width` rows of A or columns of B, copied to [k][width] with zeros where the matrix ends.
// Why: the micro-kernel then reads one dense stream; transposition, any stride and fused prologues happen here, once an element.
// It refuses to decide what is worth packing (`plan.ts`). "Outer" means the axis that is not k: rows of A, columns of B.
import { InternalError, unreachable } from "../../../../runtime/errors/error.ts";
import type { FuncBuilder, Local } from "../encoder/function.ts";
import type { ModuleBuilder } from "../encoder/module.ts";
import type { MemoryOp } from "../encoder/opcodes.ts";
import type { At, ComputedSource, IndexedSource, MatrixSource, StridedSource } from "./spec.ts";
import { transpose } from "./vec.ts";
import type { Vec } from "./vec.ts";

/** Constants of one panel packer. */
export interface PanelShape {
  readonly vec: Vec;
  readonly source: MatrixSource;
  /** Which axis of the source is the outer one: "row" for A, "col" for B. */
  readonly outer: "row" | "col";
  readonly width: number;
  /** Outer positions that exist; the rest of the width is zeros. */
  readonly valid: number;
}

/** Where a packer reads: elements `o` outer positions and `u` steps of k from the current place. */
interface Cursor {
  readonly scalar: (o: number, u: number) => void;
  readonly vector: (o: number, u: number) => void;
  /** Moves to the current value of k's local, after it changed by `by`. */
  readonly advance: (by: number) => void;
}

/** Adds a packer: (batch, outer, k, kc, dst) writes kc steps from k of the panel that starts at `outer`. */
export function emitPanel(module: ModuleBuilder, name: string, shape: PanelShape): FuncBuilder {
  const { vec, width, valid } = shape;
  const f = module.func(name, ["i32", "i32", "i32", "i32", "i32"]);
  const [k0, kc, to] = [f.param(2), f.param(3), f.param(4)];
  const [k, end, dst] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const cursorAt = openCursor(f, shape, f.param(0), f.param(1), k);
  const unit = unitAxis(shape);
  const whole = Math.floor(valid / vec.lanes);
  const row = width * vec.size;
  f.get(k0).get(kc).op("i32.add").set(end);

  /** Runs `body` over the k's in steps of `step`, the destination moving along; leaves k at the remainder. */
  const sweep = (from: Local, step: number, cursor: Cursor, body: () => void): void => {
    const more = (): void => {
      f.get(k).plus(step).get(end).op("i32.le_s");
    };
    f.get(from).set(k);
    more();
    f.if_(() =>
      f.loop(top => {
        body();
        f.advance(k, step).advance(dst, step * row);
        cursor.advance(step);
        more();
        f.brIf(top);
      }),
    );
  };
  const scalars = (cursor: Cursor, from: number, to_: number): void => {
    for (let o = from; o < to_; o++) {
      f.get(dst);
      if (o < valid) cursor.scalar(o, 0);
      else if (vec.scalar === "f32") f.f32(0);
      else f.f64(0);
      f.mem(vec.store, o * vec.size);
    }
  };
  const start = (): Cursor => {
    f.get(k0).set(k).get(to).set(dst);
    return cursorAt();
  };

  let done = 0;
  if (unit === "outer" && whole > 0) {
    const cursor = start();
    sweep(k0, 1, cursor, () => {
      for (let g = 0; g < whole; g++) {
        f.get(dst);
        cursor.vector(g * vec.lanes, 0);
        f.mem("v128.store", g * 16);
      }
    });
    done = whole * vec.lanes;
  }
  if (unit === "k") {
    const block = f.locals(vec.lanes, "v128");
    for (let g = 0; g < whole; g++) {
      const cursor = start();
      sweep(k0, vec.lanes, cursor, () => {
        block.forEach((x, o) => {
          cursor.vector(g * vec.lanes + o, 0);
          f.set(x);
        });
        transpose(f, vec, block);
        block.forEach((x, u) =>
          f
            .get(dst)
            .get(x)
            .mem("v128.store", u * row + g * 16),
        );
      });
      sweep(k, 1, cursor, () => scalars(cursor, g * vec.lanes, (g + 1) * vec.lanes));
    }
    done = whole * vec.lanes;
  }
  if (done < width) {
    const cursor = start();
    sweep(k0, 1, cursor, () => scalars(cursor, done, width));
  }
  return f;
}

/** The axis along which whole vectors can be read. */
function unitAxis({ source, outer }: PanelShape): "outer" | "k" | "none" {
  if (source.kind !== "strided") {
    const axis = source.kind === "computed" ? source.vectorAxis : source.contiguous;
    return axis === undefined ? "none" : axis === outer ? "outer" : "k";
  }
  const [outerStride, kStride] = outer === "row" ? [source.row, source.col] : [source.col, source.row];
  return outerStride === 1 ? "outer" : kStride === 1 ? "k" : "none";
}

/** Prepares reading; the result starts a cursor at (outer, current k). */
function openCursor(f: FuncBuilder, shape: PanelShape, batch: Local, at: Local, k: Local): () => Cursor {
  const { source } = shape;
  switch (source.kind) {
    case "strided":
      return openStrided(f, shape, source, batch, at, k);
    case "indexed":
      return openIndexed(f, shape, source, batch, at, k);
    case "computed":
      return openComputed(f, shape, source, batch, at, k);
    default:
      return unreachable(source);
  }
}

function openComputed(f: FuncBuilder, { outer }: PanelShape, source: ComputedSource, batch: Local, at: Local, k: Local): () => Cursor {
  const reader = source.open(f);
  const [o, u] = [f.local("i32"), f.local("i32")];
  const place = (dOuter: number, dk: number): At => {
    f.get(at).plus(dOuter).set(o).get(k).plus(dk).set(u);
    return outer === "row" ? { batch, row: o, col: u } : { batch, row: u, col: o };
  };
  const cursor: Cursor = {
    scalar: (dOuter, dk) => reader.scalar(place(dOuter, dk)),
    vector: (dOuter, dk) => {
      if (!reader.vector) throw new InternalError("a computed matrix source with a vectorAxis must give Reader.vector");
      reader.vector(place(dOuter, dk));
    },
    advance: () => undefined, // positions follow k's local
  };
  return () => cursor;
}

/** One pointer moves along k; outer positions are constant offsets from it. */
function openStrided(f: FuncBuilder, { vec, outer }: PanelShape, source: StridedSource, batch: Local, at: Local, k: Local): () => Cursor {
  const [outerStride, kStride] = (outer === "row" ? [source.row, source.col] : [source.col, source.row]).map(s => s * vec.size) as [
    number,
    number,
  ]; // two in, two out
  const [base, p] = [f.local("i32"), f.local("i32")];
  source.base(f, batch);
  f.get(at).times(outerStride).op("i32.add").set(base);
  const offset = (o: number, u: number): number => o * outerStride + u * kStride;
  return () => {
    f.get(base).get(k).times(kStride).op("i32.add").set(p);
    return {
      scalar: (o, u) => f.get(p).mem(vec.load, offset(o, u)),
      vector: (o, u) => f.get(p).mem("v128.load", offset(o, u)),
      advance: by => f.advance(p, by * kStride),
    };
  };
}

/** The addresses of the panel's outer positions are loaded once; each step of k adds its table entry to them. */
function openIndexed(
  f: FuncBuilder,
  { vec, valid, outer }: PanelShape,
  source: IndexedSource,
  batch: Local,
  at: Local,
  k: Local,
): () => Cursor {
  const [outerTable, kTable] = outer === "row" ? [source.rowTable, source.colTable] : [source.colTable, source.rowTable];
  const [base, entry] = [f.local("i32"), f.local("i32")];
  const addresses = f.locals(valid, "i32");
  source.base(f, batch);
  f.set(base);
  outerTable(f);
  f.get(at).times(4).op("i32.add").set(entry);
  addresses.forEach((address, o) =>
    f
      .get(base)
      .get(entry)
      .mem("i32.load", o * 4)
      .op("i32.add")
      .set(address),
  );
  const read =
    (op: MemoryOp) =>
    (o: number, u: number): void => {
      f.get(addresses[o] ?? base)
        .get(entry)
        .mem("i32.load", u * 4)
        .op("i32.add")
        .mem(op);
    };
  return () => {
    kTable(f);
    f.get(k).times(4).op("i32.add").set(entry);
    return { scalar: read(vec.load), vector: read("v128.load"), advance: by => f.advance(entry, by * 4) };
  };
}
