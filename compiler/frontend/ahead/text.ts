// The text of a compiled module, and of its declaration for TypeScript.
import type { CompiledFunction, Leaf, Tree } from "../../../runtime/aot/format.ts";
import type { AheadDevice } from "./request.ts";

/** The module: data, and a launcher for each function. What nobody imports is left out of a bundle. */
export function moduleText(functions: readonly CompiledFunction[], devices: readonly AheadDevice[]): string {
  const openers = devices.join(", ");
  const lines = functions.map(f => {
    const made = `/* @__PURE__ */ launch(${JSON.stringify(f)}, [${openers}])`;
    return f.name === "default" ? `export default ${made};` : `export const ${f.name} = ${made};`;
  });
  return [`import { launch, ${openers} } from "pullback/compiled";`, ...lines, ""].join("\n");
}

/** `model.compiled.d.ts`: what the import of `base` (the model's file name with the query) gives. */
export function declarationText(functions: readonly CompiledFunction[], base: string): string {
  const lines = functions.map(f => {
    const given = f.ins.map((leaf): string => typeText("Given", leaf)),
      results = f.outs.map((leaf): string => typeText("DeviceTensor", leaf)),
      names = namesOf(f);
    const all = f.args as readonly Tree[], // the list of arguments
      params = all.slice(0, all.findLastIndex(t => t !== null) + 1); // those after it are left out
    const list = params.map((t, i) => `${names[i]}${t === null ? "?" : ""}: ${t === null ? "undefined" : show(t, given)}`);
    const signature = `(${list.join(", ")}) => Promise<${show(f.result, results)}>`;
    return f.name === "default" ? `  const made: ${signature};\n  export default made;` : `  export const ${f.name}: ${signature};`;
  });
  return [
    `// What ${JSON.stringify(base)} exports. pullback/plugin writes this file when it compiles the model.`,
    `declare module ${JSON.stringify(`*/${base}`)} {`,
    `  import type { DeviceTensor, Given } from "pullback/compiled";`,
    ...lines,
    "}",
    "",
  ].join("\n");
}
const typeText = (name: string, { dtype, shape }: Leaf): string => `${name}<[${shape.join(", ")}], "${dtype}">`;
function show(t: Tree, leaves: readonly string[]): string {
  if (typeof t === "number") return leaves[t] ?? "never";
  if (t === null) return "null";
  if (Array.isArray(t)) return `[${(t as readonly Tree[]).map(x => show(x, leaves)).join(", ")}]`; // isArray does not say so of readonly ones
  return `{ ${Object.entries(t)
    .map(([k, x]) => `${/^[A-Za-z_$][\w$]*$/.test(k) ? k : JSON.stringify(k)}: ${show(x as Tree, leaves)}`) // the same
    .join("; ")} }`;
}
/** The parameters' names: what the paths of their leaves begin with. */
function namesOf({ args, ins }: CompiledFunction): string[] {
  const first = (t: Tree): number | undefined =>
    typeof t === "number"
      ? t
      : t === null
        ? undefined
        : Object.values(t)
            .map(x => first(x as Tree))
            .find(n => n !== undefined); // a tree's parts are trees
  return Object.values(args ?? []).map((t, i) => /^[\w$]+/.exec(ins[first(t as Tree) ?? -1]?.path ?? "")?.[0] ?? `_${i}`); // the same
}
