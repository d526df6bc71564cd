// Choosing by measurement, with a scripted clock: the fastest wins, hopeless and failing ways are dropped, ties keep the usual way, and time is bounded.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fastest, type Sample } from "../../compiler/tune.ts";

/** What is chosen where a way takes `time(name, turn)` milliseconds, undefined when it fails; and what was measured. */
function choose(
  names: readonly string[],
  time: (name: string, turn: number) => number | undefined,
): { readonly chosen: string | undefined; readonly samples: readonly Sample[] } {
  const samples: Sample[] = [],
    turns = new Map<string, number>(),
    search = fastest(names);
  let step = search.next();
  while (step.done !== true) {
    const { name } = step.value,
      turn = turns.get(name) ?? 0;
    turns.set(name, turn + 1);
    samples.push(step.value);
    step = search.next(time(name, turn));
  }
  return { chosen: step.value, samples };
}
const of = (samples: readonly Sample[], name: string): readonly Sample[] => samples.filter(s => s.name === name);

test("the fastest is chosen by its median, whatever single samples say", () => {
  const { chosen, samples } = choose(
    ["a", "b", "c"],
    (name, turn) => ({ a: 2, b: turn === 2 ? 0.1 : 1.9, c: turn === 3 ? 40 : 1.5 })[name],
  );
  assert.is(chosen, "c");
  assert.equal(
    samples.slice(3, 9).map(s => s.name),
    ["a", "b", "c", "a", "b", "c"],
    "in turns",
  );
});
test("short runs are repeated until a sample is long enough, to a limit", () => {
  const { samples } = choose(["a", "b"], name => (name === "a" ? 0.5 : 0.0001 + 0.4));
  assert.is(of(samples, "a")[1]?.times, 4);
  assert.is(of(choose(["a", "b"], () => 1e-6).samples, "b")[1]?.times, 64);
});
test("what takes far longer is dropped after its first run, what takes longer after a round", () => {
  const { samples, chosen } = choose(["a", "b", "c"], name => ({ a: 1, b: 5, c: 2 })[name]);
  assert.is(chosen, "a");
  assert.is(of(samples, "b").length, 1);
  assert.is(of(samples, "c").length, 2);
});
test("a way that fails is dropped, also later; when all fail there is no answer", () => {
  assert.is(choose(["a", "b"], name => (name === "a" ? undefined : 3)).chosen, "b");
  assert.is(choose(["a", "b"], (name, turn) => (name === "b" && turn === 3 ? undefined : name === "b" ? 1 : 1.2)).chosen, "a");
  assert.is(choose(["a", "b"], () => undefined).chosen, undefined);
});
test("the usual way stays where others gain next to nothing", () => {
  assert.is(choose(["a", "b"], name => (name === "a" ? 1 : 0.99)).chosen, "a");
  assert.is(choose(["a", "b"], name => (name === "a" ? 1 : 0.95)).chosen, "b");
});
test("measuring ends when it has taken a second", () => {
  const { samples } = choose(["a", "b"], () => 300);
  assert.ok(samples.length <= 6, `${samples.length} samples`);
});

test.run();
