// A thread's results are neighbours in memory, mostly: then they are stored together, in twos or fours.
import { byteSize } from "../../../../runtime/dtype.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import type { KernelParam } from "../../../ir/kernel.ts";
import { exprVar, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { coefficient } from "../../indexing.ts";
import { divisor } from "../matrix/divisor.ts";

/** Where results are neighbours: along `v`, which runs to `extent`. `aligned`: bytes of which the address of each parameter is a multiple. */
export interface Neighbours {
  readonly v: ExprVar;
  readonly extent: number;
  readonly params: readonly KernelParam[];
  readonly aligned: (param: number) => number;
}
/** Statements of `count` neighbours, given each one's bindings: everything is computed, then stored together. Undefined where `after` is more than names and stores, or its stores do not lie side by side
 *  at multiples of `count`. So is the `v` of the first. */
export function storesTogether(
  after: readonly TiledStmt[],
  { v, extent, params, aligned }: Neighbours,
  count: 2 | 4,
): ((bindings: readonly (readonly TiledStmt[])[]) => TiledStmt[]) | undefined {
  const steps = new Map([[v.id, count]]);
  const fits = (s: TiledStmt): boolean => {
    if (s.kind !== "store") return s.kind === "let";
    const size = byteSize(params[s.buf]?.dtype ?? "f32");
    return (
      !s.guard &&
      (size === 4 || size === 2) &&
      coefficient(s.index, v) === 1 &&
      divisor(s.index, steps) % count === 0 &&
      aligned(s.buf) % (count * size) === 0
    );
  };
  if (extent % count !== 0 || !after.every(fits)) return undefined;
  return bindings => {
    const each = bindings.map(given => {
      const fresh = new Map<number, Expr>(),
        stores: { readonly buf: number; readonly index: Expr; readonly value: Expr }[] = [],
        lets = [...given, ...after].flatMap((s): TiledStmt[] => {
          if (s.kind === "store") stores.push({ buf: s.buf, index: replaceVars(s.index, fresh), value: replaceVars(s.value, fresh) });
          if (s.kind !== "let") return [];
          const x = exprVar(s.v.name, s.v.dtype),
            value = replaceVars(s.value, fresh);
          fresh.set(s.v.id, x);
          return [{ kind: "let", v: x, value }];
        });
      return { lets, stores };
    });
    return [
      ...each.flatMap(e => e.lets),
      ...(each[0]?.stores ?? []).map(({ buf, index }, q): TiledStmt => ({
        kind: "storeVector",
        buf,
        index,
        values: each.flatMap(e => e.stores[q]?.value ?? []),
      })),
    ];
  };
}
