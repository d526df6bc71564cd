// Programs with loops and branches of every kind, by what is hard about them. Nothing here runs them.
import { cond, fori, scan, switch_, while_ } from "../../compiler/index.ts";
import * as op from "../../compiler/extend.ts";
import { aval, type Aval, type Tensor } from "../../compiler/extend.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { traceClosed } from "../../compiler/trace/trace.ts";
import { gradFunc } from "../../compiler/transforms/linearize.ts";
import { batchFunc } from "../../compiler/transforms/vmap.ts";

const f32 = (...shape: number[]): Aval => aval("f32", shape),
  i32 = (...shape: number[]): Aval => aval("i32", shape);
const total = (x: Tensor): Tensor => op.reduceSum(x, { axes: x.shape.map((_, d) => d) });
const number = (x: Tensor, value: number): Tensor => op.lit(value, x.dtype);
/** Loops and branches with the types they run at. Every result counts. */
export const controlled: Readonly<Record<string, readonly [avals: readonly Aval[], f: (...xs: readonly Tensor[]) => readonly unknown[]]>> =
  {
    "a scan whose carries change places each step": [
      [f32(3), f32(3), f32(6, 3)],
      (a, b, xs) =>
        scan(
          ([p, q]: readonly [Tensor, Tensor], x: Tensor) => [[q, op.add(op.sin(p), x)] as const, op.mul(p, q)] as const,
          [a, b] as const,
          xs,
        ).flat(2),
    ],
    "a scan that returns its old carry, its new carry and its slice": [
      [f32(5), f32(4, 5)],
      (c, xs) =>
        scan(
          (k: Tensor, x: Tensor) => {
            const h = op.tanh(op.add(k, x));
            return [h, [k, h, x]] as const;
          },
          c,
          xs,
        ).flat(2),
    ],
    "a scan from the end over a constant matrix": [
      [f32(33, 33), f32(33), f32(9, 33)],
      (wide, c, xs) => {
        const w = op.mul(wide, op.fullLike(wide, 0.1));
        return scan(
          (k: Tensor, x: Tensor) => {
            const h = op.tanh(op.add(op.dotGeneral(w, k, { lhsBatch: [], rhsBatch: [], lhsContract: [1], rhsContract: [0] }), x));
            return [h, total(h)] as const;
          },
          c,
          xs,
          { reverse: true },
        );
      },
    ], // contractive, so that rounding does not grow
    "a scan of no steps": [[f32(3), f32(0, 3)], (c, xs) => scan((k: Tensor, x: Tensor) => [op.add(k, x), op.mul(k, x)] as const, c, xs)],
    "a scan of three steps an iteration and one left over": [
      [f32(3), f32(7, 3)],
      (c, xs) => scan((k: Tensor, x: Tensor) => [op.sin(op.add(k, x)), k] as const, c, xs, { unroll: 3 }),
    ],
    "a scan inside a scan": [
      [f32(2), f32(3, 4, 2)],
      (c, xs) => scan((k: Tensor, rows: Tensor) => scan((h: Tensor, x: Tensor) => [op.sin(op.add(h, x)), h] as const, k, rows), c, xs),
    ],
    "a scan over truth values and integers": [
      [i32(2), aval("bool", [8, 2]), aval("u8", [8, 2])],
      (c, on, by) =>
        scan(
          (k: Tensor, [b, u]: readonly [Tensor, Tensor]) => {
            const n = op.select(b, op.add(k, op.convert(u, { dtype: "i32" })), op.neg(k));
            return [n, op.convert(n, { dtype: "i8" })] as const;
          },
          c,
          [on, by] as const,
        ),
    ],
    "a loop that ends on its data, after no step too": [
      [f32(), f32(2)],
      (limit, x) =>
        [
          while_(
            ([n, v]: readonly [Tensor, Tensor]) =>
              op.less(total(op.abs(v)), op.add(op.mul(op.abs(limit), number(limit, 20)), op.mul(n, number(n, 0)))),
            ([n, v]) =>
              [
                op.add(n, number(n, 1)),
                op.add(
                  op.mul(v, op.broadcastInDim(number(v, 1.5), { shape: [2], dims: [] })),
                  op.broadcastInDim(number(v, 0.25), { shape: [2], dims: [] }),
                ),
              ] as const,
            [op.mul(limit, number(limit, 0)), x] as const,
          ),
          while_(
            (v: Tensor) => op.greater(total(v), number(v, 1e6)),
            v => op.neg(v),
            x,
          ),
        ].flat(),
    ],
    "a loop of a number of steps known at run time": [
      [i32(), f32(5)],
      (n, x) => [
        fori(
          op.mul(n, number(n, 0)),
          op.abs(n),
          (i: Tensor, c: Tensor) => op.add(op.sin(c), op.broadcastInDim(op.convert(i, { dtype: "f32" }), { shape: [5], dims: [] })),
          x,
        ),
      ],
    ],
    "a branch chosen by data, inside a loop": [
      [f32(4), f32(6, 4)],
      (c, xs) =>
        scan(
          (k: Tensor, x: Tensor) => {
            const h = cond(
              op.less(total(x), number(x, 0)),
              (a: Tensor, b: Tensor) => op.add(a, b),
              (a: Tensor) => op.neg(a),
              k,
              x,
            );
            return [h, k] as const;
          },
          c,
          xs,
        ),
    ],
    "branches that pass operands through, swap and repeat them": [
      [i32(), f32(3), f32(3)],
      (n, a, b) =>
        [-1, 0, 1, 9].flatMap(shift =>
          switch_(
            op.add(n, number(n, shift)),
            [(p: Tensor, q: Tensor) => [p, q, p], (p: Tensor, q: Tensor) => [q, p, p], (p: Tensor, q: Tensor) => [op.add(p, q), q, q]],
            a,
            b,
          ),
        ),
    ],
    "a result returned twice, an argument returned as it came, and a constant": [
      [f32(5), f32(5)],
      (a, b) => {
        const h = op.mul(a, b);
        return [h, h, a, op.reshape(h, { shape: [5, 1] }), op.fullLike(a, 2), b];
      },
    ],
  };

const isTensor = (x: unknown): x is Tensor => op.isTensor(x);
/** Every such program, traced. */
export const controlledPrograms = (): { readonly what: string; readonly avals: readonly Aval[]; readonly program: Func }[] =>
  Object.entries(controlled).map(([what, [avals, f]]) => ({
    what,
    avals,
    program: traceClosed((...xs) => f(...xs).filter(isTensor), avals),
  }));
/** Gradients of those that have one (no transpose of a loop that ends on its data), and gradients of a batch. */
export function controlledGradients(): Func[] {
  const smooth = Object.entries(controlled).filter(([what, [avals]]) => avals.every(a => a.dtype === "f32") && !what.startsWith("a loop"));
  return smooth.flatMap(([, [avals, f]]) => {
    const scalar = traceClosed(
      (...xs) => [
        f(...xs)
          .filter(isTensor)
          .map(x => total(op.tanh(x)))
          .reduce((a, b) => op.add(a, b)),
      ],
      avals,
    );
    const grad = gradFunc(
        scalar,
        avals.map(() => true),
      ),
      batched = batchFunc(
        grad,
        avals.map(() => true),
        { size: 3, name: undefined },
      );
    return [grad, batched.func];
  });
}
