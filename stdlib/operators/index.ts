// The entry `pullback/operators`: what the front end writes in the place of operators and statements of a "use tensor" scope. Everything is callable by hand.
export * from "./access.ts";
export {
  $add,
  $before,
  $bitAnd,
  $bitNot,
  $bitOr,
  $bitXor,
  $dec,
  $div,
  $inc,
  $mul,
  $neg,
  $pos,
  $pow,
  $rem,
  $shl,
  $shr,
  $sub,
  $ushr,
  type BinaryOperator,
  type UnaryOperator,
} from "./arithmetic.ts";
export * from "./compare.ts";
export { $math, type MathFunction, type TensorMath } from "./math.ts";
export { $break, $continue, $return, $value, type End, type Jump } from "./jump.ts";
export { $vars, type Vars } from "./vars.ts";
export { $and, $block, $cond, $if, $or } from "./branch.ts";
export { $do, $for, $loop, $of, $while, type ForLoop } from "./loop.ts";
export { $plain, $target } from "./guard.ts";
