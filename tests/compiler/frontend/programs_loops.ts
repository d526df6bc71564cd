// Programs with loops: while, do, for, for…of, break, continue, returns from inside, nesting.
import type { Program } from "./agree.ts";

const scope = (body: string, parameters = "x"): string => `export function f(${parameters}) { "use tensor"; ${body} }`;

/** Loops. */
export const loops: readonly Program[] = [
  {
    name: "while",
    source: scope("let s = x, n = 0; while (s < 100) { s = s * 2; n++; } return s + n;"),
    at: [[3], [70], [200]],
    derivative: "forward",
  },
  {
    name: "while over two variables",
    source: scope("let a = x, b = 1; while (a > 0.1) { [a, b] = [a / 2, b + a]; } return a * b;"),
    at: [[3], [0.05]],
    derivative: "forward",
  },
  {
    name: "while with an assignment in its condition",
    source: scope("let s = x, n = 0; while ((s -= 1) > 0) n += s; return n + s;"),
    at: [[3.5], [-1]],
    derivative: "forward",
  },
  {
    name: "while that breaks",
    source: scope("let s = x; while (s < 50) { if (s > 20) break; s = s * 3; } return s;"),
    at: [[1], [7], [60]],
    derivative: "forward",
  },
  {
    name: "while (true) that breaks",
    source: scope("let s = x, n = 0; while (true) { s /= 2; n += 1; if (s < 1) break; if (n > 4) break; } return s + n;"),
    at: [[10], [100], [0.5]],
    derivative: "forward",
  },
  {
    name: "while that continues",
    source: scope("let i = x, s = 0; while (i > 0) { i -= 1; if (i > 2) continue; s += i * i; } return s;"),
    at: [[4.5], [2.5], [-1]],
    derivative: "forward",
  },
  {
    name: "while that returns",
    source: scope("let i = x; while (i > 0) { i = i - 1; if (i < 0.5) return i * 10; } return i;"),
    at: [[3.25], [3.75], [-1]],
    derivative: "forward",
  },
  {
    name: "while with a counter that plain values decide",
    source: scope("let i = 0, s = x; while (i < 3) { s = s * s; i++; } return s;"),
    at: [[1.5], [0.5]],
  },
  { name: "do", source: scope("let s = x; do { s = s * 2 + 1; } while (s < 10); return s;"), at: [[1], [20]], derivative: "forward" },
  {
    name: "do that breaks and continues",
    source: scope(
      "let s = x, n = 0; do { n++; if (s > 5) { s -= 4; continue; } if (s < 0) break; s = s - 3; } while (n < 6); return s * n;",
    ),
    at: [[12], [4], [-2]],
    derivative: "forward",
  },
  { name: "do over plain values", source: scope("let i = 0, s = x; do { s += i * x; i += 1; } while (i < 3); return s;"), at: [[1], [-2]] },
  { name: "for over numbers", source: scope("let s = 0; for (let i = 0; i < 4; i++) s += x ** i; return s;"), at: [[2], [0.5]] },
  {
    name: "for that tensors leave",
    source: scope("let s = x; for (let i = 0; i < 5; i++) { if (s > 10) break; s = s * 2 + i; } return s;"),
    at: [[1], [6], [20]],
  },
  {
    name: "for that continues",
    source: scope("let s = 0; for (let i = 0; i < 5; i++) { if (i * x > 3) continue; s += i * x; } return s;"),
    at: [[1.1], [2], [-1]],
  },
  {
    name: "for that returns",
    source: scope("let s = x; for (let i = 1; i <= 4; i++) { s *= 1.5; if (s > 8) return s * i; } return -s;"),
    at: [[1], [3], [9]],
  },
  {
    name: "for that returns and breaks",
    source: scope("let s = x; for (let i = 1; i <= 4; i++) { if (s < 0) break; if (s > 8) return i; s = s * 2 - 3; } return s;"),
    at: [[5], [3.25], [2]],
  },
  {
    name: "for up to a tensor",
    source: scope("let s = 0; for (let i = 0; i < x; i++) { s += i + x; } return s;"),
    at: [[3.5], [-1], [5.5]],
    derivative: "forward",
  },
  {
    name: "for with two counters, a step and no braces",
    source: scope("let s = x; for (let i = 0, j = 10; i < j; i += 2, j--) s += i * j; return s;"),
    at: [[1], [-2]],
  },
  {
    name: "for whose counter the body changes",
    source: scope("let s = 0; for (let i = 0; i < 10; i++) { s += x * i; if (i === 2) i += 4; } return s;"),
    at: [[1], [-2]],
  },
  {
    name: "for without a condition",
    source: scope("let s = x; for (;;) { s = s / 3; if (s < 1) break; } return s;"),
    at: [[10], [0.5]],
    derivative: "forward",
  },
  {
    name: "closures keep the counter of their step",
    source: scope("const g = []; for (let i = 0; i < 3; i++) { g.push(a => a * i); } let s = 0; for (const h of g) s += h(x); return s;"),
    at: [[1], [-2]],
  },
  { name: "for of an array", source: scope("let s = 0; for (const v of [x, 2 * x, 3]) { s += v * v; } return s;"), at: [[1], [-2]] },
  {
    name: "for of an array that tensors leave",
    source: scope("let s = 0; const xs = [x, 2 * x, 3 * x]; for (const v of xs) { if (v > 4) break; s += v; } return s;"),
    at: [[1], [3], [5]],
  },
  {
    name: "for of pairs",
    source: scope("let s = 0; const xs = [[x, 1], [2, x]]; for (const [a, b] of xs) { if (a > b) { s += a; } else s += b * 3; } return s;"),
    at: [[3], [1.5], [0.5]],
  },
  {
    name: "for of into a variable that is there",
    source: scope("let v = 0, s = 0; const xs = [x, x * x]; for (v of xs) { s += v; } return s + v;"),
    at: [[3], [0.5]],
  },
  {
    name: "for of that returns a tree",
    source: scope("const xs = [x, x - 1, x - 2]; for (const v of xs) { if (v < 1) return { v, n: [v * 2] }; } return { v: 0, n: [7] };"),
    at: [[0.5], [2.5], [9]],
  },
  {
    name: "nested loops",
    source: scope("let s = 0; for (let i = 0; i < 3; i++) { for (let j = 0; j < i; j++) { s += x * i - j; } } return s;"),
    at: [[1], [-2]],
  },
  {
    name: "nested loops that tensors leave",
    source: scope(
      "let s = x; for (let i = 0; i < 3; i++) { for (let j = 0; j < 3; j++) { if (s > 9) break; s += i + j; } if (s > 12) return s * 2; s += 1; } return s;",
    ),
    at: [[0], [5.25], [20]],
  },
  {
    name: "a while in a while",
    source: scope("let s = x, n = 0; while (s > 1) { let t = s; while (t > 2) { t -= 1; n += 1; } s = s / 2; } return s + n;"),
    at: [[5.5], [0.5]],
    derivative: "forward",
  },
  {
    name: "a while in a branch",
    source: scope("let s = x; if (x > 2) { while (s > 1) s = s / 2; } else { s = s * 3; } return s;"),
    at: [[5], [1]],
    derivative: "forward",
  },
  {
    name: "a for of a list in a while",
    source: scope("let s = x; while (s < 30) { for (const v of [1, 2]) { s += v * s; } } return s;"),
    at: [[1], [40]],
    derivative: "forward",
  },
  {
    name: "carried variables of several types",
    source: scope(
      "let s = x, big = false, p = { a: 1, b: [x] }; while (s < 20) { s = s * 2; big = s > 10; p = { a: p.a + 1, b: [p.b[0] + s] }; } return [s, p, big ? 1 : 0];",
    ),
    at: [[1], [3], [30]],
    derivative: "forward",
  },
  {
    name: "a loop in a closure",
    source: scope(
      "const collatz = n => { let k = 0; while (n > 1) { n = n % 2 === 0 ? n / 2 : 3 * n + 1; k++; } return k; }; return collatz(x) + collatz(6);",
    ),
    at: [[7], [1], [12]],
    derivative: "none",
  },
  {
    name: "Newton's method",
    source: scope(
      "let y = x; for (let i = 0; i < 6; i++) { const e = y * y - x; if (Math.abs(e) < 1e-9) break; y = y - e / (2 * y); } return y;",
    ),
    at: [[2], [9], [1.5]],
  },
  {
    name: "the greatest common divisor",
    source: scope("while (y !== 0) { const t = y; y = x % y; x = t; } return x;", "x, y"),
    at: [
      [12, 18],
      [7, 3],
      [5, 0],
    ],
    derivative: "none",
  },
];
