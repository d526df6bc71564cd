// What shapes in types cost: a model of a thousand lines is type-checked with them and without, by turns in one process, and the processor's times are compared.
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ts } from "../../../compiler/frontend/typescript.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const blocks = 71; // of fourteen lines
/** A transformer's blocks, written out. `shaped`: parameters and results say their shapes. */
function model(shaped: boolean): string {
  const t = (...dims: readonly (number | string)[]): string =>
    shaped ? `Tensor<[${dims.map(d => JSON.stringify(d)).join(", ")}], "f32">` : "Tensor";
  const block = (i: number): string => `interface P${i} {
  readonly qkv: ${t(64, 192)}; readonly out: ${t(64, 64)}; readonly up: ${t(64, 256)}; readonly down: ${t(256, 64)}; readonly b: ${t(256)};
}
export function block${i}(p: P${i}, x: ${t("batch", "time", 64)}): ${t("batch", "time", 64)} {
  const n = sub(x, mean(x, { axis: -1, keepdims: true }));
  const scores = einsum("bth,bsh->bts", n, n);
  const weights = softmax(mul(scores, ${i + 1}));
  const mixed = matmul(einsum("bts,bsh->bth", weights, n), p.out);
  const h = add(x, mixed);
  const up = gelu(add(matmul(h, p.up), p.b));
  const down = matmul(up, p.down);
  const gate = sigmoid(sum(mul(h, down), { axis: -1, keepdims: true }));
  return add(h, mul(gate, tanh(down)));
}
`;
  return `import { add, einsum, gelu, matmul, mean, mul, sigmoid, softmax, sub, sum, tanh, type Tensor } from "pullback";
${Array.from({ length: blocks }, (_, i) => block(i)).join("")}`;
}

test("a thousand lines with shapes take less than twice the time of those without", () => {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, "tsconfig.json"),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: d => assert.unreachable(String(d.messageText)) },
  );
  assert.ok(config);
  const file = join(root, "tests/stdlib/ops/model_of_a_thousand_lines.ts"),
    host = ts.createCompilerHost(config.options, true),
    parsed = new Map<string, ts.SourceFile | undefined>();
  /** Processor time of one check by a checker of its own; files are parsed once. */
  const check = (source: string): number => {
    const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
    const program = ts.createProgram({
      rootNames: [file],
      options: config.options,
      host: {
        ...host,
        fileExists: f => f === file || host.fileExists(f),
        getSourceFile: (f, version) => {
          if (f === file) return tree;
          if (!parsed.has(f)) parsed.set(f, host.getSourceFile(f, version));
          return parsed.get(f);
        },
      },
    });
    const start = process.cpuUsage();
    const found = program.getSemanticDiagnostics(program.getSourceFile(file));
    const { user, system } = process.cpuUsage(start);
    assert.equal(
      found.map(d => ts.flattenDiagnosticMessageText(d.messageText, "\n")),
      [],
    );
    return (user + system) / 1000;
  };
  const shaped = model(true),
    plain = model(false);
  assert.ok(shaped.split("\n").length >= 990 && shaped.split("\n").length === plain.split("\n").length);
  const times = [0, 1, 2].map(() => ({ plain: check(plain), shaped: check(shaped) }));
  const best = (of: "plain" | "shaped"): number => Math.min(...times.map(t => t[of]));
  const ratio = best("shaped") / best("plain");
  console.log(`with shapes ${Math.round(best("shaped"))} ms, without ${Math.round(best("plain"))} ms: ${ratio.toFixed(2)} times`);
  assert.ok(ratio < 2, `${ratio} times`);
});

test.run();
