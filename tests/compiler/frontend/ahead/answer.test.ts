// What a model that is compiled ahead of time becomes: sizes of named dimensions, the declaration, what is left out, and what is refused, at its place. Models are small
// files in one project that stays warm.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { answer, type Answer } from "../../../../compiler/frontend/ahead/answer.ts";
import { withoutNames } from "../../../../compiler/frontend/ahead/pack.ts";
import { compiledImport, requestOf, type AheadOptions } from "../../../../compiler/frontend/ahead/request.ts";
import { CheckedProject, configAbove } from "../../../../compiler/frontend/check/project.ts";
import { compile } from "../../../../compiler/compile.ts";
import { array, jit, sin } from "../../../../stdlib/index.ts";

const here = dirname(fileURLToPath(import.meta.url)),
  folder = mkdtempSync(join(here, "models-")), // inside the package, which is imported by its name
  project = new CheckedProject(configAbove(here));
test.after(() => rmSync(folder, { recursive: true }));
let models = 0;
/** The answer for a model; the head gives it `Tensor` and F32. */
async function ask(body: string, query = "?compiled", options: AheadOptions = { devices: ["wasm"] }): Promise<Answer["outcome"]> {
  const file = join(folder, `model${models++}.ts`);
  writeFileSync(
    file,
    `import { jit, matmul, sum, type Tensor } from "pullback";\ntype F32<S extends readonly (number | string)[]> = Tensor<S, "f32">;\n${body}`,
  );
  const { files, outcome } = await answer(requestOf(file + query, options), project);
  assert.ok(files.includes(file));
  return outcome;
}
const complaints = (o: Answer["outcome"]): string => (o.kind === "refused" ? o.complaints.replaceAll(folder, "") : "it was compiled");
const module = (o: Answer["outcome"]): Extract<Answer["outcome"], { kind: "module" }> => {
  if (o.kind === "refused") throw new Error(o.complaints);
  return o;
};

const named = 'export const f = (w: F32<[3, 4]>, x: F32<["batch", 3]>) => matmul(x, w);\n';
test("a dimension that has a name and no size is refused at the function, with what to write", async () => {
  assert.is(
    complaints(await ask(named)),
    [
      '/model0.ts:3:14 - error E1141: the dimension "batch" of x has no size',
      "",
      '3 | export const f = (w: F32<[3, 4]>, x: F32<["batch", 3]>) => matmul(x, w);',
      "  |              ~",
      '  help: write a number in its place, import "…?compiled&batch=32", or give the plugin ahead: { sizes: { batch: 32 } }',
    ].join("\n"),
  );
});
test("the import or the plugin gives the size, and the declaration says the shapes of results", async () => {
  const { types } = module(await ask(named, "?compiled&batch=5"));
  assert.is(
    types.split("\n").slice(1).join("\n"),
    `declare module "*/model1.ts?compiled&batch=5" {
  import type { DeviceTensor, Given } from "pullback/compiled";
  export const f: (w: Given<[3, 4], "f32">, x: Given<[5, 3], "f32">) => Promise<DeviceTensor<[5, 4], "f32">>;
}
`,
  );
  assert.match(module(await ask(named, "?compiled", { devices: ["wasm"], sizes: { batch: 7 } })).types, "Promise<DeviceTensor<[7, 4]");
});
test("a dimension that may be any number is refused", async () => {
  assert.match(
    complaints(await ask("export const f = (p: { readonly x: F32<[number]> }) => sum(p.x);\n")),
    /:3:14 - error E1141: a dimension of p.x may be any number/,
  );
});
test("parameters are trees, numbers and what may be left out; functions that say no shape are left out", async () => {
  const body = `type Params = { readonly "b-1": F32<[2]>; readonly layers: readonly [F32<[2]>, { readonly w: F32<[2]> }] };
export function f(p: Params, rate: number, mask?: F32<[2]>) { return { out: p["b-1"].mul(rate).add(p.layers[1].w), left: [p.layers[0], null, mask === undefined ? 1 : 0] }; }
export const plain = (x: Tensor) => x;
export const size = 3;
export function main() { throw new Error("main ran"); }
export default jit(() => sum(3));
`;
  const { types, code, skipped } = module(await ask(body));
  assert.match(
    types,
    'export const f: (p: { "b-1": Given<[2], "f32">; layers: [Given<[2], "f32">, { w: Given<[2], "f32"> }] }, rate: Given<[], "f32">) => Promise<{ left: [DeviceTensor<[2], "f32">, null, DeviceTensor<[], "f32">]; out: DeviceTensor<[2], "f32"> }>;',
  );
  assert.match(types, '  const made: () => Promise<DeviceTensor<[], "f32">>;\n  export default made;');
  assert.match(code, /^import \{ launch, wasm \} from "pullback\/compiled";\n/);
  assert.equal(skipped, ["main: it takes nothing", "plain: x: Tensor<Dims, DType> says no shape"]);
});
test("an import that names functions gets these, and complaints about no other", async () => {
  const body = `${named}export const g = (x: F32<[2]>) => x;\nexport const h = (x: Tensor) => x;\n`;
  assert.match(module(await ask(body, "?compiled=g")).code, /export const g = [^\n]*\n$/);
  assert.match(
    complaints(await ask(body, "?compiled=h")),
    ":5:14 - error E1142: h cannot be compiled: x: Tensor<Dims, DType> says no shape",
  );
  assert.match(complaints(await ask(body, "?compiled=g,k")), ":1:1 - error E1142: it exports no function k");
});
test("what a model throws when it is imported or traced is told at its place, as are classes and static arguments", async () => {
  assert.match(
    complaints(await ask('throw new Error("no weights");\nexport const f = (x: F32<[2]>) => x;\n')),
    "E1142: no weights (compiling the model)",
  );
  const shapes = await ask(
    "export const f = (x: F32<[2]>) =>\n  matmul(x as Tensor, jit(() => x)());\nexport const g = (x: F32<[2]>, y: F32<[3]>) =>\n  (x as Tensor).add(y);\n",
  );
  assert.match(
    complaints(shapes),
    /:6:17 - error E0201: add cannot broadcast \[2\] with \[3\] \(compiling g\)\n\n6 \|   \(x as Tensor\).add\(y\);/,
  );
  const fixed = await ask("export const f = jit((x: F32<[2]>, n: number) => x.mul(n), { static: [1] });\n");
  assert.match(complaints(fixed), ":3:14 - error E1142: f has static arguments");
  const none = await ask("export const f = (x: Tensor) => x;\n");
  assert.match(complaints(none), ":1:1 - error E1142: no exported function says shapes (f: x: Tensor<Dims, DType> says no shape)");
});
test("TypeScript 6 knows what the sample app imports, and refuses another shape; TypeScript 7 checks the app with the rest of the repository", () => {
  const app = fileURLToPath(new URL("../../../../examples/12-vite-app/", import.meta.url)),
    findings = (file: string): string[] => {
      project.refresh(file);
      return project.findings(file).map(f => `${f.line} ${f.code}`);
    };
  assert.equal(findings(join(app, "train.ts")), []);
  const wrong = join(folder, "wrong.ts");
  writeFileSync(
    wrong,
    'import { init, picture } from "../../../../../examples/12-vite-app/model.tensor.ts?compiled";\nconst { state } = { state: await init() };\nexport const f = (): unknown => picture(state.params, state.params.w1);\nexport const g = (): unknown => picture(state.params, new Float32Array(4608));\n',
  );
  assert.equal(findings(wrong), ["3 TS2345"]);
});
test("imports are recognised by their query alone", () => {
  assert.equal(
    [
      "./m.ts?compiled",
      "./m.ts?t=1&compiled",
      "./m.ts?compiled=f",
      "./m.ts?compiled&n=2",
      "./m.ts?compiledx",
      "./compiled.ts",
      "./m.ts?x=compiled",
    ].map(s => compiledImport.test(s)),
    [true, true, true, true, false, false, false],
  );
  const { file, only, sizes } = requestOf("/a/m.ts?compiled=f,g&n=2&k=x", { sizes: { n: 1, m: 3 } });
  assert.equal([file, only, sizes], ["/a/m.ts", ["f", "g"], { n: 2, m: 3 }]);
});
test("a module without its names is the same module, and smaller", () => {
  const { func } = jit(sin).lower(array([1, 2]));
  const artifact = compile(func, { kind: "wasm", features: { fma: false, wide: false, threads: false } });
  if (artifact.kind !== "wasm") throw new Error("asked for wasm");
  const bare = withoutNames(artifact.bytes),
    loaded = new WebAssembly.Module(bare as Uint8Array<ArrayBuffer>); // not shared
  assert.ok(bare.length < artifact.bytes.length);
  assert.equal(
    WebAssembly.Module.exports(loaded).map(e => e.name),
    ["run", "work"],
  );
  assert.is(WebAssembly.Module.customSections(loaded, "name").length, 0);
});
test.run();
