// What is known to divide an index: whether pieces of memory begin where one access may.
import type { Expr } from "../../../ir/scalar.ts";

/** A number that divides the value of `e`, given numbers that divide variables; 0 for zero. */
export function divisor(e: Expr, known: ReadonlyMap<number, number>): number {
  switch (e.kind) {
    case "const":
      return Math.abs(e.value);
    case "var":
      return known.get(e.id) ?? 1;
    case "binary":
      if (e.op === "mul") return divisor(e.x, known) * divisor(e.y, known);
      return e.op === "add" || e.op === "sub" ? gcd(divisor(e.x, known), divisor(e.y, known)) : 1;
    default:
      return 1;
  }
}
/** Greatest common divisor; of 0 and n it is n. */
export const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
