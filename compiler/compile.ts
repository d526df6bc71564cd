// THE TABLE OF CONTENTS: how a Func becomes an artifact. Each line is a pass with a name, and each result can be looked at:
// jit(f).lower(...args).text("func" | "optimized" | "kernels" | "wat").
import type { Artifact, WasmFeatures } from "../runtime/artifact.ts";
import { unreachable } from "../runtime/errors/error.ts";
import { emitModule } from "./emit/wasm/module.ts";
import type { Func } from "./ir/func.ts";
import { printFunc } from "./ir/print.ts";
import type { Schedule } from "./ir/schedule.ts";
import { lowerFunc } from "./lower/lower.ts";
import { printSchedule } from "./lower/print.ts";
import { optimize } from "./optimize/passes.ts";

/** What is compiled for. Other targets join this union. */
export interface Target { readonly kind: "wasm"; readonly features: WasmFeatures }
/** Inputs whose memory outputs may take over, by parameter index. */
export interface CompileOptions { readonly donate?: readonly boolean[] }

/** Func -> optimized Func -> Schedule of Kernels -> bytes. */
export function compile(func: Func, target: Target, options: CompileOptions = {}): Artifact {
  const optimized = optimize(func);
  const schedule = lower(optimized, options);
  return emitModule(schedule, target.features);
}

const lower = (f: Func, options: CompileOptions): Schedule => lowerFunc(f, { donate: options.donate ?? [] });

/** A stage of compilation that can be printed. */
export type Stage = "func" | "optimized" | "kernels";
/** Text of one stage. `func` is the program as traced. */
export function stageText(func: Func, stage: Stage, options: CompileOptions & { readonly sources?: boolean } = {}): string {
  const print = { sources: options.sources ?? false };
  switch (stage) {
    case "func": return printFunc(func, print);
    case "optimized": return printFunc(optimize(func), print);
    case "kernels": return printSchedule(lower(optimize(func), options));
    default: return unreachable(stage);
  }
}
