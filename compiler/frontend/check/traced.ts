// Abstract tracing: an exported function whose parameters have known shapes is traced on tensors that have no values. Nothing is computed; what the module does when
// it is imported does happen. Names become sizes that are unlikely to meet by chance, one a name.
import { pathToFileURL } from "node:url";
import { PullbackError } from "../../../runtime/errors/error.ts";
import type { DType } from "../../../runtime/dtype.ts";
import type { Aval } from "../../ir/aval.ts";
import { flatten, unflatten } from "../../support/tree.ts";
import { isTensor, type Tensor } from "../../trace/tensor.ts";
import { lit } from "../../trace/builder.ts";
import { trace } from "../../trace/trace.ts";
import type { Finding } from "./finding.ts";
import type { Exported } from "./project.ts";
import { open, type ArgumentType } from "./types.ts";

const sizes = [11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97] as const;
/** Sizes for names, in the order in which they come; every open dimension is one of its own. */
class Sizes {
  private readonly known = new Map<string, number>();
  private next = 0;
  of(d: number | string): number {
    if (typeof d === "number") return d;
    const size = d === open ? undefined : this.known.get(d);
    if (size !== undefined) return size;
    const fresh = sizes[this.next++ % sizes.length] ?? 11;
    if (d !== open) this.known.set(d, fresh);
    return fresh;
  }
}

/** The outcome for one exported function. */
export type TracedExport =
  | { readonly kind: "traced" }
  | { readonly kind: "skipped"; readonly why: string }
  | { readonly kind: "failed"; readonly finding: Finding };

/** Trace one. `version` makes an edited module be loaded again. */
export async function traceExport(e: Exported, version: number): Promise<TracedExport> {
  if (typeof e.args === "string") return { kind: "skipped", why: e.args };
  const { args } = e;
  let f: unknown;
  try {
    const module = (await import(`${pathToFileURL(e.file).href}${version === 0 ? "" : `?version=${version}`}`)) as Readonly<
      Record<string, unknown>
    >; // a module's exports
    f = module[e.name];
  } catch (error) {
    return { kind: "failed", finding: place(e, error, "importing the module failed: ") };
  }
  if (typeof f !== "function") return { kind: "skipped", why: "it is no function when the module runs" };
  const avals: Aval[] = [],
    weak: boolean[] = [],
    known = new Sizes();
  const def = flatten(args.map(a => holes(a, avals, weak, known))).def;
  try {
    trace((...xs) => tensorsIn((f as (...a: readonly unknown[]) => unknown)(...(unflatten(def, xs) as readonly unknown[]))), avals, weak); // the list of arguments that was flattened
    return { kind: "traced" };
  } catch (error) {
    return { kind: "failed", finding: place(e, error, "") };
  }
}
/** The argument with a zero for every tensor, whose types are put on a list. */
function holes(a: ArgumentType, avals: Aval[], weak: boolean[], known: Sizes): unknown {
  switch (a.kind) {
    case "tensor":
      weak.push(a.weak ?? false);
      avals.push({ dtype: a.dtype as DType, shape: a.dims.map(d => known.of(d)) }); // the type's own dtype
      return lit(0, "f32");
    case "object":
      return Object.fromEntries([...a.fields].sort(([x], [y]) => (x < y ? -1 : 1)).map(([k, v]) => [k, holes(v, avals, weak, known)]));
    case "list":
      return a.items.map(i => holes(i, avals, weak, known));
    case "absent":
      return null;
    default:
      return a satisfies never;
  }
}
const tensorsIn = (result: unknown): Tensor[] => flatten(result).leaves.filter((x): x is Tensor => isTensor(x));

/** Where an error of the trace belongs: the user's line that it names, else the function. */
function place(e: Exported, error: unknown, before: string): Finding {
  const own = error instanceof PullbackError ? error : undefined;
  const message = own
    ? own.message.split("\n")[0]?.replace(/^E\d{4}: /, "")
    : String(error instanceof Error ? error.message : error).split("\n")[0];
  const at = own?.at ?? { file: e.file, line: e.line, column: e.column };
  return {
    code: own?.code ?? "E1135",
    message: `${before}${message ?? ""} (tracing ${e.name})`,
    ...(own?.help === undefined ? {} : { help: own.help }),
    file: at.file.replace(/^file:\/\//, "").replace(/\?version=\d+$/, ""),
    line: at.line,
    column: at.column,
    end: at.column + 1,
  };
}
