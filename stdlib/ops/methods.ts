// The method form: x.add(y), x.sum(), x.item(). Importing the package's root installs it; functions and methods are the same code.
import { disposeTensor, fromStorage, read, readSync, Tensor, type HostArray } from "../../compiler/index.ts";
import { showAval, type Shape } from "../../compiler/extend.ts";
import type { DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { add, astype, div, mul, neg, pow, sub } from "./arithmetic.ts";
import { unstack } from "./join.ts";
import { matmul } from "./linalg.ts";
import { exp, log, sqrt, tanh } from "./math.ts";
import type { TensorLike } from "./promotion.ts";
import { max, mean, min, sum, type ReduceOptions } from "./reduce.ts";
import { reshape, transpose } from "./shape.ts";

/** The methods of every tensor. */
export interface TensorMethods {
  add(y: TensorLike): Tensor; sub(y: TensorLike): Tensor; mul(y: TensorLike): Tensor; div(y: TensorLike): Tensor; pow(y: TensorLike): Tensor; neg(): Tensor;
  exp(): Tensor; log(): Tensor; sqrt(): Tensor; tanh(): Tensor;
  sum(o?: ReduceOptions): Tensor; mean(o?: ReduceOptions): Tensor; max(o?: ReduceOptions): Tensor; min(o?: ReduceOptions): Tensor;
  reshape(shape: Shape): Tensor; transpose(perm?: readonly number[]): Tensor; matmul(y: TensorLike): Tensor; astype(dtype: DType): Tensor;
  /** The number of a one-element concrete tensor (bool: 0 or 1). @throws E0101 while tracing, E0205 for more elements */
  item(): number;
  /** A host copy in storage format (f16 and bf16 as bit patterns). @throws E0101 while tracing */
  dataSync(): HostArray;
  /** The same, without blocking where the device is asynchronous. */
  data(): Promise<HostArray>;
  /** Release the memory now. Idempotent. */
  dispose(): void;
  [Symbol.dispose](): void;
  /** Slices along the leading axis. */
  [Symbol.iterator](): Iterator<Tensor>;
}
declare module "../../compiler/trace/tensor.ts" { interface Tensor extends TensorMethods {} }

function item(x: Tensor): number {
  if (x.size !== 1) throw new PullbackError("E0205", `item() of ${showAval(x.aval)}, which has ${x.size} elements`, { help: "reduce it first, or read all of it with dataSync()" });
  return fromStorage(x.dtype, readSync(x))[0] ?? NaN;
}

const methods: { readonly [K in keyof TensorMethods]: (this: Tensor, ...args: Parameters<TensorMethods[K]>) => ReturnType<TensorMethods[K]> } = {
  add(y) { return add(this, y); }, sub(y) { return sub(this, y); }, mul(y) { return mul(this, y); }, div(y) { return div(this, y); }, pow(y) { return pow(this, y); }, neg() { return neg(this); },
  exp() { return exp(this); }, log() { return log(this); }, sqrt() { return sqrt(this); }, tanh() { return tanh(this); },
  sum(o) { return sum(this, o); }, mean(o) { return mean(this, o); }, max(o) { return max(this, o); }, min(o) { return min(this, o); },
  reshape(shape) { return reshape(this, shape); }, transpose(perm) { return transpose(this, perm); }, matmul(y) { return matmul(this, y); }, astype(dtype) { return astype(this, dtype); },
  item() { return item(this); }, dataSync() { return readSync(this); }, data() { return read(this); }, dispose() { disposeTensor(this); },
  [Symbol.dispose]() { disposeTensor(this); },
  [Symbol.iterator]() { return unstack(this)[Symbol.iterator](); },
};
for (const key of Reflect.ownKeys(methods)) Object.defineProperty(Tensor.prototype, key, { value: methods[key as keyof TensorMethods], writable: true, configurable: true }); // ownKeys of a record of exactly these
