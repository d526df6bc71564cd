// customJvp and customVjp on user functions: derivatives written by hand. `nondiff` arguments are static: passed to the function and to the rules as they
// are, never differentiated.
import { isFloat } from "../../../runtime/dtype.ts";
import { PullbackError } from "../../../runtime/errors/error.ts";
import { sameAval, showAval } from "../../ir/aval.ts";
import { flatten, showTree, unflatten, type TreeDef } from "../../support/tree.ts";
import { zeros } from "../../primitives/fill.ts";
import { bind } from "../../trace/bind.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { customJvpPrimitive, customVjpPrimitive } from "../custom.ts";
import { shareCaptured, stage, stageAt, tensorLeaves, type AnyFunction, type Leaves, type Staged, type Tensors } from "../stage.ts";
import { item, merge, where, whereNot } from "../walk.ts";
import { tangentLeaves } from "./forward.ts";

/** Positions of static arguments. */
export interface CustomOptions {
  readonly nondiff?: readonly number[];
}

/** `f` with a forward derivative of its own: rule(primals, tangents, ...nondiff) -> [out, dout], where primals and tangents are lists of the differentiable
 *  arguments; reverse mode is its transpose, so dout must be linear in the tangents. Tangents of leaves that are not floating-point are null. @throws E0306, E0103 */
export function customJvp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  rule: (primals: never, tangents: never, ...nondiff: never) => readonly [unknown, unknown],
  options: CustomOptions = {},
): (...args: A) => Tensors<R> {
  return (...args) => {
    const { given, fixedArgs, put } = split(args, options);
    const staged = stage((...xs) => (f as unknown as AnyFunction)(...put(xs)), given, "customJvp"); // put restores f's own argument list
    const isF = given.leaves.map(x => isFloat(x.dtype));
    const ds = where(given.leaves, isF).map(x => x.aval);
    const ruled = stageAt(
      (...all) => {
        const [primals, tangents] = all as readonly [never, never]; // two lists of arguments
        const out = rule(primals, tangents, ...(fixedArgs as never)); // the static arguments, in order
        if (!Array.isArray(out) || out.length !== 2)
          throw new PullbackError("E0306", `the rule of customJvp returned ${showTree(flatten(out).def)}`, { help: "return [out, dout]" });
        const outs = tensorLeaves(out[0], "output");
        return [outs.leaves, tangentLeaves(out[1], outs, ["output tangents", "outputs"])];
      },
      flatten([
        unflatten(given.def, given.leaves),
        unflatten(
          given.def,
          isF.map(x => (x ? 0 : null)),
        ),
      ]).def,
      [...given.leaves.map(x => x.aval), ...ds],
      [],
      "customJvp",
    );
    requireLike(
      ruled.func.results.slice(0, staged.func.results.length).map(r => r.aval),
      staged,
      "rule of customJvp",
    );
    const { captured, funcs } = shareCaptured([staged, ruled]);
    const outs = bind(customJvpPrimitive, [...captured, ...given.leaves], {
      func: item(funcs, 0),
      jvp: item(funcs, 1),
      captured: captured.length,
    });
    return unflatten(staged.outDef, outs) as Tensors<R>; // f's own structure
  };
}

/** `f` with a backward derivative of its own: fwd(...args) -> [out, residuals]; bwd(residuals, ct, ...nondiff) -> one cotangent tree per differentiable argument (null:
 *  zero). Forward mode works as far as bwd is linear in ct: it is transposed. @throws E0306, E0103 */
export function customVjp<A extends readonly unknown[], R, Res>(
  f: (...args: A) => R,
  fwd: (...args: A) => readonly [R, Res],
  bwd: (residuals: Tensors<Res>, ct: Tensors<R>, ...nondiff: never) => readonly unknown[],
  options: CustomOptions = {},
): (...args: A) => Tensors<R> {
  return (...args) => {
    const { given, fixedArgs, put, parts } = split(args, options);
    const call =
      (g: AnyFunction): AnyFunction =>
      (...xs) =>
        g(...put(xs));
    const staged = stage(call(f as unknown as AnyFunction), given, "customVjp"); // put restores f's own argument list
    let residualDef: TreeDef | undefined;
    const forward = stage(
      (...xs) => {
        const out = call(fwd as unknown as AnyFunction)(...xs); // as above
        if (!Array.isArray(out) || out.length !== 2)
          throw new PullbackError("E0306", `the forward rule of customVjp returned ${showTree(flatten(out).def)}`, {
            help: "return [out, residuals]",
          });
        const residuals = tensorLeaves(out[1], "residuals");
        residualDef = residuals.def;
        return [tensorLeaves(out[0], "output").leaves, residuals.leaves];
      },
      given,
      "customVjp",
    );
    const n = staged.func.results.length;
    requireLike(
      forward.func.results.slice(0, n).map(r => r.aval),
      staged,
      "forward rule of customVjp",
    );
    const residuals = forward.func.results.slice(n).map(r => r.aval);
    const floatOuts = staged.func.results.map(r => isFloat(r.aval.dtype));
    const cts = where(staged.func.results, floatOuts).map(r => r.aval);
    const ctTree = unflatten(
      staged.outDef,
      floatOuts.map(x => (x ? 0 : null)),
    );
    const backward = stageAt(
      (...all) => {
        const [res, ct] = all as readonly [Tensors<Res>, Tensors<R>]; // the residuals' and the output's structures
        const out = bwd(res, ct, ...(fixedArgs as never)); // the static arguments, in order
        if (!Array.isArray(out) || out.length !== parts.length)
          throw new PullbackError(
            "E0306",
            `the backward rule of customVjp returned ${showTree(flatten(out).def)} for ${parts.length} arguments`,
            { help: "return an array with one cotangent per differentiable argument; null is zero" },
          );
        return parts.flatMap((p, i) => cotangents(out[i], p));
      },
      flatten([
        unflatten(
          residualDef ?? staged.outDef,
          residuals.map(() => 0),
        ),
        ctTree,
      ]).def,
      [...residuals, ...cts],
      [],
      "customVjp",
    );
    const { captured, funcs } = shareCaptured([staged, forward, backward]);
    const outs = bind(customVjpPrimitive, [...captured, ...given.leaves], {
      func: item(funcs, 0),
      fwd: item(funcs, 1),
      bwd: item(funcs, 2),
      captured: captured.length,
    });
    return unflatten(staged.outDef, outs) as Tensors<R>; // f's own structure
  };
}

/** Cotangents of one argument's float leaves. */
function cotangents(given: unknown, arg: Leaves): Tensor[] {
  if (given === null || given === undefined) return arg.leaves.filter(x => isFloat(x.dtype)).map(x => zeros(x.aval));
  return tangentLeaves(given, arg, ["cotangents of the backward rule", "arguments"]);
}

function requireLike(
  got: readonly { readonly dtype: Tensor["dtype"]; readonly shape: readonly number[] }[],
  staged: Staged,
  what: string,
): void {
  const want = staged.func.results.map(r => r.aval);
  if (got.length !== want.length || got.some((a, i) => !sameAval(a, item(want, i))))
    throw new PullbackError(
      "E0306",
      `the ${what} gives (${got.map(showAval).join(", ")}), the function (${want.map(showAval).join(", ")})`,
      { help: "return the function's own output" },
    );
}

/** The arguments apart: static ones as they are, the others as leaves. */
function split(
  args: readonly unknown[],
  { nondiff = [] }: CustomOptions,
): {
  readonly fixedArgs: readonly unknown[];
  readonly given: Leaves;
  readonly parts: readonly Leaves[];
  put(xs: readonly unknown[]): readonly unknown[];
} {
  const fixed = args.map((_, i) => nondiff.includes(i));
  const fixedArgs = where(args, fixed);
  const others = whereNot(args, fixed);
  return {
    fixedArgs,
    given: tensorLeaves(others, "args"),
    parts: others.map((a, i) => tensorLeaves(a, `args[${i}]`)),
    put: xs => merge(fixed, fixedArgs, xs),
  };
}
