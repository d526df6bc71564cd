// Tensors put together, taken apart and repeated. Operands are promoted to one dtype; all sizes are known while tracing.
import { PullbackError } from "../../runtime/errors/error.ts";
import * as p from "../../compiler/extend.ts";
import type { Shaped, Tensor } from "../../compiler/extend.ts";
import type { Joined, Stacked } from "./typed.ts";
import { asTensor, broadcastTo, normalizeAxis, promote, toDType, type TensorLike } from "./promotion.ts";
import { expandDims, reshape, sliceAxis } from "./shape.ts";

/** Tensors one after another along `axis` (0 unless given); the other sizes agree. @throws E0201, E0203, E0205 for an empty list */
export function concat<const Xs extends readonly TensorLike[], const A extends number = 0>(xs: Xs, axis?: A): Shaped<Joined<Xs, A>>;
export function concat(xs: readonly TensorLike[], axis = 0): Tensor {
  if (xs.length === 0) throw new PullbackError("E0205", "concat got an empty list", { help: "give at least one tensor" });
  const { xs: parts } = promote(...xs);
  const d = normalizeAxis("concat", axis, parts[0]?.ndim ?? 0);
  return parts.length === 1 ? (parts[0] as Tensor) : p.concat(...parts, { axis: d }); // the list has one
}
/** Tensors of one shape [..] along a new axis. @throws E0201, E0203, E0205 for an empty list */
export function stack<const Xs extends readonly TensorLike[], const A extends number = 0>(xs: Xs, axis?: A): Shaped<Stacked<Xs, A>>;
export function stack(xs: readonly TensorLike[], axis = 0): Tensor {
  const shapes = xs.map(x => asTensor(x).shape),
    first = shapes[0] ?? [];
  const odd = shapes.find(s => !p.sameShape(s, first));
  if (odd)
    throw new PullbackError("E0201", `stack needs equal shapes, got [${first.join(",")}] and [${odd.join(",")}]`, {
      help: "broadcast or pad them to one shape first",
    });
  const d = normalizeAxis("stack", axis, first.length + 1);
  return concat(
    promote(...xs).xs.map(x => expandDims(x, d)),
    d,
  );
}
/** Parts along `axis`: `parts` equal ones, or cut at the given positions. @throws E0203, E0205 when it does not divide or positions do not ascend */
export function split(x: TensorLike, parts: number | readonly number[], axis = 0): Tensor[] {
  const t = asTensor(x),
    d = normalizeAxis("split", axis, t.ndim),
    n = t.shape[d] ?? 0;
  if (typeof parts === "number") {
    if (!Number.isInteger(parts) || parts < 1 || n % parts !== 0)
      throw new PullbackError("E0205", `split cannot cut ${p.showAval(t.aval)} into ${parts} equal parts along axis ${d}`, {
        help: `the size ${n} must be a multiple; or give the positions to cut at`,
      });
    return Array.from({ length: parts }, (_, i) => sliceAxis(t, d, (i * n) / parts, ((i + 1) * n) / parts));
  }
  const cuts = [0, ...parts, n];
  if (!cuts.every((c, i) => Number.isInteger(c) && c >= (cuts[i - 1] ?? 0) && c <= n)) {
    throw new PullbackError("E0205", `split got the positions [${parts.join(",")}] for ${p.showAval(t.aval)} along axis ${d}`, {
      help: `positions ascend within [0, ${n}]`,
    });
  }
  return cuts.slice(1).map((to, i) => sliceAxis(t, d, cuts[i] ?? 0, to));
}
/** The slices along `axis`, without it: the inverse of stack. @throws E0203 */
export function unstack(x: TensorLike, axis = 0): Tensor[] {
  const t = asTensor(x),
    d = normalizeAxis("unstack", axis, t.ndim),
    shape = t.shape.filter((_, i) => i !== d);
  return Array.from({ length: t.shape[d] ?? 0 }, (_, i) => reshape(sliceAxis(t, d, i, i + 1), shape));
}
/** The whole tensor repeated `times[d]` times along each dimension (aligned at the right). @throws E0205 */
export function tile(x: TensorLike, times: number | readonly number[]): Tensor {
  const t = asTensor(x),
    given = typeof times === "number" ? [times] : times;
  if (!given.every(n => Number.isInteger(n) && n >= 0))
    throw new PullbackError("E0205", `tile got the counts [${given.join(",")}]`, { help: "counts are whole numbers, 0 or more" });
  const rank = Math.max(t.ndim, given.length);
  const shape = [...Array<number>(rank - t.ndim).fill(1), ...t.shape],
    counts = [...Array<number>(rank - given.length).fill(1), ...given];
  const wide = broadcastTo(
    reshape(
      t,
      shape.flatMap(n => [1, n]),
    ),
    shape.flatMap((n, d) => [counts[d] ?? 1, n]),
  );
  return reshape(
    wide,
    shape.map((n, d) => n * (counts[d] ?? 1)),
  );
}
/** Each element repeated `times` times along `axis` (of the raveled tensor without one). @throws E0203, E0205 */
export function repeat(x: TensorLike, times: number, axis?: number): Tensor {
  const t = axis === undefined ? reshape(x, [-1]) : asTensor(x),
    d = normalizeAxis("repeat", axis ?? 0, t.ndim);
  if (!Number.isInteger(times) || times < 0)
    throw new PullbackError("E0205", `repeat got the count ${times}`, { help: "repeat a whole number of times, 0 or more" });
  const after = (n: number): number[] => [...t.shape.slice(0, d + 1), n, ...t.shape.slice(d + 1)];
  return reshape(
    broadcastTo(reshape(t, after(1)), after(times)),
    t.shape.map((n, i) => (i === d ? n * times : n)),
  );
}

/** What `pad` puts around: a constant, the edge repeated, or the tensor mirrored at its edge (which is not repeated). */
export interface PadOptions {
  readonly mode?: "constant" | "edge" | "reflect";
  readonly value?: TensorLike;
}
/** Elements added around: `width` is one number for every side, or [before, after] for each dimension. @throws E0205, E0801 */
export function pad(
  x: TensorLike,
  width: number | readonly (readonly [number, number])[],
  { mode = "constant", value = 0 }: PadOptions = {},
): Tensor {
  const t = asTensor(x),
    sides = typeof width === "number" ? t.shape.map(() => [width, width] as const) : width;
  if (sides.length !== t.ndim || !sides.every(s => s.every(n => Number.isInteger(n) && n >= 0))) {
    throw new PullbackError("E0205", `pad got the widths ${JSON.stringify(width)} for ${p.showAval(t.aval)}`, {
      help: "give [before, after], whole numbers, for each dimension",
    });
  }
  switch (mode) {
    case "constant":
      return p.pad(t, toDType(value, t.dtype), { low: sides.map(s => s[0]), high: sides.map(s => s[1]), interior: sides.map(() => 0) });
    case "edge":
      return sides.reduce((y, [before, after], d) => edges(y, d, before, after), t);
    case "reflect":
      return sides.reduce((y, [before, after], d) => mirror(y, d, before, after), t);
    default:
      throw new PullbackError("E0801", `pad got the mode ${JSON.stringify(mode satisfies never)}`, {
        help: "use constant, edge or reflect",
      });
  }
}
function edges(t: Tensor, d: number, before: number, after: number): Tensor {
  const n = t.shape[d] ?? 0;
  if (n === 0 && before + after > 0)
    throw new PullbackError("E0205", `pad cannot repeat the edge of ${p.showAval(t.aval)}, which has none along axis ${d}`, {
      help: "pad with a constant",
    });
  const copies = (at: number, count: number): Tensor[] =>
    count === 0
      ? []
      : [
          broadcastTo(
            sliceAxis(t, d, at, at + 1),
            t.shape.map((s, i) => (i === d ? count : s)),
          ),
        ];
  return concat([...copies(0, before), t, ...copies(n - 1, after)], d);
}
function mirror(t: Tensor, d: number, before: number, after: number): Tensor {
  const n = t.shape[d] ?? 0;
  if (Math.max(before, after) > n - 1 && before + after > 0)
    throw new PullbackError("E0205", `pad cannot mirror [${before},${after}] elements of ${p.showAval(t.aval)} along axis ${d}`, {
      help: `at most ${Math.max(0, n - 1)}: the edge itself is not repeated`,
    });
  const turned = (from: number, to: number): Tensor[] => (from === to ? [] : [p.reverse(sliceAxis(t, d, from, to), { axes: [d] })]);
  return concat([...turned(1, 1 + before), t, ...turned(n - 1 - after, n - 1)], d);
}
