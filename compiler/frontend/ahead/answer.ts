// A model becomes a compiled module, or complaints about it. The model is imported, as the user's program would.
import { basename, dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { CompiledFunction } from "../../../runtime/aot/format.ts";
import { PullbackError } from "../../../runtime/errors/error.ts";
import type { Finding } from "../check/finding.ts";
import { CheckedProject, configAbove, takesNothing, type Exported } from "../check/project.ts";
import type { ArgumentType } from "../check/types.ts";
import { format } from "../diagnostics.ts";
import { programOf, Refusal, type Traceable } from "./program.ts";
import type { Request } from "./request.ts";
import { declarationText, moduleText } from "./text.ts";

/** What comes of a request. `files` are what the answer depends on. */
export interface Answer {
  readonly files: readonly string[];
  readonly outcome:
    | { readonly kind: "module"; readonly code: string; readonly types: string; readonly skipped: readonly string[] }
    | { readonly kind: "refused"; readonly complaints: string };
}
/** The library's own sources, which a model reads where the library is not a package. */
const ours = ["compiler/", "runtime/", "stdlib/"].map(folder => fileURLToPath(new URL(`../../../${folder}`, import.meta.url)));
const help = 'give every parameter a type that says its shape, Tensor<[64, 784], "f32">';

/** The answer to a request. `project` may be one that is warm. */
export async function answer(
  request: Request,
  project: CheckedProject = new CheckedProject(configAbove(dirname(request.file))),
): Promise<Answer> {
  const { file, query, devices } = request;
  project.refresh(file);
  const findings: Finding[] = [],
    skipped: string[] = [],
    functions: CompiledFunction[] = [];
  const whole: Exported = { file, name: "the model", line: 1, column: 1, args: "", names: [] };
  const attempt = async (e: Exported, work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      findings.push(findingOf(e, error));
    }
  };
  await attempt(whole, async () => {
    const module = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>; // a module's exports
    for (const e of wanted(project.exports(file), request))
      await attempt(e, () => {
        const f = module[e.name],
          args = argumentsOf(e, f, request);
        if (typeof args === "string") skipped.push(`${e.name}: ${args}`);
        else functions.push(programOf({ ...e, args }, f as Traceable, request)); // it is a function: argumentsOf has looked
      });
    if (functions.length === 0 && findings.length === 0)
      throw new Refusal("E1142", `no exported function says shapes${skipped.length > 0 ? ` (${skipped.join("; ")})` : ""}`, help);
  });
  const outcome: Answer["outcome"] =
    findings.length > 0
      ? { kind: "refused", complaints: findings.map(f => format(f, f.file === file ? project.sourceOf(file) : "")).join("\n\n") }
      : { kind: "module", code: moduleText(functions, devices), types: declarationText(functions, basename(file) + query), skipped };
  return { files: project.files().filter(f => !ours.some(folder => f.startsWith(folder))), outcome };
}

/** @throws Refusal for a name that no function has */
function wanted(exported: readonly Exported[], { only }: Request): readonly Exported[] {
  const missing = only?.find(name => !exported.some(e => e.name === name));
  if (missing !== undefined) throw new Refusal("E1142", `it exports no function ${missing}`, "look at the names after ?compiled=");
  return exported.filter(e => only?.includes(e.name) ?? true);
}
/** What a function is traced on, or why it is left out. One without parameters might do anything: it is traced when it is a `jit`, or asked for. @throws Refusal for what is asked for */
function argumentsOf({ name, args }: Exported, f: unknown, { only }: Request): readonly ArgumentType[] | string {
  const fits = args === takesNothing && typeof f === "function" && (only !== undefined || "lower" in f) ? [] : args,
    why = typeof f === "function" ? fits : "it is no function when the module runs";
  if (typeof why === "string" && only !== undefined) throw new Refusal("E1142", `${name} cannot be compiled: ${why}`, help);
  return why;
}

/** Where an error belongs: the user's line that it names, else the function. */
function findingOf(e: Exported, error: unknown): Finding {
  const ours = error instanceof PullbackError || error instanceof Refusal ? error : undefined,
    at = (error instanceof PullbackError ? error.at : undefined) ?? e,
    [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return {
    code: ours?.code ?? "E1142",
    message: `${first.replace(/^E\d{4}: /, "")}${error instanceof Refusal ? "" : ` (compiling ${e.name})`}`,
    ...(ours?.help === undefined ? {} : { help: ours.help }),
    file: at.file.replace(/^file:\/\//, ""),
    line: at.line,
    column: at.column,
    end: at.column + (at === e ? e.name.length : 1),
  };
}
