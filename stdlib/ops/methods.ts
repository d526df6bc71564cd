// The method form: x.add(y), x.sum(), x.item(). Importing the package's root installs it. Methods are the functions with their first operand in front:
// no method has code of its own but those that read or release memory.
import { disposeTensor, fromStorage, read, readSync, Tensor, type HostArray } from "../../compiler/index.ts";
import type { DType } from "../../runtime/dtype.ts";
import { showAval, type Dims } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import * as activations from "./activations.ts";
import * as arithmetic from "./arithmetic.ts";
import * as compare from "./compare.ts";
import * as indexing from "./indexing.ts";
import * as join from "./join.ts";
import * as linalg from "./linalg.ts";
import * as math from "./math.ts";
import type { IndexItem } from "./index_plan.ts";
import type { ShapedMethods } from "./method_types.ts";
import type { TensorLike } from "./promotion.ts";
import * as reduce from "./reduce.ts";
import * as shape from "./shape.ts";
import * as sort from "./sort.ts";
import * as take from "./take.ts";
import * as update from "./update.ts";

/** Which functions are methods too. */
const names = {
  arithmetic: [
    "add",
    "sub",
    "mul",
    "div",
    "floorDiv",
    "mod",
    "rem",
    "pow",
    "neg",
    "abs",
    "sign",
    "minimum",
    "maximum",
    "square",
    "reciprocal",
    "floor",
    "ceil",
    "round",
    "trunc",
    "astype",
  ],
  math: [
    "sqrt",
    "rsqrt",
    "cbrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "erf",
  ],
  activations: ["sigmoid", "relu", "gelu", "silu", "softplus"],
  compare: [
    "equal",
    "notEqual",
    "less",
    "lessEqual",
    "greater",
    "greaterEqual",
    "logicalAnd",
    "logicalOr",
    "logicalXor",
    "logicalNot",
    "clip",
    "isNan",
    "isInf",
    "isFinite",
  ],
  reduce: [
    "sum",
    "prod",
    "mean",
    "max",
    "min",
    "any",
    "all",
    "variance",
    "std",
    "argmax",
    "argmin",
    "logsumexp",
    "softmax",
    "logSoftmax",
    "norm",
    "cumsum",
    "cumprod",
    "cummax",
    "cummin",
  ],
  shape: ["reshape", "ravel", "flatten", "transpose", "swapaxes", "moveaxis", "expandDims", "squeeze", "flip", "roll", "broadcastTo"],
  join: ["split", "unstack", "tile", "repeat", "pad"],
  linalg: ["matmul", "dot", "outer", "diagonal", "trace"],
  sort: ["sort", "argsort", "topK"],
  take: ["take", "takeAlongAxis"],
  update: ["setAt", "addAt", "mulAt", "minAt", "maxAt"],
} as const;
type Names = typeof names;
type Method<F> = F extends (x: TensorLike, ...rest: infer A) => infer R ? (...args: A) => R : never;
type Methods<M, K extends keyof M> = { readonly [N in Exclude<K, keyof ShapedMethods>]: Method<M[N]> };

/** The methods of every tensor: functions of the library, `x.f(...)` for `f(x, ...)`. */
export interface TensorMethods
  extends
    ShapedMethods,
    Methods<typeof reduce, Names["reduce"][number]>,
    Methods<typeof shape, Names["shape"][number]>,
    Methods<typeof join, Names["join"][number]>,
    Methods<typeof linalg, Names["linalg"][number]>,
    Methods<typeof sort, Names["sort"][number]>,
    Methods<typeof take, Names["take"][number]>,
    Methods<typeof update, Names["update"][number]> {
  /** The part that an index names: `x.at(0, slice(1, 3), null, "...", rows)`. See `index`. */
  at(...items: readonly IndexItem[]): Tensor;
  /** The number of a one-element concrete tensor (bool: 0 or 1). @throws E0101 while tracing, E0205 for more elements */
  item(): number;
  /** The same, where the device cannot be waited for. Rejects likewise. */
  itemAsync(): Promise<number>;
  /** A host copy in storage format (f16, bf16 and 8-bit floats as bit patterns). @throws E0101 while tracing, E0706 where the thread may not wait for the device */
  dataSync(): HostArray;
  /** The same, without blocking where the device is asynchronous. */
  data(): Promise<HostArray>;
  /** Nested arrays of numbers (of booleans for bool), as deep as the tensor has dimensions. @throws E0101 while tracing */
  tolist(): NestedList;
  /** The same, where the device cannot be waited for. */
  tolistAsync(): Promise<NestedList>;
  /** Release the memory now. Idempotent. */
  dispose(): void;
  [Symbol.dispose](): void;
  /** Slices along the leading axis. @throws E0203 for a scalar */
  [Symbol.iterator](): Iterator<Tensor>;
}
/** What `tolist` gives. */
export type NestedList = number | boolean | readonly NestedList[];
declare module "../../compiler/trace/tensor.ts" {
  interface Tensor<S extends Dims = Dims, D extends DType = DType> extends TensorMethods {}
}

function requireOne(x: Tensor): void {
  if (x.size !== 1)
    throw new PullbackError("E0205", `item() of ${showAval(x.aval)}, which has ${x.size} elements`, {
      help: "reduce it first, or read all of it with dataSync()",
    });
}
const itemOf = (x: Tensor, data: HostArray): number => fromStorage(x.dtype, data)[0] ?? NaN;
function listOf(x: Tensor, data: HostArray): NestedList {
  const flat = fromStorage(x.dtype, data);
  const build = (depth: number, from: number, count: number): NestedList => {
    const n = x.shape[depth];
    if (n === undefined) {
      const v = flat[from] ?? NaN;
      return x.dtype === "bool" ? v !== 0 : v;
    }
    return Array.from({ length: n }, (_, i) => build(depth + 1, from + (i * count) / n, count / n));
  };
  return build(0, 0, x.size);
}

const own = {
  at(this: Tensor, ...items: readonly IndexItem[]): Tensor {
    return indexing.index(this, ...items);
  },
  item(this: Tensor): number {
    requireOne(this);
    return itemOf(this, readSync(this));
  },
  async itemAsync(this: Tensor): Promise<number> {
    requireOne(this);
    return itemOf(this, await read(this));
  },
  dataSync(this: Tensor): HostArray {
    return readSync(this);
  },
  data(this: Tensor): Promise<HostArray> {
    return read(this);
  },
  tolist(this: Tensor): NestedList {
    return listOf(this, readSync(this));
  },
  async tolistAsync(this: Tensor): Promise<NestedList> {
    return listOf(this, await read(this));
  },
  dispose(this: Tensor): void {
    disposeTensor(this);
  },
  [Symbol.dispose](this: Tensor): void {
    disposeTensor(this);
  },
  [Symbol.iterator](this: Tensor): Iterator<Tensor> {
    return join.unstack(this)[Symbol.iterator]();
  },
};
const install = (name: string | symbol, value: unknown): void => {
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
};
const files: { readonly [F in keyof Names]: object } = {
  arithmetic,
  math,
  activations,
  compare,
  reduce,
  shape,
  join,
  linalg,
  sort,
  take,
  update,
};
for (const [file, functions] of Object.entries(names)) {
  for (const name of functions) {
    const f = Reflect.get(files[file as keyof Names], name) as (x: Tensor, ...rest: readonly unknown[]) => unknown; // the interface above has checked that each is a function of a tensor
    install(name, function method(this: Tensor, ...rest: readonly unknown[]): unknown {
      return f(this, ...rest);
    });
  }
}
for (const key of Reflect.ownKeys(own)) install(key, Reflect.get(own, key));
