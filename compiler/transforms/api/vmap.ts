// vmap on trees: a function of one example applied to many. Axes are given by prefixes of the argument and result trees.
import { PullbackError } from "../../../runtime/errors/error.ts";
import { showAval } from "../../ir/aval.ts";
import { flatten, leafPaths, unflatten } from "../../support/tree.ts";
import type { Dims } from "../../trace/dims.ts";
import type { Batched } from "../../trace/shape_types.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { isTensor } from "../../trace/tensor.ts";
import { applyFunc } from "../run.ts";
import { describe, join, stageAt, toTensor, type Tensors } from "../stage.ts";
import { batchFunc, moveAxis } from "../vmap.ts";

/** Axes of a tree: an axis (negative counts from the back) or null (not mapped) for all leaves below, or a tree of these. */
export type Axes = number | null | undefined | readonly Axes[] | { readonly [key: string]: Axes };
/** What the mapped function takes: an argument of a known shape gains its leading dimension. Other axes than 0 and null leave the shape open. */
type Mapped<A extends readonly unknown[], O extends VmapOptions> = O extends { readonly in: infer I }
  ? { [K in keyof A]: Along<A[K], I extends readonly unknown[] ? (K extends keyof I ? I[K] : null) : I> }
  : { [K in keyof A]: Batched<A[K]> };
type Along<T, At> = [At] extends [0] ? Batched<T> : [At] extends [null] ? T : Unshaped<T>;
type Out<R, O extends VmapOptions> = O extends { readonly out: infer At } ? Along<R, At> : Batched<R>;
type Unshaped<T> =
  T extends Tensor<infer _, infer D>
    ? Tensor<Dims, D>
    : T extends (...args: never[]) => unknown
      ? T
      : T extends object
        ? { [K in keyof T]: Unshaped<T[K]> }
        : T;
/** `in`: axes of the arguments: one prefix for all, or a list with one per argument (default 0). `out`: axes of the result (default 0). `axisName`: for psum and
 *  friends. `size`: needed only when nothing is mapped. */
export interface VmapOptions {
  readonly in?: Axes;
  readonly out?: Axes;
  readonly axisName?: string;
  readonly size?: number;
}

/** `f` over every slice of its mapped arguments; results stacked. Unmapped arguments are passed as they are. @throws E0203, E0304, E0103 */
export function vmap<A extends readonly unknown[], R, const O extends VmapOptions = Record<never, never>>(
  f: (...args: A) => R,
  options?: O,
): (...args: Mapped<A, O>) => Out<Tensors<R>, O> {
  return (...args) => batched(f as (...xs: readonly unknown[]) => unknown, args, options ?? {}) as Out<Tensors<R>, O>; // called with f's own structures
}

function batched(
  f: (...xs: readonly unknown[]) => unknown,
  args: readonly unknown[],
  { in: inAxes = 0, out: outAxes = 0, axisName, size: given }: VmapOptions,
): unknown {
  const { leaves: raw, def } = flatten(args);
  const paths = leafPaths(def).map(p => join("argument", p));
  const axes = prefixAxes(Array.isArray(inAxes) ? inAxes : args.map(() => inAxes), args, "in");
  const mapped = axes.map(a => a !== null);
  const inputs = raw.map((x, i): Tensor | null => (mapped[i] ? toTensor(x, paths[i] ?? "") : null));
  const at = inputs.map((x, i) => (x ? axisOf(x, axes[i] ?? 0, paths[i] ?? "") : null));
  const size = sizeOf(inputs, at, paths, given);
  const fronted = inputs.flatMap((x, i) => (x ? [moveAxis(x, at[i] ?? 0, 0)] : []));
  const elements = fronted.map(x => ({ dtype: x.dtype, shape: x.shape.slice(1) }));
  const staged = stageAt(
    (...xs) => {
      let k = 0;
      return f(
        ...(unflatten(
          def,
          raw.map((x, i) => (mapped[i] ? xs[k++] : x)),
        ) as readonly unknown[]),
      ); // the argument list is an array
    },
    flatten(elements.map(() => 0)).def,
    elements,
    [],
    "vmap",
  );
  const outPrefix = prefixAxes(
    outAxes,
    unflatten(
      staged.outDef,
      staged.func.results.map((_, i) => i),
    ),
    "out",
  );
  const { func, batched: flags } = batchFunc(
    staged.func,
    [...staged.captured.map(() => false), ...fronted.map(() => true)],
    { size, name: axisName },
    outPrefix.map(a => a !== null),
  );
  const outs = applyFunc(func, [...staged.captured, ...fronted]);
  const outPaths = leafPaths(staged.outDef).map(p => join("output", p));
  return unflatten(
    staged.outDef,
    outs.map((y, i) => {
      const a = outPrefix[i];
      if (a !== null && a !== undefined) return moveAxis(y, 0, axisOf(y, a, outPaths[i] ?? ""));
      if (flags[i])
        throw new PullbackError("E0304", `vmap: ${outPaths[i] ?? "output"} has out axis null, but it depends on the mapped arguments`, {
          help: "give it an axis in { out }, or reduce it over the axis first (psum, pmean)",
        });
      return y;
    }),
  );
}

/** One axis per leaf of `tree`, from a prefix. @throws E0103 when it is no prefix */
function prefixAxes(prefix: Axes, tree: unknown, what: string): (number | null)[] {
  const walk = (p: Axes, t: unknown, path: string): (number | null)[] => {
    if (p === null || p === undefined || typeof p === "number") return flatten(t).leaves.map(() => p ?? null);
    if (Array.isArray(p) && Array.isArray(t) && p.length === t.length) return p.flatMap((q: Axes, i) => walk(q, t[i], `${path}[${i}]`));
    if (!Array.isArray(p) && typeof t === "object" && t !== null && !Array.isArray(t) && !isTensor(t)) {
      const fields = p as { readonly [key: string]: Axes }; // neither a leaf nor an array
      const record = t as { readonly [key: string]: unknown }; // an object
      const names = Object.keys(record)
        .filter(k => record[k] !== undefined)
        .sort();
      const strange = Object.keys(fields).find(k => !names.includes(k));
      if (strange === undefined) return names.flatMap(k => walk(fields[k], record[k], join(path, k)));
    }
    throw new PullbackError(
      "E0103",
      `vmap: { ${what} } at ${path === "" ? "the top" : path} is no prefix of the tree that it describes (${describe(t)})`,
      { help: "give an axis, null, or a tree that follows the structure from the top; fields left out are not mapped" },
    );
  };
  return walk(prefix, tree, "");
}

/** A non-negative axis of `x`. @throws E0203 */
function axisOf(x: Tensor, axis: number, path: string): number {
  const a = axis < 0 ? axis + x.ndim : axis;
  if (!Number.isInteger(axis) || a < 0 || a >= x.ndim)
    throw new PullbackError("E0203", `vmap: ${path} is ${showAval(x.aval)}, which has no axis ${axis}`, {
      help: "give its axis in { in }, or null to pass it unmapped",
    });
  return a;
}

/** The common size of the mapped axes. @throws E0304 */
function sizeOf(
  xs: readonly (Tensor | null)[],
  at: readonly (number | null)[],
  paths: readonly string[],
  given: number | undefined,
): number {
  const sizes = xs.flatMap((x, i) => (x ? [{ size: x.shape[at[i] ?? 0] ?? 0, path: paths[i] ?? "" }] : []));
  const size = given ?? sizes[0]?.size;
  if (size === undefined)
    throw new PullbackError("E0304", "vmap maps no argument and has no size", { help: "map an argument with { in }, or give { size }" });
  const other = sizes.find(s => s.size !== size);
  if (other)
    throw new PullbackError(
      "E0304",
      `vmap: ${other.path} has ${other.size} along its mapped axis, ${given === undefined ? (sizes[0]?.path ?? "") : "{ size }"} says ${size}`,
      { help: "all mapped axes need the same size" },
    );
  return size;
}
