// The user's value. One class: concrete (it has memory on a device) or staged (it stands for a line of a program being traced).
// It holds no operations: the standard library adds methods (stdlib/ops/methods.ts); conversions to JavaScript values are trapped here.
import type { DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import type { DeviceArray } from "../../runtime/device.ts";
import { showAval, type Aval, type Shape } from "../ir/aval.ts";
import type { Atom } from "../ir/func.ts";
import type { Builder } from "./builder.ts";
import type { Dims, Typed } from "./dims.ts";

/** What a Tensor is made of. A staged literal belongs to no builder (`builder` null) and may be used in any. */
export type Storage =
  | { readonly kind: "staged"; readonly builder: Builder | null; readonly atom: Atom }
  | { readonly kind: "concrete"; readonly array: DeviceArray };

/** An n-dimensional array: dtype, shape and, when concrete, memory. Immutable. The type may say the shape and the dtype, `Tensor<["batch", 784], "f32">`, and need not. */
export class Tensor<S extends Dims = Dims, D extends DType = DType> {
  /** Types only: what the shape and the dtype are compared by (dims.ts). */
  declare readonly "~type"?: Typed<S, D> | undefined;
  readonly dtype: DType;
  readonly shape: Shape;
  /** True for JavaScript numbers: the dtype gives way in promotion (JAX's weak types). */
  readonly weak: boolean;
  /** Internal. */
  readonly storage: Storage;

  constructor(a: Aval, storage: Storage, weak = false) {
    this.dtype = a.dtype;
    this.shape = a.shape;
    this.weak = weak;
    this.storage = storage;
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return this.shape.reduce((n, d) => n * d, 1);
  }
  /** Abstract value: dtype and shape. */
  get aval(): Aval {
    return { dtype: this.dtype, shape: this.shape };
  }

  /** JavaScript asks for a number, string or key here: an error that teaches, except that a concrete tensor may be printed. @throws E0101 */
  [Symbol.toPrimitive](hint: string): string {
    if (this.storage.kind === "concrete" && hint === "string") return this.toString();
    throw new PullbackError(
      "E0101",
      `a tensor ${showAval(this.aval)} was used as a JavaScript ${hint === "string" ? "string or key" : "number"}`,
      { help: "use add, mul, less, where, cond ... ; to read a concrete value, x.item() or await x.data()" },
    );
  }
  /** `Tensor f32[2,3]`. Never shows values: reading them may wait for a device. */
  toString(): string {
    return `Tensor ${showAval(this.aval)}`;
  }
  /** @throws E0101 always: data must be read explicitly. */
  toJSON(): never {
    throw new PullbackError("E0101", `a tensor ${showAval(this.aval)} was passed to JSON.stringify`, {
      help: "read it first: Array.from(x.dataSync())",
    });
  }
}

/** Is `x` a Tensor? */
export const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;
