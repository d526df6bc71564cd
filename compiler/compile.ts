// THE TABLE OF CONTENTS: how a Func becomes an artifact. Each line is a pass with a name, and each result can be looked at:
// jit(f).lower(...args).text("func" | "optimized" | "kernels" | "wat").
import type { Artifact, DeviceTarget } from "../runtime/artifact.ts";
import { PullbackError, unreachable } from "../runtime/errors/error.ts";
import { emitModule } from "./emit/wasm/module.ts";
import type { Func } from "./ir/func.ts";
import { printFunc } from "./ir/print.ts";
import type { Schedule } from "./ir/schedule.ts";
import { lowerFunc } from "./lower/lower.ts";
import { printSchedule } from "./lower/print.ts";
import { optimize } from "./optimize/passes.ts";

/** Inputs whose memory outputs may take over, by parameter index. */
export interface CompileOptions { readonly donate?: readonly boolean[] }

/** Func -> optimized Func -> Schedule of Kernels -> bytes. */
export function compile(func: Func, target: DeviceTarget, options: CompileOptions = {}): Artifact {
  const optimized = optimize(func);
  const schedule = lower(optimized, options);
  switch (target.kind) {
    case "wasm": return emitModule(schedule, target.features);
    case "webgpu": case "cuda": throw new PullbackError("E0703", `no compiler for a ${target.kind} device`);
    default: return unreachable(target);
  }
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
