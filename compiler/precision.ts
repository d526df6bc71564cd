// What a device cannot compute with is said before anything is compiled for it, with the operation and the line that asked for it.
import type { DeviceTarget } from "../runtime/artifact.ts";
import { PullbackError } from "../runtime/errors/error.ts";
import { showAval } from "./ir/aval.ts";
import type { Func } from "./ir/func.ts";
import { forEachEqn } from "./ir/walk.ts";

/** @throws E0705 for a program that holds f64, on a target without it */
export function requireDTypes(f: Func, { kind }: DeviceTarget): void {
  if (kind !== "webgpu") return;
  const help = 'convert to f32 first, or run on "wasm" or "cuda"';
  forEachEqn(f, e => {
    const value = [...e.outs, ...e.ins].find(v => v.aval.dtype === "f64");
    if (!value) return;
    const at = e.source?.locate();
    throw new PullbackError("E0705", `${e.prim.name} computes with ${showAval(value.aval)}, and a ${kind} device has no f64`, {
      ...(at ? { at } : {}),
      help,
    });
  });
  const param = f.params.findIndex(v => v.aval.dtype === "f64");
  if (param >= 0)
    throw new PullbackError(
      "E0705",
      `input ${param} is ${showAval(f.params[param]?.aval ?? { dtype: "f64", shape: [] })}, and a ${kind} device has no f64`,
      { help },
    );
}
