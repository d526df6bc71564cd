// Programs in text, run in two ways: as plain JavaScript, and through the front end.
import { Script } from "node:vm";
import { rewrite, type RewriteOptions } from "../../../compiler/frontend/rewrite.ts";
import { formatDiagnostic } from "../../../compiler/frontend/diagnostics.ts";
import { ts } from "../../../compiler/frontend/typescript.ts";
import * as pullback from "../../../stdlib/index.ts";
import * as operators from "../../../stdlib/operators/index.ts";

/** A function of a program. */
export type Run = (...args: readonly unknown[]) => unknown;
const modules: Readonly<Record<string, unknown>> = { pullback, "pullback/operators": operators };

/** The exports of a module in text. `instead`: modules that stand for the library's. */
export function moduleOf(code: string, instead: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, Run>> {
  const { outputText } = ts.transpileModule(code, { compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 } });
  const exports: Record<string, Run> = {};
  const wrapped = new Script(`(function (exports, require) {${outputText}\n})`).runInThisContext() as (
    e: object,
    r: (name: string) => unknown,
  ) => void; // the text is a function's
  wrapped(exports, name => instead[name] ?? modules[name]);
  return exports;
}
/** The function `f` of a program, rewritten. @throws with the diagnostics, when there are any */
export function rewritten(source: string, options: RewriteOptions = {}): Run {
  const r = rewrite(source, "program.ts", options);
  if (r.diagnostics.length > 0) throw new Error(r.diagnostics.map(d => formatDiagnostic(d, source)).join("\n"));
  return only(r.code);
}
/** The same, untouched. */
export const plain = (source: string): Run => only(source);
function only(code: string): Run {
  const { f } = moduleOf(code);
  if (!f) throw new Error("the program exports no f");
  return f;
}
