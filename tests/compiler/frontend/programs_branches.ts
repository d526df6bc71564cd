// Programs with branches: if, ?:, &&, ||, early returns, closures, destructuring.
import type { Program } from "./agree.ts";

const scope = (body: string, parameters = "x"): string => `export function f(${parameters}) { "use tensor"; ${body} }`;

/** Branches. */
export const branches: readonly Program[] = [
  { name: "arithmetic", source: scope("return -x * 3 + x / 4 - (x - 1) * +x;"), at: [[2], [-1.5]] },
  { name: "powers and remainders", source: scope("return x ** 3 + (7 * x) % 2;"), at: [[1.1], [-0.3]] },
  { name: "compound assignment", source: scope("let y = x; y += 2; y *= x; y -= 1; y /= 3; y **= 2; return y;"), at: [[2], [0.5]] },
  {
    name: "increments as values",
    source: scope("let i = x; const a = i++; const b = ++i; const c = i--; --i; return [a, b, c, i];"),
    at: [[2], [-3]],
  },
  {
    name: "Math",
    source: scope("return Math.sin(x) * Math.exp(-x * x) + Math.max(x, 0.25, y) + Math.atan2(y, x) + Math.PI;", "x, y"),
    at: [
      [0.5, 1],
      [2, 0.1],
    ],
  },
  {
    name: "Math.round sends halves up, min takes one argument",
    source: scope("return [Math.round(x), Math.min(x), Math.trunc(x), Math.sign(x)];"),
    at: [[2.5], [-2.5], [0.49]],
    derivative: "none",
  },
  { name: "if", source: scope("let y = 0; if (x > 0) { y = x * 2; } return y + x;"), at: [[2], [-2]] },
  { name: "if and else", source: scope("let y; if (x > 0) y = x * x; else y = -x; return y;"), at: [[2], [-2]] },
  {
    name: "a chain of else if",
    source: scope("let y = 1; if (x > 2) y = x; else if (x > 1) y = x * 2; else if (x > 0) y = x * 3; else y = -x; return y;"),
    at: [[3], [1.5], [0.5], [-1]],
  },
  {
    name: "nested ifs",
    source: scope("let y = 0; if (x > 0) { y = 1; if (z > 0) { y = x * z; } else { y += x; } y *= 2; } return y;", "x, z"),
    at: [
      [1, 2],
      [1, -2],
      [-1, 2],
      [-1, -2],
    ],
  },
  {
    name: "several variables",
    source: scope("let a = x, b = 2; if (x > 1) { [a, b] = [b * x, a]; } else { b = a; a = 5; } return { a, b };"),
    at: [[2], [0.5]],
  },
  {
    name: "a variable that one branch changes and the other reads",
    source: scope("let t = x, y; if (x > 0) { t = t * 2; y = t; } else { y = t + 1; } return y * t;"),
    at: [[2], [-2]],
  },
  { name: "shadowing", source: scope("let y = x; if (x > 0) { let y = 3; y = y * x; } { const y = 1; } return y;"), at: [[2], [-2]] },
  {
    name: "a shadowed name assigned outside",
    source: scope("let y = x, z = 0; if (x > 0) { const f = y => y * 2; z = f(x); y = z; } return y + z;"),
    at: [[2], [-2]],
  },
  { name: "early return", source: scope("if (x > 1) return x * x; return x + 1;"), at: [[3], [0]] },
  { name: "early returns in both branches", source: scope("if (x > 1) { return x; } else { return -x; }"), at: [[3], [0.5]] },
  {
    name: "several early returns",
    source: scope("if (x > 3) return 1; const y = x * 2; if (y > 3) return y; const z = y + x; if (z < 0) return z * z; return z;"),
    at: [[4], [2], [1], [-1]],
  },
  {
    name: "an early return in a nested if, and code after it",
    source: scope("let y = x; if (x > 0) { if (x > 2) return x * 10; y = y + 5; } else { y = -y; } y *= 3; return y;"),
    at: [[3], [1], [-1]],
  },
  {
    name: "a return in each arm of a chain",
    source: scope("if (x > 2) { return x; } else if (x > 1) { return 2 * x; } return 3 * x;"),
    at: [[3], [1.5], [0]],
  },
  {
    name: "a return that only one of two tensors decides",
    source: scope("if (x > 0) { if (y > 0) { return x * y; } } return x - y;", "x, y"),
    at: [
      [1, 2],
      [1, -2],
      [-1, 3],
    ],
  },
  { name: "a block that is left", source: scope("let y = x; { y += 1; if (y > 2) return y; y *= 2; } return y - 1;"), at: [[3], [0]] },
  { name: "?:", source: scope("return x > 0 ? x * 2 : -x;"), at: [[2], [-2]] },
  { name: "nested ?:", source: scope("return x > 1 ? 1 : x > 0 ? x : x > -1 ? x * x : 2 * x;"), at: [[2], [0.5], [-0.5], [-2]] },
  { name: "?: that assigns", source: scope("let n = 0; const y = x > 0 ? (n = x * 3) : (n = 1, x); return y + n;"), at: [[2], [-2]] },
  {
    name: "&& and || of conditions",
    source: scope("return x > 0 && y > 0 || x < -3 ? x * y : x + y;", "x, y"),
    at: [
      [1, 2],
      [1, -1],
      [-4, 1],
      [-1, 1],
    ],
  },
  {
    name: "&& and || as values",
    source: scope("return (x && y) + (x || 3);", "x, y"),
    at: [
      [2, 5],
      [0, 4],
    ],
    derivative: "none",
  },
  { name: "&& that assigns", source: scope("let y = 1; x > 0 && (y = x * 4); x > 1 || (y += 7); return y;"), at: [[2], [0.5], [-2]] },
  { name: "!", source: scope("return !(x > 0) ? 1 : !!x ? x : 0;"), at: [[2], [-2], [0]], derivative: "none" },
  {
    name: "numbers as conditions",
    source: scope("let y = 0; if (x) y = 2; return y + (x - 1 ? x : 7);"),
    at: [[2], [1], [0]],
    derivative: "none",
  },
  {
    name: "equality",
    source: scope("let y = x; if (x === 2) y = 10; if (x !== 3) y += 1; if (x == 4) y = 0; return y;"),
    at: [[2], [3], [4]],
    derivative: "none",
  },
  {
    name: "closures see what a branch assigned",
    source: scope("let y = 1; const get = () => y * x; if (x > 0) { y = x + 1; } return get();"),
    at: [[2], [-2]],
  },
  {
    name: "closures that assign",
    source: scope("let n = 0; const add = v => { n += v; }; if (x > 0) { add(x); add(2); } else add(-x); return n;"),
    at: [[2], [-2]],
  },
  {
    name: "a function defined in a branch",
    source: scope("let h = 0; if (x > 0) { const g = (a) => { if (a > 1) return a * a; return a; }; h = g(x) + g(x / 4); } return h;"),
    at: [[2], [0.5], [-2]],
  },
  {
    name: "functions of functions",
    source: scope("const twice = g => a => g(g(a)); return twice(a => (a > 1 ? a / 2 : a * 3))(x);"),
    at: [[3], [0.5]],
  },
  {
    name: "destructuring with defaults",
    source: scope(
      "const g = ({ a, b = a * 2 }, [c, ...d] = [1, 2]) => a + b * c + d.length; return g({ a: x }) + g({ a: x, b: x > 1 ? x : 2 }, [x]);",
    ),
    at: [[2], [0.5]],
  },
  {
    name: "destructuring assignment in a branch",
    source: scope("let a = 1, b = 2, c; if (x > 0) ({ a, b } = { a: x, b: x * x }); [c = 4, a] = [undefined, a + 1]; return a + b * c;"),
    at: [[2], [-2]],
  },
  {
    name: "trees",
    source: scope("let p = { w: x, layers: [x * 2, 1] }; if (x > 0) p = { w: p.w * 3, layers: [p.layers[0] + 1, x] }; return p;"),
    at: [[2], [-2]],
  },
  {
    name: "strings, functions and shapes stay what they are",
    source: scope(
      "let name = 'a', g = a => a + 1; if (x > 0) { name = name; } if (name === 'a') g = a => a * 2; return typeof x === 'string' ? 0 : g(x);",
    ),
    at: [[2], [-2]],
  },
  {
    name: "a switch over plain values",
    source: scope(
      "const kind = 'b'; let y = 0; switch (kind) { case 'a': y = 1; break; case 'b': if (x > 0) y = x; break; default: y = 3; } return y;",
    ),
    at: [[2], [-2]],
  },
  {
    name: "try around plain failures",
    source: scope("let y = 0; try { if (x > 0) { y = x * 2; } JSON.parse('{'); } catch { y += 1; } finally { y *= 2; } return y;"),
    at: [[2], [-2]],
  },
];
