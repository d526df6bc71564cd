// One exported function: traced at the shapes that its types say, compiled for every device, as data.
import type { CompiledFunction, Leaf, Tree, WasmCode, WgslCode } from "../../../runtime/aot/format.ts";
import type { DeviceTarget, WasmArtifact, WgslArtifact } from "../../../runtime/artifact.ts";
import type { DType } from "../../../runtime/dtype.ts";
import type { ErrorCode } from "../../../runtime/errors/codes.ts";
import type { ProgramStep } from "../../../runtime/program.ts";
import { COPY } from "../../../runtime/webgpu/kernels.ts";
import { compile } from "../../compile.ts";
import { readSync } from "../../host.ts";
import type { Aval } from "../../ir/aval.ts";
import type { Func } from "../../ir/func.ts";
import type { JitOptions } from "../../jit.ts";
import { flatten, leafPaths, unflatten, type TreeDef } from "../../support/tree.ts";
import { lit } from "../../trace/builder.ts";
import { stageAt } from "../../transforms/stage.ts";
import type { Exported } from "../check/project.ts";
import { open, type ArgumentType } from "../check/types.ts";
import { pack, packArray, packJson, withoutNames } from "./pack.ts";
import type { AheadDevice } from "./request.ts";

/** Why a function is not compiled. */
export class Refusal extends Error {
  readonly code: ErrorCode;
  readonly help: string;
  constructor(code: ErrorCode, message: string, help: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}
/** What a function is compiled at. */
export interface Ahead {
  readonly sizes: Readonly<Record<string, number>>;
  readonly devices: readonly AheadDevice[];
}
/** What a model exports. */
export type Traceable = ((...args: readonly unknown[]) => unknown) & { readonly options?: JitOptions };

/** The program of `f`. @throws Refusal, and what `f` throws when it is traced */
export function programOf(
  { name, names, args }: Exported & { readonly args: readonly ArgumentType[] },
  f: Traceable,
  ahead: Ahead,
): CompiledFunction {
  const { donate = [], static: fixed = [] } = f.options ?? {};
  if (fixed.length > 0)
    throw new Refusal("E1142", `${name} has static arguments`, "export a function of the tensors alone, with the static values fixed");
  const avals: Aval[] = [],
    weak: boolean[] = [];
  const holes = args.map((a, i) => hole(a, names[i] ?? "", ahead.sizes, avals, weak));
  const { def } = flatten(holes);
  const { func, captured, outDef } = stageAt(
    (...xs) => f(...xs.map((x, i) => (args[i]?.kind === "absent" ? undefined : x))),
    def,
    avals,
    weak,
    `compiling ${name} ahead of time`,
  );
  const paths = leafPaths(def).map(p => p.replace(/^\[(\d+)\]/, (_, i: string) => names[Number(i)] ?? ""));
  const owners = leafPaths(def).map(p => Number(/^\[(\d+)\]/.exec(p)?.[1]));
  const offers = [...captured.map(() => false), ...avals.map(() => true)]; // what was uploaded for a call is the call's to use
  return {
    name,
    args: treeOf(def, name),
    ins: avals.map(({ dtype, shape }, i) => ({ dtype, shape, path: paths[i] ?? "" })),
    result: treeOf(outDef, name),
    outs: func.results.map(({ aval: { dtype, shape } }): Leaf => ({ dtype, shape })),
    donate: owners.flatMap((argument, leaf) => (donate.includes(argument) ? [leaf] : [])),
    constants: captured.map(x => packArray(readSync(x))),
    ...(ahead.devices.includes("wasm") ? { wasm: [true, false].map(fma => wasmCode(func, fma, offers)) } : {}),
    ...(ahead.devices.includes("webgpu") ? { wgsl: packJson(wgslCode(func, offers)) } : {}),
  };
}

/** The argument with a zero for every tensor, whose types are put on lists. */
function hole(a: ArgumentType, path: string, sizes: Ahead["sizes"], avals: Aval[], weak: boolean[]): unknown {
  switch (a.kind) {
    case "tensor":
      weak.push(a.weak ?? false);
      avals.push({ dtype: a.dtype as DType, shape: a.dims.map(d => sizeOf(d, path, sizes)) }); // the type's own dtype
      return lit(0, "f32");
    case "object":
      return Object.fromEntries(
        [...a.fields].sort(([x], [y]) => (x < y ? -1 : 1)).map(([k, v]) => [k, hole(v, `${path}.${k}`, sizes, avals, weak)]),
      );
    case "list":
      return a.items.map((v, i) => hole(v, `${path}[${i}]`, sizes, avals, weak));
    case "absent":
      return null;
    default:
      return a satisfies never;
  }
}
function sizeOf(d: number | string, path: string, sizes: Ahead["sizes"]): number {
  const size = typeof d === "number" ? d : sizes[d];
  if (size !== undefined) return size;
  throw d === open
    ? new Refusal(
        "E1141",
        `a dimension of ${path} may be any number`,
        "write its size into the type, or a name and say its size in the import",
      )
    : new Refusal(
        "E1141",
        `the dimension "${d}" of ${path} has no size`,
        `write a number in its place, import "…?compiled&${d}=32", or give the plugin ahead: { sizes: { ${d}: 32 } }`,
      );
}

/** The structure as the launcher reads it: leaves by number. */
function treeOf(def: TreeDef, name: string): Tree {
  const isClass = (n: TreeDef["node"]): boolean => n.kind === "class" || ("items" in n && n.items.some(isClass));
  if (isClass(def.node))
    throw new Refusal("E1142", `${name} takes or returns instances of a class`, "give and return plain objects and arrays of tensors");
  return unflatten(
    def,
    Array.from({ length: def.leaves }, (_, i) => i),
  ) as Tree; // numbers in objects, arrays and null
}

function wasmCode(func: Func, fma: boolean, donate: readonly boolean[]): WasmCode {
  const target: DeviceTarget = { kind: "wasm", features: { fma, wide: false, threads: false } },
    { bytes, outputs, arenaBytes, scratchBytes } = compile(func, target, { donate }) as WasmArtifact; // what the target asks for
  return { outputs, arenaBytes, scratchBytes, bytes: pack(withoutNames(bytes)) };
}
/** What every implementation of WebGPU has. */
const MODEST: DeviceTarget = { kind: "webgpu", features: { f16: false, subgroup: 1, threads: 256, sharedBytes: 16384 } };
function wgslCode(func: Func, donate: readonly boolean[]): WgslCode {
  const { outputs, arenaBytes, slots, steps, kernels } = compile(func, MODEST, { donate }) as WgslArtifact; // what the target asks for
  return { outputs, arenaBytes, slots, steps, kernels, ...(copies(steps) ? { copy: COPY } : {}) };
}
const copies = (steps: readonly ProgramStep<number>[]): boolean =>
  steps.some(s => {
    switch (s.kind) {
      case "launch":
        return false;
      case "copy":
        return true;
      case "loop":
        return copies(s.body);
      case "while":
        return copies(s.test) || copies(s.body);
      case "branch":
        return s.cases.some(copies);
      default:
        return s satisfies never;
    }
  });
