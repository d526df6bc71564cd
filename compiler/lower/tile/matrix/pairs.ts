// A thread's sums are neighbours in twos, and so are the results that they become, mostly: then both are stored at once.
import { byteSize } from "../../../../runtime/dtype.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import { exprVar, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { coefficient } from "../../indexing.ts";
import { divisor } from "./divisor.ts";

/** Statements of two neighbours, given each one's bindings: everything is computed, then stored in twos. Undefined where `after` is more than names and stores, or its stores do not lie side by side
 *  at even places. Columns of the first are even. */
export function pairedStores(
  after: readonly TiledStmt[],
  { vars: { j }, n, params }: Pick<GemmKernel, "vars" | "n" | "params">,
  aligned: (param: number) => number,
): ((bindings: readonly [readonly TiledStmt[], readonly TiledStmt[]]) => TiledStmt[]) | undefined {
  const even = new Map([[j.id, 2]]);
  const fits = (s: TiledStmt): boolean => {
    if (s.kind !== "store") return s.kind === "let";
    const size = byteSize(params[s.buf]?.dtype ?? "f32");
    return (
      !s.guard &&
      (size === 2 || size === 4) &&
      coefficient(s.index, j) === 1 &&
      divisor(s.index, even) % 2 === 0 &&
      aligned(s.buf) % (2 * size) === 0
    );
  };
  if (n % 2 !== 0 || !after.every(fits)) return undefined;
  return bindings => {
    const [first, second] = bindings.map(given => {
      const fresh = new Map<number, Expr>(),
        stores: { readonly buf: number; readonly index: Expr; readonly value: Expr }[] = [],
        lets = [...given, ...after].flatMap((s): TiledStmt[] => {
          if (s.kind === "store") stores.push({ buf: s.buf, index: replaceVars(s.index, fresh), value: replaceVars(s.value, fresh) });
          if (s.kind !== "let") return [];
          const v = exprVar(s.v.name, s.v.dtype),
            value = replaceVars(s.value, fresh);
          fresh.set(s.v.id, v);
          return [{ kind: "let", v, value }];
        });
      return { lets, stores };
    });
    if (!first || !second) return [];
    return [
      ...first.lets,
      ...second.lets,
      ...first.stores.map(({ buf, index, value }, q): TiledStmt => ({
        kind: "storeVector",
        buf,
        index,
        values: [value, second.stores[q]?.value ?? value],
      })),
    ];
  };
}
