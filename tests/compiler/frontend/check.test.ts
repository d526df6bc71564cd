// `pullback check` on whole files: types of what is rewritten at the user's own place, lints, and functions traced on shapes that types say.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Finding } from "../../../compiler/frontend/check/finding.ts";
import { format } from "../../../compiler/frontend/diagnostics.ts";
import { parse } from "../../../compiler/frontend/check/options.ts";
import { CheckedProject } from "../../../compiler/frontend/check/project.ts";
import { traceExport } from "../../../compiler/frontend/check/traced.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = mkdtempSync(join(root, "tests/compiler/frontend/checked-")); // inside the package, so that it is importable by its name
test.after(() => rmSync(folder, { recursive: true }));
const project = new CheckedProject(join(root, "tsconfig.json"));
const write = (name: string, source: string): string => {
  const file = join(folder, name);
  writeFileSync(file, source);
  return file;
};
/** Findings as `line:column code message`. */
const say = (findings: readonly Finding[]): string[] => findings.map(f => `${f.line}:${f.column} ${f.code} ${f.message.split("\n")[0]}`);
const check = (name: string, source: string): string[] => {
  const file = write(name, source);
  project.refresh(file);
  return say(project.findings(file));
};
const F32 = 'type F32<S extends readonly (number | string)[]> = Tensor<S, "f32">;';

test("a tensor scope that is right has nothing to say, and its shapes are followed through operators", () => {
  const source = `"use tensor";
import { matmul, relu, sum, type Tensor } from "pullback";
${F32}
export const dense = (x: F32<["batch", 784]>, w: F32<[784, 256]>, b: F32<[256]>): F32<["batch", 256]> => {
  const h = matmul(x, w) + b;
  if (sum(h) > 0) return relu(h) * 2;
  return -h;
};
`;
  assert.equal(check("right.ts", source), []);
});

test("operands that contradict each other are told at the operand, with both shapes", () => {
  const source = `"use tensor";
import type { Tensor } from "pullback";
${F32}
export const wrong = (x: F32<["batch", 784]>, y: F32<[10]>) => x * 2 + y;
`;
  assert.equal(check("shapes.ts", source), ["4:72 E1101 cannot broadcast [batch, 784] with [10]"]);
});

test("a variable that branches, loops or closures assign has its declared type afterwards", () => {
  const source = `"use tensor";
import { isTensor, tree, type Tensor } from "./library.ts";
export function f(t: Tensor, n: number, p: { readonly w: Tensor }) {
  let x: Tensor | number = 0, y: Tensor, z: Tensor | undefined;
  if (t.sum() > 0) x = x * t;
  if (t.sum() > 1) y = t * 2; else y = t;
  for (let i = 0; i < n; i++) z = z === undefined ? t : z * 2;
  const more = () => { x = 2 * x; };
  more();
  const moved = tree.map(v => v - x * v, p), mapped: string = tree.map((v, u) => x * v * u, moved, p);
  const chosen: string = typeof x === "number" ? t : x * 2, product: string = x * 3, either: string = z;
  return [isTensor(x) ? x * y : t, mapped, chosen, product, either];
}
`;
  write("library.ts", 'export { isTensor, type Tensor } from "pullback";\nexport * as tree from "pullback/tree";\n');
  assert.equal(check("assigned.ts", source), [
    "10:46 TS2322 Type '{ readonly w: Tensor<Dims, DType>; }' is not assignable to type 'string'.",
    "11:9 TS2322 Type 'Tensor<Dims, DType>' is not assignable to type 'string'.",
    "11:61 TS2322 Type 'number | Tensor<Dims, DType>' is not assignable to type 'string'.",
    "11:86 TS2322 Type 'Tensor<Dims, DType> | undefined' is not assignable to type 'string'.",
  ]);
});

test("TypeScript's own errors come back at the user's place, inside rewritten code too", () => {
  const source = `"use tensor";
import type { Tensor } from "pullback";
export function f(x: Tensor, n: number): Tensor {
  let y = x;
  while (y.sum() > n) y = y / 2 + missing;
  const s: string = y * 3;
  return y;
}
`;
  assert.equal(check("types.ts", source), [
    "5:35 TS2304 Cannot find name 'missing'.",
    "6:9 TS2322 Type 'Tensor<Dims, DType>' is not assignable to type 'string'.",
    "6:9 TS6133 's' is declared but its value is never read.",
  ]);
});

test("what the front end refuses is told, and not its consequences", () => {
  const source = `"use tensor";
import type { Tensor } from "pullback";
export async function f(x: Tensor): Promise<Tensor> { "use tensor"; return x + 1; }
`;
  const [first = "", ...more] = check("refused.ts", source);
  assert.match(first, "3:23 E1112 an async function cannot be traced");
  assert.equal(more, []);
});

test("outside of scopes: conditions, identity, captured values and effects", () => {
  const source = `import { jit, sum, zeros, type Tensor } from "pullback";
const log: Tensor[] = [];
let n = 0;
export const f = jit((x: Tensor) => {
  console.log("called");
  log.push(x);
  n++;
  const own: Tensor[] = [];
  own.push(x);
  return x.mul(Math.random());
});
const t = zeros([2]);
if (sum(t).less(1)) n = 2;
export const pick = (mask?: Tensor): number => (mask ? 1 : 0);
export const same = (a: Tensor, b: Tensor): boolean => !a || a === b;
export const which = (a: Tensor): number => { switch (a) { case t: return 1; } return n; };
export const never = (a: Tensor): void => { do n++; while (a); };
export const both = (a: Tensor): number => a && n;
`;
  assert.equal(check("lints.ts", source), [
    "5:3 E1134 console.log runs once, while jit traces, not at every call",
    "6:3 E1133 log is changed inside a function that jit traces: it happens once, while tracing",
    "7:3 E1133 n is changed inside a function that jit traces: it happens once, while tracing",
    "10:16 E1134 Math.random runs once, while jit traces, not at every call",
    "13:5 E1131 a tensor is the condition of an if: it is always true",
    "15:57 E1131 a tensor is negated with !: it is always true",
    "15:64 E1132 === compares tensors by identity, not by their elements",
    "16:55 E1132 switch compares tensors by identity, not by their elements",
    "17:60 E1131 a tensor is the condition of a loop: it is always true",
    "18:44 E1131 a tensor is the left side of &&: it is always true",
  ]);
});

test("in scopes: what happens in branches and loops that a tensor decides, and in traced functions by name", () => {
  const source = `"use tensor";
import { grad, jit, type Tensor } from "pullback";
export function f(x: Tensor, n: number): Tensor {
  const seen: Tensor[] = [], cache = new Map<string, Tensor>();
  let y = x;
  if (x.sum() > 0) { seen.push(x); y = y + 1; } else cache.set("x", x);
  if (n > 0) seen.push(x);
  for (let i = 0; i < n; i++) { seen.push(y); }
  for (const row of x) { seen.push(row); const own: Tensor[] = []; own.push(row); }
  while (y.sum() < 9) { y = y * Math.random(); seen.pop(); }
  const z = y.sum() > 0 ? (seen.push(y), y) : y;
  if (y.sum() > 1) return y;
  console.log("late");
  return z + seen.length;
}
const log: Tensor[] = [], last: { x?: Tensor } = {};
const step = (x: Tensor) => { log.push(x); last.x = x; log[0] = x; delete last.x; return x * 2; };
function loss(x: Tensor) { Object.assign(last, { x }); return (x * x).sum(); }
export const g = jit(step), h = grad(loss);
`;
  const branch = "is changed in a branch that a tensor decides: it happens whether or not the branch is taken";
  const loop = "is changed in a loop that runs in the program: it happens while tracing, not at every step";
  const traced = (name: string): string => `is changed inside a function that ${name} traces: it happens once, while tracing`;
  assert.equal(check("scopes.ts", source), [
    `6:22 E1133 seen ${branch}`,
    `6:54 E1133 cache ${branch}`,
    `9:26 E1133 seen ${loop}`,
    "10:33 E1134 Math.random runs while the loop is traced, not at every step",
    `10:48 E1133 seen ${loop}`,
    `11:28 E1133 seen ${branch}`,
    "13:3 E1134 console.log runs whether or not the branch is taken, which a tensor decides",
    `17:31 E1133 log ${traced("jit")}`,
    `17:44 E1133 last.x ${traced("jit")}`,
    `17:56 E1133 log[0] ${traced("jit")}`,
    `17:68 E1133 last.x ${traced("jit")}`,
    `18:28 E1133 last ${traced("grad")}`,
  ]);
});

test("a file that is mended is checked again without starting over", () => {
  const source = (b: string): string => `"use tensor";
import type { Tensor } from "pullback";
${F32}
export const f = (x: F32<["batch", 3]>, b: F32<[${b}]>) => x + b;
`;
  assert.is(check("warm.ts", source("4")).length, 1);
  const start = performance.now();
  assert.is(check("warm.ts", source("3")).length, 0);
  assert.ok(performance.now() - start < 3000, "a warm check takes a small part of a cold one"); // 0.1 to 0.2 s on an idle machine
});

test("a finding is shown as tsc shows one, with a remedy", () => {
  const shown = format({ code: "E1101", message: "m", help: "h", file: "a.ts", line: 2, column: 3, end: 6 }, "x\n  abc d\n");
  assert.is(shown, "a.ts:2:3 - error E1101: m\n\n2 |   abc d\n  |   ~~~\n  help: h");
});

const command = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [join(root, "bin/pullback.js"), "check", ...args], { encoding: "utf8", cwd: folder });

test("the command traces exported functions on the shapes that types say, and prints what fails at its line", () => {
  write(
    "model.ts",
    `"use tensor";
import { matmul, type Tensor } from "pullback";
${F32}
interface Params { readonly w: F32<[4, 2]>; readonly b?: Tensor }
export const good = (p: Params, x: F32<["batch", 4]>) => matmul(x, p.w) * 2;
export const late = (x: F32<["batch", 4]>, y: F32<["time", 4]>) => (x as Tensor) - (y as Tensor);
export const open = (x: Tensor) => x + 1;
`,
  );
  const { status, stdout } = command("--json", "model.ts");
  assert.is(status, 1, stdout);
  const { findings, traced, skipped } = JSON.parse(stdout) as {
    readonly findings: readonly Finding[];
    readonly traced: number;
    readonly skipped: readonly string[];
  }; // what --json prints
  assert.equal(say(findings), ["6:82 E0201 sub cannot broadcast [11,4] with [13,4] (tracing late)"]);
  assert.is(traced, 1);
  assert.equal(skipped, ["open: x: Tensor<Dims, DType> says no shape"]);
});

test("a module that cannot be imported is told at the function, with the module's own error", async () => {
  const file = write("broken.ts", 'throw new Error("no weights");\nexport {};\n');
  const outcome = await traceExport(
    { file, name: "f", line: 3, column: 1, names: ["x"], args: [{ kind: "tensor", dtype: "f32", dims: [2] }] },
    0,
  );
  assert.is(outcome.kind, "failed");
  if (outcome.kind !== "failed") return;
  assert.equal(
    [outcome.finding.code, outcome.finding.message, outcome.finding.line],
    ["E1135", "importing the module failed: no weights (tracing f)", 3],
  );
});

test("a wrong command line is refused with the usage", () => {
  for (const [args, message] of [
    [[], "a file is missing"],
    [["gone.ts"], "there is no file gone.ts"],
    [["--loud", "a.ts"], "Unknown option '--loud'"],
  ] as const) {
    const sentence = parse(args);
    assert.ok(typeof sentence === "string" && sentence.startsWith(message), String(sentence));
  }
  const { status, stderr } = command("gone.ts");
  assert.is(status, 2);
  assert.ok(stderr.startsWith("pullback check: there is no file gone.ts\n\nusage: pullback check"), stderr);
});

test.run();
