// Neural networks as pure functions of trees: parameters go in, nothing is stored. Layers, attention, losses, initialisers.
export * from "./layers.ts";
export * from "./attention.ts";
export * from "./losses.ts";
export * from "./init.ts";
export * from "./decoder.ts";
export { gelu, relu, sigmoid, silu, softplus, elu } from "../ops/activations.ts";
export { softmax, logSoftmax } from "../ops/reduce.ts";
