// Checks for authors: gradients of any function, and the laws of a primitive's record.
export { checkGrads, type GradCheck } from "./gradients.ts";
export { checkPrimitive, type Domain, type PrimitiveSample } from "./primitive.ts";
