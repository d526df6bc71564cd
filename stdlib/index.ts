// The package's root: transforms, control flow and tensors from the compiler, and every operation, in function and method form.
import "./ops/methods.ts";
export * from "../compiler/index.ts";
export * from "./ops/creation.ts";
export * from "./ops/arithmetic.ts";
export * from "./ops/math.ts";
export * from "./ops/activations.ts";
export * from "./ops/compare.ts";
export * from "./ops/reduce.ts";
export {
  broadcastShapes,
  broadcastTo,
  expandDims,
  flatten,
  flip,
  moveaxis,
  ravel,
  reshape,
  roll,
  squeeze,
  swapaxes,
  transpose,
} from "./ops/shape.ts";
export * from "./ops/join.ts";
export * from "./ops/linalg.ts";
export * from "./ops/einsum.ts";
export * from "./ops/conv.ts";
export { index, slice, type IndexItem, type Slice } from "./ops/indexing.ts";
export * from "./ops/update.ts";
export * from "./ops/take.ts";
export * from "./ops/sort.ts";
export { promoteTypes, resultType, type TensorLike } from "./ops/promotion.ts";
