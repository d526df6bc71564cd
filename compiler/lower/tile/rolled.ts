// Loops stay loops on adapters that compute on a CPU: their compilers (NIR before LLVM) write out up to 32 turns, nested loops too, and take ten seconds for twenty lines. A CPU gains
// nothing by it: a turn's branch is predicted.
import type { TiledStmt } from "../../ir/tiled.ts";
import type { Tiled } from "./builder.ts";
import type { TileTarget } from "./target.ts";

/** Fewer turns may be written out. */
const TURNS = 4;

/** The same kernel, its loops of several turns marked where `target` computes on a CPU. */
export const rolled = (t: Tiled, target: TileTarget): Tiled =>
  target.software === true ? { ...t, kernel: { ...t.kernel, body: roll(t.kernel.body) } } : t;

const roll = (body: readonly TiledStmt[]): TiledStmt[] =>
  body.map((s): TiledStmt => {
    switch (s.kind) {
      case "for": {
        const few = s.begin.kind === "const" && s.end.kind === "const" && s.end.value - s.begin.value < TURNS;
        return { ...s, body: roll(s.body), ...(!few && s.end.kind === "const" && { rolled: true }) };
      }
      case "while":
        return { ...s, body: roll(s.body) };
      case "if":
        return { ...s, yes: roll(s.yes), no: roll(s.no) };
      default:
        return s;
    }
  });
