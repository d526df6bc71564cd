// Which way an operand of a product is walked as it is fetched.
import { operands } from "../../../ir/exprs.ts";
import type { Expr, ExprVar } from "../../../ir/scalar.ts";
import { coefficient } from "../../indexing.ts";

/** Do neighbours in `l` lie nearer to each other in memory than neighbours in `outer`? */
export function followsL(e: Expr, l: ExprVar, outer: ExprVar): boolean {
  const seen = new Set<Expr>();
  let answer = false;
  const visit = (x: Expr): void => {
    if (seen.has(x)) return;
    seen.add(x);
    if (x.kind === "load" && coefficient(x.index, l) === 1 && coefficient(x.index, outer) !== 1) answer = true;
    operands(x).forEach(visit);
  };
  visit(e);
  return answer;
}
