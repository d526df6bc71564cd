// The package's root: transforms, control flow and tensors from the compiler, and every operation, in function and method form.
import "./ops/methods.ts";
export * from "../compiler/index.ts";
export * from "./ops/creation.ts";
export * from "./ops/arithmetic.ts";
export * from "./ops/math.ts";
export * from "./ops/activations.ts";
export * from "./ops/compare.ts";
export * from "./ops/reduce.ts";
export * from "./ops/shape.ts";
export * from "./ops/join.ts";
export * from "./ops/linalg.ts";
export * from "./ops/take.ts";
export { promoteTypes, type TensorLike } from "./ops/promotion.ts";
