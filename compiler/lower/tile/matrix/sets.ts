// Groups on sm_90a in which one set of four subgroups brings operands while two others multiply them out of shared memory.
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int, less, when, type TileBuilder } from "../builder.ts";

/** Threads of a set, which multiplies so many rows at a time, how many sets multiply, and threads in all. */
export const SET = 128,
  SET_ROWS = 64,
  SETS = 2,
  THREADS: number = SET * (SETS + 1);
/** Registers a thread that the bringing set keeps, and that the others take, where it only copies. */
export const ONLY_COPIES: Registers = { few: 24, many: 240 };
/** See above. */
export interface Registers {
  readonly few: number;
  readonly many: number;
}
/** What one thread of a set does. */
export const byOne = (b: TileBuilder, body: readonly TiledStmt[]): TiledStmt => when(s.compare("eq", b.lane, int(0)), body);

/** Both roles. `which`: a multiplying set's number; `within`: a thread's in its subgroup. */
export function roles(
  b: TileBuilder,
  { few, many }: Registers,
  bring: readonly TiledStmt[],
  { which, within, body }: { readonly which: ExprVar; readonly within: ExprVar; readonly body: readonly TiledStmt[] },
): TiledStmt[] {
  const set = exprVar("set", "i32");
  return [
    { kind: "let", v: set, value: arith("div", b.lane, int(SET)) },
    {
      kind: "if",
      cond: less(set, int(1)),
      yes: [{ kind: "registers", count: few, more: false }, ...bring],
      no: [
        { kind: "registers", count: many, more: true },
        { kind: "let", v: which, value: arith("sub", set, int(1)) },
        { kind: "let", v: within, value: arith("rem", b.lane, int(32)) },
        ...body,
      ],
    },
  ];
}
/** The number of a thread's subgroup in its set. */
export const subgroupOf = (b: TileBuilder): Expr => arith("div", arith("rem", b.lane, int(SET)), int(32));
