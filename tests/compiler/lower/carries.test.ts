// A carry that a scan stacks as it comes in lives in the stack: no copies, in either direction, whatever else the loop does.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Step } from "../../../compiler/ir/schedule.ts";
import { add, grad, matmul, mul, scan, sin, sum, type Tensor } from "../../../stdlib/index.ts";
import { agrees, f32, kernels, lowered, program } from "./harness.ts";

type Body = (h: Tensor, r: Tensor) => readonly [Tensor, Tensor];
/** The last carry and the stack. */
const scanned = (body: Body, length: number, reverse = false): ReturnType<typeof program> =>
  program(
    (c, x) => {
      const [last, stack] = scan(body, c, x, { reverse }) as unknown as readonly [Tensor, Tensor]; // one of each
      return [add(last, 1), mul(stack, 2)];
    },
    f32(40),
    f32(length, 40),
  );
const loops = (steps: readonly Step[]): string[] => steps.flatMap(s => (s.kind === "loop" ? kernels(s.body) : []));
const keeps: Body = (h, r) => [sin(add(h, r)), h];

test("a stacked carry is not copied in the loop, and is what it should be", () => {
  for (const reverse of [false, true])
    for (const length of [0, 1, 5]) {
      const f = scanned(keeps, length, reverse);
      agrees(f);
      assert.not.ok(loops(lowered(f).steps).includes("copy"), `${length}, ${reverse}`);
    }
});
test("a carry that is stacked, moved to another's place, or taken from an operand is right", () => {
  agrees(
    program(
      (a, b, x) => {
        const [[c, d], stacks] = scan(
          ([p, q]: readonly [Tensor, Tensor], r: Tensor) => [[q, add(p, r)] as const, [p, q, p] as const] as const,
          [a, b] as const,
          x,
        ) as unknown as readonly [readonly [Tensor, Tensor], readonly Tensor[]]; // two carries, three stacks
        return [c, d, ...stacks];
      },
      f32(7),
      f32(7),
      f32(4, 7),
    ),
  );
  agrees(scanned((h, r) => [r, h], 3));
  agrees(scanned((_h, r) => [r, _h], 3, true));
});
test("the gradient of a chain of layers copies nothing in its loops", () => {
  const f = program(
    (c, ws) =>
      grad((t: readonly [Tensor, Tensor]) => {
        const [h] = scan((x: Tensor, w: Tensor) => [add(x, sin(matmul(x, w))), null] as const, t[0], t[1]) as unknown as readonly [Tensor]; // the carry
        return sum(mul(h, h));
      })([c, ws]),
    f32(6, 8),
    f32(3, 8, 8),
  );
  agrees(f);
  assert.equal(
    loops(lowered(f).steps).filter(k => k === "copy"),
    [],
  );
});

test.run();
