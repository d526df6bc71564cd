// Random programs: functions of two numbers with arithmetic, nested branches and loops, early exits, closures and shadowing. All values stay small, and numbers that are
// no tensors are multiples of 1/8: where a tensor decides about them they become f32.
import fc from "fast-check";

const constant = fc.integer({ min: -16, max: 16 }).map(n => (n / 8).toString());
const parenthesized = (text: string): string => (text.startsWith("-") ? `(${text})` : text);
const variable = fc.constantFrom("a", "b", "c");

const { expression } = fc.letrec<{ expression: string }>(again => ({
  expression: fc.oneof(
    { maxDepth: 2, depthIdentifier: "expression", withCrossShrink: true },
    constant.map(parenthesized),
    fc.constantFrom("x", "y"),
    variable,
    fc.tuple(again("expression"), fc.constantFrom("+", "-", "*"), again("expression")).map(([l, o, r]) => `(${l} ${o} ${r})`),
    fc.tuple(again("expression"), again("expression")).map(([l, r]) => `(${l} / (1.5 + Math.cos(x * ${r})))`),
    fc.tuple(fc.constantFrom("sin", "cos", "tanh"), again("expression")).map(([f, e]) => `Math.${f}(y - ${e})`),
    fc.tuple(again("expression"), again("expression")).map(([l, r]) => `Math.max(${l}, ${r})`),
    again("expression").map(e => `(-${e})`),
    fc.tuple(again("expression"), again("expression"), again("expression")).map(([t, l, r]) => `(${t} > 0.1 ? ${l} : ${r})`),
    again("expression").map(e => `g(${e})`),
  ),
}));
const comparison = fc.tuple(expression, fc.constantFrom("<", ">"), expression).map(([l, o, r]) => `${l} ${o} ${r}`);
const condition = fc.oneof(
  comparison,
  fc.tuple(comparison, fc.constantFrom("&&", "||"), comparison).map(([l, o, r]) => `${l} ${o} ${r}`),
  comparison.map(c => `!(${c})`),
);
const small = expression.map(e => `Math.tanh(x + ${e})`);
const assignment = fc.oneof(
  fc.tuple(variable, small).map(([v, e]) => `${v} = ${e};`),
  fc.tuple(variable, fc.constantFrom("+=", "-=", "*="), small).map(([v, o, e]) => `${v} ${o} ${e};`),
  variable.map(v => `${v}++;`),
  fc.tuple(small, small).map(([l, r]) => `[a, b] = [${l}, ${r}];`),
  fc.tuple(condition, variable, small).map(([t, v, e]) => `${t} && (${v} = ${e});`),
);

/** How statements are put together. `loops`: those that tensors bound as well, which cannot be differentiated backwards. */
function statements(loops: boolean): fc.Arbitrary<string> {
  const { block } = fc.letrec<{ block: string; statement: string; step: string }>(again => ({
    block: fc.array(again("statement"), { minLength: 1, maxLength: 2 }).map(s => s.join("\n")),
    /** The inside of a loop, which may leave a step or the loop. */
    step: fc
      .tuple(
        again("block"),
        fc.option(fc.tuple(condition, fc.constantFrom("break", "continue", "return a * b")), { nil: undefined }),
        assignment,
      )
      .map(([b, j, s]) => `${b}\n${j ? `if (${j[0]}) ${j[1]};\n` : ""}${s}`),
    statement: fc.oneof(
      { maxDepth: 2, depthIdentifier: "statement", withCrossShrink: true },
      assignment,
      fc.tuple(condition, again("block")).map(([t, b]) => `if (${t}) {\n${b}\n}`),
      fc.tuple(condition, again("block"), again("block")).map(([t, l, r]) => `if (${t}) {\n${l}\n} else {\n${r}\n}`),
      fc.tuple(condition, small).map(([t, e]) => `if (${t}) return ${e};`),
      fc.tuple(small, again("block")).map(([e, b]) => `{\nconst outer = ${e};\n{\nlet a = outer;\n${b}\nc = a;\n}\n}`),
      again("step").map(s =>
        loops ? `{\nlet n = 0;\nwhile (n < 3 && a < 5) {\nn += 1;\n${s}\n}\n}` : `for (let i = 0; i < 3; i++) {\nb += i;\n${s}\n}`,
      ),
      again("step").map(s =>
        loops
          ? `{\nlet n = 0;\ndo {\nn += 1;\n${s}\n} while (n < 2 + x * x && n < 4);\n}`
          : `for (const v of [x, y, 0.5]) {\nc = c * v;\n${s}\n}`,
      ),
    ),
  }));
  return block;
}
/** The text of a module that exports `f`. */
export const program = (loops: boolean): fc.Arbitrary<string> =>
  fc
    .tuple(statements(loops), statements(loops), small)
    .map(
      ([s, t, e]) =>
        `export function f(x, y) {\n"use tensor";\nlet a = x, b = 0.5, c = y;\nconst g = v => { if (v > 1) return Math.sin(v * y); c += 0.125; return v * 0.5; };\n${s}\n${t}\nreturn a + b * c + ${e};\n}\n`,
    );
