// The memory plan: slots that are alive together never overlap, whatever the program; memory is reused, in place where that is sound.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { byteSize } from "../../../runtime/dtype.ts";
import type { Schedule, Slot, SlotRef, Step } from "../../../compiler/ir/schedule.ts";
import type { LoopKernel } from "../../../compiler/ir/kernel.ts";
import { exprVar } from "../../../compiler/ir/scalar.ts";
import { planArena } from "../../../compiler/lower/buffers.ts";
import { lowerFunc } from "../../../compiler/lower/lower.ts";
import { optimize } from "../../../compiler/optimize/passes.ts";
import { add, cond, exp, less, matmul, mul, scan, sin, sqrt, square, sub, sum, tanh, type Tensor } from "../../../stdlib/index.ts";
import { agrees, f32, f64, inputsOf, kernels, lowered, program } from "./harness.ts";
import type { Func } from "../../../compiler/ir/func.ts";

// Random step structures. A machine with one cell a slot runs them: every launch writes a fresh stamp to its outputs and checks that its inputs still hold theirs.
type Plan =
  | { readonly kind: "launch"; readonly reads: readonly number[]; readonly writes: readonly number[] }
  | { readonly kind: "loop" | "while" | "branch"; readonly parts: readonly (readonly Plan[])[] };
const SLOTS = 10,
  RESULTS = 2;
const planOf = fc.letrec<{ plan: Plan }>(tie => ({
  plan: fc.oneof(
    { depthSize: "small", maxDepth: 3 },
    fc.record({
      kind: fc.constant("launch" as const),
      reads: fc.array(fc.nat(SLOTS - 1), { maxLength: 3 }),
      writes: fc.array(fc.nat(SLOTS - 1), { minLength: 1, maxLength: 2 }),
    }),
    fc.record({
      kind: fc.constantFrom("loop" as const, "while" as const, "branch" as const),
      parts: fc.tuple(fc.array(tie("plan"), { maxLength: 4 }), fc.array(tie("plan"), { maxLength: 4 })),
    }),
  ),
})).plan;
const kernel: LoopKernel = {
  kind: "loop",
  name: "k",
  params: [],
  scratch: [],
  grid: { v: exprVar("g", "i32"), extent: 1, cost: 1 },
  body: [],
};
const at = (slot: number): SlotRef => ({ slot, base: 0, terms: [] });
/** Steps of a plan; every slot is written once before anything, so that loops may read what a turn before wrote. */
const stepsOf = (plans: readonly Plan[]): Step[] =>
  plans.flatMap((p, i): Step[] => {
    if (p.kind === "launch")
      return [
        {
          kind: "launch",
          kernel: {
            ...kernel,
            params: [
              ...p.reads.map(() => ({ dtype: "f32" as const, elements: 1, access: "read" as const })),
              ...p.writes.map(() => ({ dtype: "f32" as const, elements: 1, access: "write" as const })),
            ],
          },
          args: [...p.reads, ...p.writes].map(at),
        },
      ];
    const [a, b] = p.parts.map(stepsOf) as [Step[], Step[]]; // two parts
    if (p.kind === "loop") return [{ kind: "loop", counter: 100 + i, count: 2, reverse: false, body: [...a, ...b] }];
    return p.kind === "while" ? [{ kind: "while", test: a, pred: at(0), body: b }] : [{ kind: "branch", index: at(1), cases: [a, b] }];
  });
/** Runs steps (each loop twice, each branch both ways in turn) on the planned addresses and checks every read. */
function simulate(slots: readonly Slot[], steps: readonly Step[], choice: number): void {
  const bytes = new Map<number, number>(),
    stamps = new Map<number, number>();
  let clock = 0,
    branches = choice;
  const range = (slot: number): [number, number] => {
    const s = slots[slot] as Slot,
      from = s.home.kind === "arena" ? s.home.offset : 1e6 * (1 + s.home.index);
    return [from, from + s.elements * byteSize(s.dtype)];
  };
  const write = (slot: number): void => {
    const [from, to] = range(slot);
    stamps.set(slot, ++clock);
    for (let b = from; b < to; b++) bytes.set(b, clock);
  };
  const read = (slot: number): void => {
    const stamp = stamps.get(slot),
      [from, to] = range(slot);
    if (stamp === undefined) return; // read before it was written: any value will do
    for (let b = from; b < to; b++) if (bytes.get(b) !== stamp) assert.unreachable(`slot ${slot} was overwritten at byte ${b}`);
  };
  const run = (list: readonly Step[]): void =>
    list.forEach(s => {
      switch (s.kind) {
        case "launch":
          s.args.forEach((a, i) => {
            if (s.kernel.params[i]?.access === "read") read(a.slot);
          });
          s.args.forEach((a, i) => {
            if (s.kernel.params[i]?.access === "write") write(a.slot);
          });
          break;
        case "copy":
          read(s.from.slot);
          write(s.to.slot);
          break;
        case "loop":
          for (let t = 0; t < s.count; t++) run(s.body);
          break;
        case "while":
          for (let t = 0; t < 2; t++) {
            run(s.test);
            read(s.pred.slot);
            run(s.body);
          }
          run(s.test);
          break;
        case "branch":
          read(s.index.slot);
          branches = (branches * 5 + 1) % 16;
          run(s.cases[(branches >> 2) & 1] ?? []);
          break;
        default:
          s satisfies never;
      }
    });
  run(steps);
}
/** Programs write before they read: every slot that is not a result is written first. Results are read last, by the caller. */
function writeFirst(steps: readonly Step[]): Step[] {
  const all = Array.from({ length: SLOTS }, (_, i) => i);
  return [
    ...stepsOf([{ kind: "launch", reads: [], writes: all.slice(0, -RESULTS) }]),
    ...steps,
    ...stepsOf([
      { kind: "launch", reads: all.filter(i => i % 3 === 0), writes: [1] },
      { kind: "launch", reads: all.slice(-RESULTS), writes: [2] },
    ]),
  ];
}
test("random structures of loops and branches: no value that is still read is overwritten", () => {
  fc.assert(
    fc.property(
      fc.array(planOf, { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: SLOTS, maxLength: SLOTS }),
      fc.nat(15),
      (plans, sizes, choice) => {
        const steps = writeFirst(stepsOf(plans)),
          results = Array.from({ length: RESULTS }, (_, i) => SLOTS - RESULTS + i);
        const slots = sizes.map((elements, id): Slot => ({
          id,
          dtype: "f32",
          elements,
          home: results.includes(id) ? { kind: "output", index: id } : { kind: "arena", offset: -1 },
        }));
        const planned = planArena(slots, steps, results);
        simulate(planned.slots, steps, choice);
        planned.slots.forEach(s => {
          if (s.home.kind === "arena" && s.home.offset % 64 !== 0) assert.unreachable(`slot ${s.id} at ${s.home.offset}`);
        });
      },
    ),
    { numRuns: 400 },
  );
});

const arena = (s: Schedule): number => s.arenaBytes;
test("a chain of products needs two of its matrices, one of them the result's memory", () => {
  const f = program(
    x => {
      let h = x;
      for (let i = 0; i < 12; i++) h = matmul(h, x);
      return h;
    },
    f32(16, 16),
  );
  agrees(f);
  assert.is(arena(lowered(f)), 16 * 16 * 4);
});
test("a chain of element-wise values that cannot fuse runs in place", () => {
  const f = program(x => {
    const y = exp(x);
    return sum(add(y, sum(y)));
  }, f64(200000));
  agrees(f, inputsOf(f), "chain");
  assert.ok(arena(lowered(f)) <= 200000 * 8 + 2048);
});
test("donated state is updated in place", () => {
  const f = program(
    (p, m, g) => {
      const m1 = add(mul(m, 0.9), mul(g, 0.1));
      return [sub(p, mul(sqrt(square(m1)), 0.01)), m1];
    },
    f32(40, 30),
    f32(40, 30),
    f32(40, 30),
  );
  const s = lowered(f, [true, true, false]);
  assert.equal(s.donated, [
    { output: 0, input: 0 },
    { output: 1, input: 1 },
  ]);
  agrees(f, inputsOf(f), "in place", s);
});
test("donated memory that is still needed is not given away", () => {
  const f = program((p, q) => [mul(q, 2), add(p, sum(q))], f32(64), f32(64));
  const s = lowered(f, [true, true]);
  agrees(f, inputsOf(f), "donated", s);
  const g = program(p => [mul(p, 2), add(p, 1)], f32(64)),
    t = lowered(g, [true]);
  assert.ok(t.donated.length <= 1);
  agrees(g, inputsOf(g), "twice", t);
});
test("a loop writes its new carry over the old one where nothing reads that any more", () => {
  const f = program((c, x) => scan((h: Tensor, r: Tensor) => [tanh(add(h, r)), null] as const, c, x)[0] as Tensor, f32(50), f32(6, 50)); // the carry is a tensor
  agrees(f);
  assert.equal(
    kernels(lowered(f).steps).filter(k => k === "copy"),
    ["copy"],
  ); // the first value of the carry
});
test("a loop whose carries read each other keeps what it still needs", () => {
  const swap = program(
    (a, b) =>
      scan(
        (c: readonly [Tensor, Tensor], _x: Tensor) => [[c[1], sin(add(c[0], c[1]))] as const, null] as const,
        [a, b] as const,
        mul(b, 0),
      )[0] as unknown as readonly Tensor[],
    f32(5),
    f32(5),
  ); // the carry is a pair
  agrees(swap);
  const flip = program(
    (a, x) => scan((c: Tensor, r: Tensor) => [add(matmul(c, c), r), c] as const, a, x) as unknown as readonly Tensor[],
    f32(4, 4),
    f32(3, 4, 4),
  ); // carry and stack
  agrees(flip);
});
test("branches share memory with what is dead around them", () => {
  const f = program(
    x =>
      add(
        cond(
          less(sum(x), 0),
          (t: Tensor) => matmul(exp(t), t),
          (t: Tensor) => matmul(t, tanh(t)),
          x,
        ) as Tensor,
        1,
      ),
    f32(32, 32),
  ); // both branches return a tensor
  agrees(f);
  const unused: Func = optimize(f);
  assert.ok(lowerFunc(unused, { donate: [] }).arenaBytes <= 3 * 32 * 32 * 4 + 1024);
});

test.run();
