// When may one body serve two kernels? When they say the same but for numbers of i32 that decide how far and where they reach: leaves of different sizes. Divisors and bounds of loops count
// as different, since drivers' compilers make much of knowing them.
import { mapOperands } from "../../../ir/exprs.ts";
import type { Expr } from "../../../ir/scalar.ts";
import type { TiledKernel, TiledStmt } from "../../../ir/tiled.ts";
import { mapStatements } from "../statements.ts";

/** `key`: equal exactly when one body can serve, its `numbers` given. */
export interface Shape {
  readonly key: string;
  readonly numbers: readonly number[];
}

/** The shape of a kernel. */
export function shapeOf(k: TiledKernel): Shape {
  const numbers: number[] = [];
  const body = mapNumbers(k.body, e => {
    numbers.push(e.kind === "const" ? e.value : NaN);
    return { kind: "const", dtype: "i32", value: Infinity }; // no number of i32
  });
  const ids = new Map<unknown, number>();
  const write = (key: string, x: unknown): unknown => {
    if (key === "name") return undefined;
    if (key !== "id") return typeof x === "number" && (!Number.isFinite(x) || Object.is(x, -0)) ? `${Object.is(x, -0) ? "-" : ""}${x}` : x;
    const id = ids.get(x) ?? ids.size;
    ids.set(x, id);
    return id;
  };
  const { vars, threads, params, shared, local } = k;
  const memory = shared.map(({ dtype, swizzle, packed }) => ({ dtype, swizzle, packed }));
  const head = [vars.group, vars.lane, threads, params.map(({ dtype, access }) => [dtype, access]), memory, local.map(m => m.dtype)];
  return { key: JSON.stringify([head, body], write), numbers };
}

/** The body with expressions in the places of some of its numbers, which are counted in the order of `shapeOf`. */
export function withNumbers(body: readonly TiledStmt[], at: (n: number) => Expr | undefined): TiledStmt[] {
  let n = 0;
  return mapNumbers(body, e => at(n++) ?? e);
}

/** Place by place, though expressions share constants: two numbers that are equal here may differ in another kernel. */
function mapNumbers(body: readonly TiledStmt[], f: (e: Expr) => Expr): TiledStmt[] {
  const go = (e: Expr): Expr => {
    if (e.kind === "const") return e.dtype === "i32" ? f(e) : e;
    if (e.kind !== "binary" || !FIXED.has(e.op)) return mapOperands(e, go);
    const x = go(e.x);
    return x === e.x ? e : { ...e, x };
  };
  return mapStatements(body, { expr: go, bound: e => e, buf: b => b });
}
const FIXED: ReadonlySet<string> = new Set(["div", "rem", "shl", "shr", "sar"]);
