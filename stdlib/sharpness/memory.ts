// Sharpness-aware gradients that remember: gates and intervals (the second pass only when it pays), directions and combinations that use what earlier
// steps left. State is a tree of tensors that goes in and comes out, as an optimizer's. The stateless core is core.ts.
import { cond } from "../../compiler/index.ts";
import type { Tensor } from "../../compiler/extend.ts";
import { add, astype } from "../ops/arithmetic.ts";
import { zeros } from "../ops/creation.ts";
import type { Schedule } from "../optim/schedules.ts";
import * as tree from "../tree.ts";
import { firstPass, moveBy, perturbation, type Path, type SharpnessOptions } from "./core.ts";
import { withGrad, type GradientFunction } from "./result.ts";
import { accumulated, whole } from "./sweeps.ts";

/** The step, counted from 0 (i32[]), and what the method remembers, a tree. */
export interface SharpnessState<M> {
  readonly step: Tensor;
  readonly memory: M;
}
/** What one step knows: its number, the plain gradient and the parameters. */
export interface Seen<M> {
  readonly step: Tensor;
  readonly memory: M;
  readonly grad: unknown;
  readonly params: unknown;
}
/** Options of `remembering`. Everything is optional but the radius and the memory. */
export interface MemoryOptions<M> extends Omit<SharpnessOptions, "rho" | "direction" | "combine"> {
  /** Radius: a number or a schedule of the step. */
  readonly rho: number | Schedule;
  /** Default "full". */
  readonly path?: Path;
  /** The memory before the first step. */
  init(params: unknown): M;
  /** Take the second pass at this step? bool[]; without it, always. When closed, the second pass is not computed. */
  gate?(seen: Seen<M>): Tensor;
  /** Direction of ε before its length. Default: the gradient. */
  direction?(seen: Seen<M>): unknown;
  /** The gradient handed out after a second pass. Default: the perturbed one. */
  combine?(seen: Seen<M>, perturbed: unknown): unknown;
  /** The gradient handed out when the gate is closed. Default: the plain one. */
  otherwise?(seen: Seen<M>): unknown;
  /** The memory after the step. `perturbed` is the gradient of the second pass, or null when the gate was closed. Default: unchanged. */
  remember?(seen: Seen<M>, perturbed: unknown): M;
}
/** A gradient function with memory: `init(params)` and `gradient(state, params, ...)` -> [result of f, next state]. */
export interface Remembering<A extends readonly unknown[], R, M> {
  init(params: A[0]): SharpnessState<M>;
  gradient(state: SharpnessState<M>, ...args: A): [R, SharpnessState<M>];
}

/** `f` made sharpness-aware by a method with memory. @throws as sharpnessAware */
export function remembering<A extends readonly [unknown, ...unknown[]], R, M>(
  f: GradientFunction<A, R>,
  options: MemoryOptions<M>,
): Remembering<A, R, M> {
  const { at = "logits", accumulate, rho, path = "full", direction, ...rest } = options;
  return {
    init: params => ({ step: zeros([], { dtype: "i32" }), memory: options.init(params) }),
    gradient: ({ step, memory }, ...args) => {
      const [params] = args,
        sweeps = accumulate ? accumulated(f, args, at, accumulate) : whole(f, args, at);
      const first = firstPass(sweeps, path, params),
        seen: Seen<M> = { step, memory, grad: first.grad, params };
      const next = (perturbed: unknown): M => (options.remember ? options.remember(seen, perturbed) : memory);
      const open = (): { readonly grad: unknown; readonly memory: M } => {
        const { precondition, e, normalize, mask } = rest;
        const eps = perturbation(first.grad, params, {
          rho: typeof rho === "number" ? rho : rho(step),
          ...given({ precondition, e, normalize, mask }),
          ...(direction ? { direction: () => direction(seen) } : {}),
        });
        const perturbed = first.along(moveBy(eps, params, given({ mask })));
        return { grad: like(first.grad, options.combine ? options.combine(seen, perturbed) : perturbed), memory: next(perturbed) };
      };
      const closed = (): { readonly grad: unknown; readonly memory: M } => ({
        grad: like(first.grad, options.otherwise ? options.otherwise(seen) : first.grad),
        memory: next(null),
      });
      const out = options.gate ? (cond(options.gate(seen), open, closed) as ReturnType<typeof open>) : open(); // the branches' own structure
      return [withGrad(first.result, params, out.grad), { step: add(step, 1), memory: out.memory }];
    },
  };
}
/** Both branches of the gate give the gradient in its own dtypes. */
const like = (g: unknown, x: unknown): unknown => tree.map((a: Tensor, b: Tensor) => astype(b, a.dtype), g, x);
/** An object without its undefined fields. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }; // absent fields read as undefined anyway
}

/** Options of `ahead`. */
export interface AheadOptions<M> {
  /** Radius: a number or a schedule of the step. */
  readonly rho: number | Schedule;
  readonly mask?: SharpnessOptions["mask"];
  init(params: unknown): M;
  /** Direction of ε, from the memory alone. */
  direction(memory: M): unknown;
  /** The memory after the step, from the gradient at θ + ε. */
  remember(memory: M, grad: unknown): M;
}
/** One pass a step: the gradient at θ + ε, ε from the memory alone. The value and aux reported are those at θ + ε: there is no other pass. */
export function ahead<A extends readonly [unknown, ...unknown[]], R, M>(
  f: GradientFunction<A, R>,
  { rho, mask, init, direction, remember }: AheadOptions<M>,
): Remembering<A, R, M> {
  return {
    init: params => ({ step: zeros([], { dtype: "i32" }), memory: init(params) }),
    gradient: ({ step, memory }, ...args) => {
      const [params] = args,
        masked = given({ mask });
      const eps = perturbation(direction(memory), params, { rho: typeof rho === "number" ? rho : rho(step), ...masked });
      const { result, grad } = whole(f, args, "logits").plain(moveBy(eps, params, masked));
      return [result, { step: add(step, 1), memory: remember(memory, grad) }];
    },
  };
}
