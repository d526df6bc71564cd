// What the parts of the rewriter share while they walk one file.
import type { ErrorCode } from "../../runtime/errors/codes.ts";
import type { Bindings } from "./bindings.ts";
import type { Edits } from "./edits.ts";
import type { Names } from "./names.ts";
import type { Plain } from "./plain.ts";
import type { ts } from "./typescript.ts";

/** Where a node stands. `level`: at the file's own level, in a function, or in a body that becomes a closure. `native`: inside a statement that stays JavaScript's, where
 *  nothing may be left by a rewritten return. */
export interface Place {
  readonly level: "module" | "function" | "body";
  readonly native: boolean;
}
/** One file being rewritten. */
export interface Work {
  readonly file: ts.SourceFile;
  readonly edits: Edits;
  readonly bindings: Bindings;
  readonly names: Names;
  /** The text is type-checked and never run. */
  readonly forTypes: boolean;
  readonly plain: Plain;
  /** Statements that stay JavaScript's: their break and continue do too. */
  readonly native: Set<ts.Node>;
  /** Statements that became closures: bodies of branches and loops. */
  readonly closures: ts.Node[];
  /** Rewrite what is in `node`. */
  visit(node: ts.Node, place: Place): void;
  /** Tell the user. */
  complain(code: ErrorCode, node: ts.Node, message: string, help: string): void;
}
