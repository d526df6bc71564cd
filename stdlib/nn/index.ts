// Neural networks as pure functions of trees: parameters go in, nothing is stored. Layers, attention, losses, initialisers.
export * from "./layers.ts";
export * from "./attention.ts";
export * from "./losses.ts";
export * from "./init.ts";
export * from "./decoder.ts";
export * from "./rotary.ts";
export { elu, gelu, leakyRelu, logSigmoid, relu, relu6, selu, sigmoid, silu, softplus } from "../ops/activations.ts";
export { softmax, logSoftmax } from "../ops/reduce.ts";
