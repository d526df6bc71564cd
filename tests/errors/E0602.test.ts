// E0602: program text cannot be read.
import { test } from "uvu";
import { parseFunc } from "../../compiler/extend.ts";
import { allPrimitives } from "../../compiler/primitives/all.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0602",
  "a slip is named with line and column",
  import.meta.url,
  () => parseFunc("func(a: f32[2]) {\n  b: f32[2] = exp 3\n  return b\n}", allPrimitives),
  {
    fact: 'program text, line 3, column 3: expected ":", found "return"',
    at: "parseFunc(",
    help: 'print shows what parse reads: jit(f).lower(...args).text("func")',
  },
);
teaches(
  "E0602",
  "a primitive that does not exist is named",
  import.meta.url,
  () => parseFunc("func(a: f32[2]) { b: f32[2] = expo a  return b }", allPrimitives),
  {
    fact: 'program text, line 1, column 31: expected a known primitive, found "expo"',
    at: "parseFunc(",
    help: 'print shows what parse reads: jit(f).lower(...args).text("func")',
  },
);
test.run();
