// What every backend is held to, whatever the device: each primitive at every sample and at the edges of floating point, random programs, loops and branches, their derivatives.
// Dtypes that a device lacks are left out by name, counted and printed; nothing else is.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { isFloat, type DType } from "../../runtime/dtype.ts";
import type { Device } from "../../runtime/device.ts";
import { aval, sizeOf, type Aval } from "../../compiler/ir/aval.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { printFunc } from "../../compiler/ir/print.ts";
import { allPrimitives } from "../../compiler/primitives/all.ts";
import { bitcast } from "../../compiler/primitives/convert.ts";
import { primitiveSamples, type Sample } from "../../compiler/primitives/samples.ts";
import { hostTensor } from "../../compiler/reference/evaluate.ts";
import { differences, programOf, showSample, valuesFor } from "./conform.ts";
import { controlledGradients, controlledPrograms } from "./controlled.ts";
import { SKIPPED } from "../runner/totals.ts";
import { fuzzSettings } from "../support/fuzz.ts";
import { programsOver, traced } from "./random.ts";
import { chain, controlChain, gradientChain, toleranceOf, type Accuracy } from "./tolerance.ts";

/** A device under test. `lacks`: dtypes it cannot compute with. `accuracy`: which column of the table it is held to. `sample`: try only one sample in so many, starting with
 *  `from` (slow devices). `large`: samples with an operand of more elements are tried in f32 only (slow devices). `share`: only primitives k, k + n, k + 2n, … of those there
 *  are. `atOnce`: samples in flight together, where a device is asynchronous. */
export interface Subject {
  readonly device: Device;
  readonly lacks?: readonly DType[];
  readonly accuracy?: Accuracy;
  readonly sample?: number;
  readonly from?: number;
  readonly large?: number;
  readonly share?: readonly [k: number, n: number];
  readonly atOnce?: number;
  readonly runs?: number;
}

/** Where element-wise code breaks: limits, signed zeros, the smallest and largest numbers, halves, and whole numbers around 2^31. */
export const edges: readonly number[] = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  1e-45,
  -1e-45,
  1.2e-38,
  1e-8,
  -1e-8,
  3.4e38,
  -3.4e38,
  88.8,
  -88.8,
  104,
  -104,
  710,
  -746,
  8388609,
  2 ** 31,
  -(2 ** 31),
  1e10,
  170.5,
  -3,
  -2.0001,
];

/** Does a program hold a dtype that the device lacks, in its operands or results? */
const beyond = (f: Func, lacks: readonly DType[]): boolean =>
  [...f.params, ...f.results].some(v => lacks.includes(v.aval.dtype)) ||
  f.eqns.some(e => [...e.ins, ...e.outs].some(v => lacks.includes(v.aval.dtype)));

/** A test for each primitive. */
export function primitiveSuite({
  device,
  lacks = [],
  accuracy = "exact",
  sample: every = 1,
  from = 0,
  large = Infinity,
  share: [k, n] = [0, 1],
  atOnce = 1,
}: Subject): void {
  let left = 0,
    tooLarge = 0,
    tried = 0;
  const easing = { flush: accuracy === "shader" },
    primitives = allPrimitives.filter((_, i) => i % n === k);
  for (const prim of primitives)
    test(`${prim.name} agrees with the oracle at every sample`, async () => {
      const samples = primitiveSamples.filter(s => s.prim === prim);
      assert.ok(samples.length > 0, `${prim.name} has no samples`);
      const failures: string[] = [];
      const programs = samples
        .map((s, i) => ({ s, i, f: programOf(s) }))
        .filter(({ i }) => samples.length <= from || i % every === from % every);
      const known = programs.filter(({ f }) => !beyond(f, lacks)),
        fit = known.filter(({ s }) => s.avals.every(a => sizeOf(a.shape) <= large) || s.avals.some(a => a.dtype === "f32"));
      left += programs.length - known.length;
      tooLarge += known.length - fit.length;
      tried += fit.length;
      for (let first = 0; first < fit.length; first += atOnce)
        await Promise.all(
          fit.slice(first, first + atOnce).map(async ({ s, i, f }) => {
            const args = valuesFor(s.avals, 17 + i, s.domain);
            for (const d of await caught(() => differences(device, f, args, toleranceOf(prim.name, accuracy), easing)))
              failures.push(`${showSample(s)}: ${d}`);
          }),
        );
      assert.is(failures.length, 0, `${failures.length} of ${samples.length}:\n${failures.slice(0, 6).join("\n")}`);
    });
  for (const prim of primitives) {
    const samples = primitiveSamples.filter(s => s.prim === prim && s.avals.length > 0 && s.avals.every(a => isFloat(a.dtype)));
    if (prim.lower.kind === "map" && prim !== (bitcast.primitive as unknown) && samples.length > 0)
      test(`${prim.name} agrees with the oracle at the edges of floating point`, async () => {
        const failures: string[] = [];
        for (const dtype of (["f32", "f64"] as const).filter(d => !lacks.includes(d)))
          for (const s of distinct(samples)) {
            const n = s.avals.length,
              size = edges.length ** n,
              avals = s.avals.map(() => aval(dtype, [size]));
            const f = programOf({ ...s, avals });
            if (beyond(f, lacks)) {
              left++;
              continue;
            }
            const args = avals.map((a, k) =>
              hostTensor(
                dtype,
                a.shape,
                Array.from({ length: size }, (_, i) => edges[Math.floor(i / edges.length ** k) % edges.length] ?? 0),
              ),
            );
            for (const d of await caught(() => differences(device, f, args, toleranceOf(prim.name, accuracy), easing)))
              failures.push(`${showSample({ ...s, avals })}: ${d}`);
          }
        assert.is(failures.length, 0, failures.join("\n"));
      });
  }
  if (lacks.length > 0)
    test("what the device lacks is told", () => {
      console.log(`${SKIPPED}${left} samples, since ${device.name} lacks ${lacks.join(", ")}; ${tried} were tried`);
    });
  if (large < Infinity)
    test("large samples that are tried in f32 only are counted", () => {
      console.log(`${SKIPPED}${tooLarge} samples of ${primitives.length} primitives, of more than ${large} elements and not f32`);
    });
}
/** One sample for each set of parameters. */
const distinct = (samples: readonly Sample[]): Sample[] => [...new Map(samples.map(s => [JSON.stringify(s.params), s])).values()];
const caught = async (f: () => Promise<string[]>): Promise<string[]> => {
  try {
    return await f();
  } catch (e) {
    return [e instanceof Error ? e.message : String(e)];
  }
};

/** Programs of many operations: all of them belong to share 0. */
export function programSuite({ device, lacks = [], runs = 150, share: [k] = [0, 1] }: Subject): void {
  if (k > 0) return;
  const dtypes = (["f32", "f64", "i32", "u32", "i8", "u8", "bool"] as const).filter(d => !lacks.includes(d));
  const report = (f: Func, facts: readonly string[]): void => {
    if (facts.length > 0) assert.unreachable(`${facts.join("\n")}\n${printFunc(f)}`);
  };
  test(`${runs} random programs over ${dtypes.length} dtypes agree with the oracle`, async () => {
    await fc.assert(
      fc.asyncProperty(programsOver(dtypes), async p => {
        const f = traced(p);
        report(f, await differences(device, f, valuesFor(p.avals, p.seed), chain));
      }),
      fuzzSettings(runs),
    );
  });
  for (const { what, avals, program } of controlledPrograms())
    test(`${what}: agrees with the oracle, donated or not`, async () => {
      for (const seed of [1, 2, 3, 4]) {
        const args = valuesFor(avals, seed);
        report(program, await differences(device, program, args, controlChain));
        report(
          program,
          await differences(
            device,
            { ...program },
            args,
            controlChain,
            {},
            avals.map(() => true),
          ),
        ); // another object: compiled anew, with donation
      }
    });
  test("derivatives of scans and branches agree with the oracle: gradients, and gradients of a batch", async () => {
    const programs = controlledGradients();
    assert.ok(programs.length >= 14);
    for (const program of programs)
      for (const seed of [5, 6])
        report(
          program,
          await differences(
            device,
            program,
            valuesFor(
              program.params.map((v): Aval => v.aval),
              seed,
            ),
            gradientChain,
          ),
        );
  });
}
