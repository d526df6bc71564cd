// Kernels that take tensors beside addresses: the driver describes each to them, at every launch and in every graph, also when the arguments of a replayed program are others.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DeviceArray } from "../../../runtime/device.ts";
import { compile } from "../../../compiler/compile.ts";
import { executableFor } from "../../../compiler/execute.ts";
import { fromStorage, toStorage } from "../../../compiler/host.ts";
import { evaluate } from "../../../compiler/reference/evaluate.ts";
import { add, einsum, matmul, transpose } from "../../../stdlib/index.ts";
import { inputsOf, program } from "../../compiler/lower/harness.ts";
import { closes, paper } from "../../cuda/paper.ts";

const shape = [130, 64],
  f = program(
    (a, b) => {
      const p = matmul(a, transpose(b));
      return [p, add(einsum("ij,kj->ki", a, b), 1)];
    },
    { dtype: "bf16", shape },
    { dtype: "bf16", shape: [136, 64] },
  );
const held: { dispose(): void }[] = [];
for (const graphs of [false, true])
  test(`products in bulk through the driver's tensor maps, ${graphs ? "replayed" : "launched one by one"}`, () => {
    const card = paper({ capability: 90 }, { graphs }),
      { device } = card,
      exe = executableFor({ ...f }, device),
      made = compile(f, device.target);
    assert.equal(made.kind === "ptx" && made.kernels.map(k => k.tensors?.length).toSorted(), [2, 3]); // operands of both products, and the result at strides of 16 bytes
    for (let turn = 0; turn < 4; turn++) {
      const args = inputsOf(f, turn),
        want = evaluate(f, args),
        ins = args.map(x => device.upload(x.dtype, toStorage(x.dtype, x.data))),
        outs = exe.run(ins);
      want.forEach((w, k) => {
        const got = fromStorage(w.dtype, (outs[k] as DeviceArray).readSync()); // as many as wanted
        w.data.forEach((y, i) =>
          assert.ok(Math.abs(y - (got[i] ?? NaN)) <= 2 ** -6 * (1 + Math.abs(y)), `turn ${turn}, result ${k}[${i}]: ${got[i]}, not ${y}`),
        );
      });
      for (const x of [...(turn % 2 === 0 ? [] : ins), ...outs]) x.dispose(); // so that addresses differ
      if (turn % 2 === 0) held.push(...ins);
    }
    for (const x of held.splice(0)) x.dispose();
    if (graphs) assert.ok(card.driver.launches.graphs >= 2);
    exe.dispose();
    closes(card);
  });

test.run();
