// Programs on the WebGPU device, written by hand: launches, copies of any alignment, loops, and what depends on values that only the device knows.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ProgramStep } from "../../../runtime/program.ts";
import { f32, failure, numbersOf, onDevice, open } from "./device.ts";
import { addConstant, kernel, program, ref } from "./programs.ts";

const launch = (k: number, ...args: ReturnType<typeof ref>[]): ProgramStep<number> => ({ kind: "launch", kernel: k, args });

onDevice("a program runs, its results feed the next, and a donated input's memory becomes the result's", async () => {
  const dev = await open();
  const add = dev.load(addConstant(100, 1, 0)),
    xs = Array.from({ length: 100 }, (_, i) => i);
  let x = dev.upload("f32", f32(...xs)) as ReturnType<typeof add.run>[number];
  const { live } = dev.memory();
  for (let i = 0; i < 50; i++) {
    const [y] = add.run([x], [true]);
    assert.is(x.released, true);
    if (y) x = y;
    assert.is(dev.memory().live, live);
  }
  assert.equal(
    await numbersOf(x),
    xs.map(v => v + 50),
  );
  const [kept] = add.run([x]);
  assert.is(x.released, false);
  assert.is((await numbersOf(kept))[0], 51);
  dev.destroy();
});
onDevice("more than 65535 workgroups are split, and those past the end do nothing", async () => {
  const dev = await open(),
    n = 65537 * 64;
  const [y] = dev.load(addConstant(n, 1)).run([dev.upload("f32", new Float32Array(n).fill(2))]);
  const read = y && (await y.read());
  assert.is(read?.length, n);
  assert.ok(read?.every(v => v === 3));
  dev.destroy();
});
onDevice("copies of every alignment and length move these bytes and no others", async () => {
  const dev = await open(),
    n = 64;
  for (const [from, to] of [
    [0, 0],
    [1, 0],
    [0, 3],
    [2, 1],
    [5, 6],
    [3, 3],
  ] as const)
    for (const bytes of [0, 1, 2, 3, 4, 5, 7, 8, 13, 33]) {
      const copy = dev.load(
        program(
          { inputs: [["u8", n]], outputs: [["u8", n]], arena: [["u8", n]] },
          [],
          [
            { kind: "copy", from: ref(0, 20), to: ref(1), bytes: n - 20 }, // something there already
            { kind: "copy", from: ref(0, 0), to: ref(1, n - 20), bytes: 20 },
            { kind: "copy", from: ref(0, from), to: ref(1, to), bytes },
          ],
        ),
      );
      const data = Uint8Array.from({ length: n }, (_, i) => 100 + i),
        want = Uint8Array.from([...data.slice(20), ...data.slice(0, 20)]);
      want.set(data.slice(from, from + bytes), to);
      const [y] = copy.run([dev.upload("u8", data)]);
      assert.equal(await numbersOf(y), Array.from(want), `${bytes} bytes from ${from} to ${to}`);
    }
  dev.destroy();
});
onDevice("loops run forwards and backwards, nested, with places that move with their counters", async () => {
  const dev = await open();
  // out[3 i + j] = 10 * acc; acc += x[i]: the inner loop writes, the outer reads in reverse
  const bump = kernel(
    "bump",
    1,
    ["f32", "f32", "f32"],
    "if (i == 0u) { heap[at(2)] = heap[at(2)] + heap[at(0)]; heap[at(1)] = heap[at(2)]; }",
  );
  const loops = dev.load(
    program(
      {
        inputs: [["f32", 4]],
        outputs: [
          ["f32", 12],
          ["f32", 1],
        ],
      },
      [bump],
      [
        { kind: "copy", from: ref(0), to: ref(2), bytes: 4 },
        {
          kind: "loop",
          counter: 0,
          count: 4,
          reverse: true,
          body: [
            {
              kind: "loop",
              counter: 1,
              count: 3,
              reverse: false,
              body: [
                launch(0, ref(0, 0, { counter: 0, stride: 1 }), ref(1, 0, { counter: 0, stride: 3 }, { counter: 1, stride: 1 }), ref(2)),
              ],
            },
          ],
        },
      ],
    ),
  );
  const [out, acc] = loops.run([dev.upload("f32", f32(1, 10, 100, 1000))]);
  assert.equal(await numbersOf(out), [3331 + 1, 3332 + 1, 3333 + 1, 3311, 3321, 3331, 3101, 3201, 3301, 1001, 2001, 3001]);
  assert.equal(await numbersOf(acc), [3334]);
  dev.destroy();
});
onDevice("a program with more dispatches than parameters fit into one submit is submitted in parts", async () => {
  const dev = await open({ runAhead: 2 }),
    n = 9000; // 256 bytes of parameters each
  const steps: ProgramStep<number>[] = [
    { kind: "copy", from: ref(0), to: ref(1), bytes: 4 },
    { kind: "loop", counter: 0, count: n, reverse: false, body: [launch(0, ref(1))] },
  ];
  const many = dev.load(
    program({ inputs: [["f32", 1]], outputs: [["f32", 1]] }, [kernel("inc", 1, ["f32"], "if (i == 0u) { heap[at(0)] += 1.0; }")], steps),
  );
  const [y] = many.run([dev.upload("f32", f32(0))]);
  assert.equal(await numbersOf(y), [n]);
  dev.destroy();
});

/** i32 index, f32 x -> x + 1, x * 10, or -x; the index is overwritten by the first case. */
const cases = program(
  {
    inputs: [
      ["i32", 3],
      ["f32", 1],
    ],
    outputs: [["f32", 1]],
    arena: [["i32", 1]],
  },
  [
    kernel("first", 1, ["f32", "f32", "f32"], "if (i == 0u) { heap[at(1)] = heap[at(0)] + 1.0; heap[at(2)] = bitcast<f32>(2i); }"),
    kernel("second", 1, ["f32", "f32"], "if (i == 0u) { heap[at(1)] = heap[at(0)] * 10.0; }"),
    kernel("third", 1, ["f32", "f32"], "if (i == 0u) { heap[at(1)] = -heap[at(0)]; }"),
  ],
  [
    { kind: "copy", from: ref(0, 1), to: ref(3), bytes: 4 },
    {
      kind: "branch",
      index: ref(3),
      cases: [
        [launch(0, ref(1), ref(2), ref(3))],
        [launch(1, ref(1), ref(2))],
        [{ kind: "copy", from: ref(1), to: ref(2), bytes: 4 }, launch(2, ref(1), ref(2))],
      ],
    },
  ],
);
onDevice("a branch runs the case of its clamped index, and only that", async () => {
  const dev = await open(),
    exe = dev.load(cases),
    x = dev.upload("f32", f32(7));
  for (const [index, want] of [
    [0, 8],
    [1, 70],
    [2, -7],
    [-5, 8],
    [99, -7],
  ] as const) {
    const [y] = exe.run([dev.upload("i32", Int32Array.of(9, index, 9)), x]);
    assert.equal(await numbersOf(y), [want], `index ${index}`);
  }
  dev.destroy();
});

const lessThan = kernel(
  "less",
  1,
  ["f32", "f32", "u8"],
  "if (i == 0u) { heap[at(2) / 4u] = bitcast<f32>(select(0u, 1u, heap[at(0)] < heap[at(1)])); }",
);
const double = kernel("double", 1, ["f32", "f32"], "if (i == 0u) { heap[at(0)] = heap[at(0)] * 2.0; heap[at(1)] += 1.0; }");
/** x is doubled while it is below the limit; how often is counted. */
const doubling = program(
  {
    inputs: [
      ["f32", 1],
      ["f32", 1],
    ],
    outputs: [
      ["f32", 1],
      ["f32", 1],
    ],
    arena: [["bool", 1]],
  },
  [lessThan, double, kernel("zero", 1, ["f32"], "if (i == 0u) { heap[at(0)] = 0.0; }")],
  [
    { kind: "copy", from: ref(0), to: ref(2), bytes: 4 },
    launch(2, ref(3)),
    { kind: "while", test: [launch(0, ref(2), ref(1), ref(4))], pred: ref(4), body: [launch(1, ref(2), ref(3))] },
  ],
);
onDevice(
  "a while runs as often as its test says, whatever number of rounds is recorded at a time, and what comes after waits for it",
  async () => {
    const dev = await open(),
      exe = dev.load(doubling),
      add = dev.load(addConstant(1, 0.5));
    for (const limit of [0, 1, 2, 3, 16, 17, 1e6, 1e30]) {
      const [x, n] = exe.run([dev.upload("f32", f32(1)), dev.upload("f32", f32(limit))]);
      if (!x) throw new Error("no result");
      const [more] = add.run([x]); // queued behind the loop
      const rounds = limit <= 1 ? 0 : Math.ceil(Math.log2(limit));
      assert.equal(
        await Promise.all([x, n, more].map(numbersOf)),
        [[2 ** rounds], [rounds], [Math.fround(2 ** rounds + 0.5)]],
        `limit ${limit}`,
      );
    }
    dev.destroy();
  },
);
onDevice("a while inside a while, in a loop, in a case that may not happen", async () => {
  const dev = await open();
  // total = 0; for c in 0..3: if index == 1: a = 0; while (a < x) { b = 0; while (b < a) { total += 1; b += 1 }; a += 1 }
  const inc = kernel("inc", 1, ["f32"], "if (i == 0u) { heap[at(0)] += 1.0; }"),
    zero = kernel("zero", 1, ["f32"], "if (i == 0u) { heap[at(0)] = 0.0; }");
  const [x, total, a, b, outer, inner] = [ref(1), ref(2), ref(3), ref(4), ref(5), ref(6)];
  const nested = dev.load(
    program(
      {
        inputs: [
          ["i32", 1],
          ["f32", 1],
        ],
        outputs: [["f32", 1]],
        arena: [
          ["f32", 1],
          ["f32", 1],
          ["bool", 1],
          ["bool", 1],
        ],
      },
      [lessThan, inc, zero],
      [
        launch(2, total),
        {
          kind: "loop",
          counter: 0,
          count: 3,
          reverse: false,
          body: [
            {
              kind: "branch",
              index: ref(0),
              cases: [
                [],
                [
                  launch(2, a),
                  {
                    kind: "while",
                    test: [launch(0, a, x, outer)],
                    pred: outer,
                    body: [
                      launch(2, b),
                      { kind: "while", test: [launch(0, b, a, inner)], pred: inner, body: [launch(1, total), launch(1, b)] },
                      launch(1, a),
                    ],
                  },
                ],
              ],
            },
          ],
        },
      ],
    ),
  );
  for (const [index, n, want] of [
    [0, 5, 0],
    [1, 0, 0],
    [1, 5, 30],
    [1, 9, 108],
  ] as const) {
    const [y] = nested.run([dev.upload("i32", Int32Array.of(index)), dev.upload("f32", f32(n))]);
    assert.equal(await numbersOf(y), [want], `case ${index}, ${n}`);
  }
  dev.destroy();
});
onDevice(
  "a shader that the driver refuses is a typed error with the compiler's words at the read, and everything older stays good",
  async () => {
    const dev = await open(),
      x = dev.upload("f32", f32(1));
    const broken = program(
      { inputs: [["f32", 1]], outputs: [["f32", 1]] },
      [kernel("broken", 1, ["f32", "f32"], "nonsense")],
      [launch(0, ref(0), ref(1))],
    );
    const [y] = dev.load(broken).run([x]);
    if (!y) throw new Error("no result");
    const error = String(await failure(y.read()));
    assert.match(error, /E0707.*broken/);
    assert.match(error, /nonsense/);
    assert.throws(() => dev.load(addConstant(1, 1)).run([y]), /E0707/);
    assert.equal(await numbersOf(x), [1]);
    const [z] = dev.load(addConstant(1, 1)).run([x]);
    assert.equal(await numbersOf(z), [2]);
    await dev.sync();
    dev.destroy();
  },
);
onDevice("sync tells of a failure that no read has met, once", async () => {
  const dev = await open();
  const broken = program({ inputs: [], outputs: [["f32", 1]] }, [kernel("broken", 1, ["f32"], "nonsense")], [launch(0, ref(0))]);
  dev.load(broken).run([]);
  assert.match(String(await failure(dev.sync())), /E0707/);
  await dev.sync();
  dev.destroy();
});
onDevice("arrays of another device are refused, and a program is disposed while calls of it are still waiting", async () => {
  const one = await open(),
    two = await open();
  const add = one.load(cases);
  assert.throws(() => one.load(addConstant(1, 1)).run([two.upload("f32", f32(1))]), /E0703/);
  const [y] = add.run([one.upload("i32", Int32Array.of(0, 1, 0)), one.upload("f32", f32(4))]);
  add.dispose();
  assert.equal(await numbersOf(y), [40]);
  await one.sync();
  one.destroy();
  two.destroy();
});

test.run();
