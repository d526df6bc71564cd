// The README's program runs as written, its primitive differentiates, and its shapes type-check and are refused as it says.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const root = new URL("../../", import.meta.url).pathname;
const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(m => m[1] ?? "");
/** The program of the README that says this. */
const saying = (words: string): string => blocks.find(b => b.includes(words)) ?? "";
/** Run a program with the package importable by its name: it must lie inside the package. */
function run(source: string): { readonly status: number | null; readonly output: string } {
  const folder = mkdtempSync(join(root, "tests/docs/readme-"));
  try {
    const file = join(folder, "main.ts");
    writeFileSync(file, source);
    const r = spawnSync(process.execPath, ["--import", "tsx", "--conditions=source", file], { cwd: root, encoding: "utf8" });
    return { status: r.status, output: r.stdout + r.stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** TypeScript's own word on a program that imports the package by its name. */
function typeCheck(source: string): { readonly status: number | null; readonly output: string } {
  const folder = mkdtempSync(join(root, "tests/docs/readme-"));
  try {
    writeFileSync(join(folder, "main.ts"), source);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: "../../../tsconfig.json",
        compilerOptions: { isolatedDeclarations: false, declaration: false },
        include: ["main.ts"],
      }),
    );
    const r = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], { cwd: root, encoding: "utf8" });
    return { status: r.status, output: r.stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the twenty lines run and the loss falls", () => {
  const { status, output } = run(saying("fsam(valueAndGrad(loss)"));
  assert.is(status, 0, output);
  const loss = Number(/loss (\d+\.\d+)/.exec(output)?.[1]);
  assert.ok(loss < 0.65, output);
});
test("the primitive of the README differentiates: its derivative matches a difference quotient", () => {
  const { status, output } = run(`${saying("softplusPrime")}
import { array, grad, type Tensor } from "pullback";
const f = (x: Tensor) => softplusPrime(x), at = (v: number) => f(array(v, { dtype: "f64" })).item(), h = 1e-5;
console.log(Math.abs(grad(f)(array(0.3, { dtype: "f64" })).item() - (at(0.3 + h) - at(0.3 - h)) / (2 * h)) < 1e-9);`);
  assert.is(status, 0, output);
  assert.match(output, /true/);
});

test("the shapes of the README are inferred, and its contradiction is the error it names", () => {
  const dense = saying("F32<[784, 256]>");
  const wrong = dense.replace("b: F32<[256]>", "b: F32<[10]>");
  const check = (source: string): { readonly status: number | null; readonly output: string } =>
    typeCheck(
      `import { add, matmul, relu, type Tensor } from "pullback";\n${source}\nexport const typed: (...args: Parameters<typeof dense>) => F32<["batch", 256]> = dense;`,
    );
  assert.is(check(dense).output, "");
  assert.match(check(wrong).output, /ShapeError<"cannot broadcast \[batch, 256\] with \[10\]">/);
});

test.run();
