// Every primitive of this folder in one list: for reading program text, and for tests that must miss none. Nothing else may import it:
// passes learn what they need from the record in the equation.
import type { Primitive } from "../ir/primitive.ts";
import { abs, add, ceil, div, floor, max, min, mul, neg, rem, round, sign, sub, trunc } from "./arithmetic.ts";
import { attention, attentionGrad, attentionTangent } from "./attention.ts";
import { broadcastInDim, reduceSum } from "./broadcast.ts";
import { equal, greater, greaterEqual, isNan, less, lessEqual, notEqual, select } from "./compare.ts";
import { bitcast, convert } from "./convert.ts";
import { cumlogsumexp, cummax, cummin, cumprod, cumsum, linearRecurrence } from "./cumulative.ts";
import { dotGeneral } from "./dot.ts";
import { exp, exp2, expm1, log, log1p, log2, sigmoid } from "./exponential.ts";
import { iota } from "./fill.ts";
import { gather, scatterAdd, scatterMax, scatterMin, scatterMul, scatterSet } from "./gather.ts";
import { markOp, stopGradient } from "./identity.ts";
import { and, clz, not, or, popcount, shiftLeft, shiftRightArithmetic, shiftRightLogical, xor } from "./logic.ts";
import { cbrt, integerPow, pow, rsqrt, sqrt } from "./power.ts";
import { threefry2x32 } from "./random.ts";
import { argmax, argmin, argReduce, reduceAnd, reduceMax, reduceMin, reduceOr, reduceProd } from "./reduce.ts";
import { reshape, reverse, transpose } from "./shape.ts";
import { concat, dynamicSlice, dynamicUpdateSlice, pad, slice } from "./slice.ts";
import { sort } from "./sort.ts";
import { digamma, erf, erfc, erfInv, lgamma, polygamma } from "./special.ts";
import { acos, acosh, asin, asinh, atan, atan2, atanh, cos, cosh, sin, sinh, tan, tanh } from "./trigonometric.ts";
import { conv } from "./conv.ts";
import { slide, unslide } from "./window.ts";

/** All primitives, family by family. */
export const allPrimitives: readonly Primitive[] = [
  add,
  sub,
  mul,
  div,
  rem,
  neg,
  abs,
  sign,
  min,
  max,
  floor,
  ceil,
  round,
  trunc,
  pow,
  integerPow,
  sqrt,
  rsqrt,
  cbrt,
  exp,
  exp2,
  expm1,
  log,
  log2,
  log1p,
  sigmoid,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  atan2,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  erf,
  erfc,
  erfInv,
  lgamma,
  digamma,
  polygamma,
  equal,
  notEqual,
  less,
  lessEqual,
  greater,
  greaterEqual,
  isNan,
  select,
  and,
  or,
  xor,
  not,
  shiftLeft,
  shiftRightLogical,
  shiftRightArithmetic,
  popcount,
  clz,
  convert,
  bitcast,
  iota,
  broadcastInDim,
  reshape,
  transpose,
  reverse,
  slice,
  pad,
  concat,
  dynamicSlice,
  dynamicUpdateSlice,
  gather,
  scatterAdd,
  scatterSet,
  scatterMul,
  scatterMin,
  scatterMax,
  reduceSum,
  reduceMax,
  reduceMin,
  reduceProd,
  reduceAnd,
  reduceOr,
  argReduce,
  argmax,
  argmin,
  dotGeneral,
  attention,
  attentionTangent,
  attentionGrad,
  cumsum,
  cumprod,
  cummax,
  cummin,
  cumlogsumexp,
  linearRecurrence,
  sort,
  conv,
  slide,
  unslide,
  threefry2x32,
  stopGradient,
  markOp,
].map(op => op.primitive as unknown as Primitive); // rules are methods: a narrower record is used as the general one
