// How a finished Func is applied to tensors: re-emitted while a function is being traced, else handed to the evaluator that the floor above installed
// (it compiles and caches). The one place that decides.
import type { Func } from "../ir/func.ts";
import { currentBuilder } from "../trace/builder.ts";
import type { Tensor } from "../trace/tensor.ts";
import { inline } from "../trace/trace.ts";

/** Runs a whole Func on concrete tensors. */
export type FuncRunner = (f: Func, args: readonly Tensor[]) => Tensor[];
let runner: FuncRunner | null = null;
/** Called once by the floor that can run Funcs; without it they run one equation at a time. */
export const installRunner = (run: FuncRunner | null): void => {
  runner = run;
};

/** Results of `f` on `args`. */
export const applyFunc = (f: Func, args: readonly Tensor[]): Tensor[] => (currentBuilder() || !runner ? inline(f, args) : runner(f, args));
