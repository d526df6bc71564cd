// What rows for a card move, told without one; what has been reached is kept.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { trafficOfRow, trafficText } from "../../bench/cuda/traffic.ts";
import { cardRows, paperRows, type CudaRow } from "../../bench/cuda/work.ts";

const row = (id: string): CudaRow => cardRows.find(r => r.id === id) as CudaRow; // there are such rows

test("a copy moves its least", () => {
  assert.equal(trafficOfRow(row("copy")), [{ name: "mul_0", launches: 1, read: 2 ** 29, written: 2 ** 29 }]);
});
test("the AdamW step of a GPT of 124M parameters in bf16 keeps to its launches and bytes", () => {
  const [launches, bytes] = trafficOfRow(row("gpt-adamw-bf16")).reduce<[number, number]>(
    (t, r) => [t[0] + r.launches, t[1] + r.read + r.written],
    [0, 0],
  );
  assert.ok(launches <= 394 && bytes < 27.3e9, `${launches} launches, ${bytes / 1e9} GB`);
});
test("every row has a table", () => {
  const text = trafficText(paperRows);
  for (const r of paperRows) assert.ok(text.includes(`${r.title}, sm_90a\nlaunches `), r.title);
});

test.run();
