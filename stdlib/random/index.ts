// pullback/random: random numbers as pure functions of a key, bit for bit JAX's.
export { bits, foldIn, key, keys, split, type Keys } from "./keys.ts";
export { exponential, gumbel, normal, truncatedNormal, uniform, type FloatDType, type FloatOption } from "./continuous.ts";
export { bernoulli, categorical, choice, dropoutMask, permutation, randint, type IntDType } from "./discrete.ts";
