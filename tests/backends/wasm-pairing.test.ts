// Paired (256-bit) vectors change no bit. Everything runs first as it is without them; then the engine is told to pair (Node 24 and later), code is compiled
// anew, for the tiles that pairs want, and all results must be the same. On older engines the flag does not exist, and only the tiles differ.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { setFlagsFromString } from "node:v8";
import type { Artifact } from "../../runtime/artifact.ts";
import type { Executable } from "../../runtime/device.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { WasmDevice } from "../../runtime/wasm/device.ts";
import { nodeMajor } from "../../runtime/wasm/features.ts";
import { pairVectors } from "../../runtime/wasm/probe.ts";
import { primitiveSamples, type Sample } from "../../compiler/primitives/samples.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { aval, sizeOf } from "../../compiler/ir/aval.ts";
import { printFunc } from "../../compiler/ir/print.ts";
import type { HostTensor } from "../../compiler/reference/evaluate.ts";
import { bind } from "../../compiler/trace/bind.ts";
import { traceClosed } from "../../compiler/trace/trace.ts";
import type { Tensor } from "../../compiler/trace/tensor.ts";
import { programOf, runOn, valuesFor } from "./conform.ts";
import { programsOver, traced } from "./random.ts";

const runs = Number(process.env["PULLBACK_FUZZ_RUNS"] ?? 60);
/** Equal modules share their code in V8; a custom section makes these others. */
class Other extends WasmDevice {
  override load(artifact: Artifact): Executable {
    return super.load(artifact.kind === "wasm" ? { ...artifact, bytes: Uint8Array.of(...artifact.bytes, 0, 2, 1, 0x78) } : artifact);
  }
}

const maps = [...new Map(primitiveSamples.filter(s => s.prim.lower.kind === "map").map(s => [s.prim, s])).values()];
/** Element-wise programs of up to 30 equations that fuse into one loop: any primitive, applied where it accepts its operands. */
const loops = fc
  .record({
    dtype: fc.constantFrom("f32", "f64", "i32", "u32"),
    steps: fc.array(fc.record({ map: fc.nat(maps.length - 1), at: fc.array(fc.nat(40), { minLength: 3, maxLength: 3 }) }), {
      minLength: 6,
      maxLength: 30,
    }),
    seed: fc.nat(1000),
  })
  .map(({ dtype, steps, seed }) => {
    const avals = [aval(dtype, [67]), aval(dtype, [67]), aval("bool", [67])];
    const f = traceClosed((...xs) => {
      const values: Tensor[] = [...xs];
      for (const { map, at } of steps) {
        const { prim, params, avals: operands } = maps[map] as Sample; // in range
        const ins = operands.map((_, i) => values[values.length - 1 - ((at[i] ?? 0) % values.length)] as Tensor); // in range
        try {
          values.push(...bind(prim, ins, params));
        } catch (e) {
          if (!(e instanceof PullbackError)) throw e; // it does not accept these operands
        }
      }
      return values.slice(-3);
    }, avals);
    return { f, args: valuesFor(avals, seed) };
  });

/** Every primitive at every dtype, once. */
const small = [
  ...new Map(
    primitiveSamples.filter(s => s.avals.some(a => sizeOf(a.shape) === 35)).map(s => [`${s.prim.name} ${s.avals[0]?.dtype}`, s]),
  ).values(),
];
const programs: readonly { readonly f: Func; readonly args: readonly HostTensor[] }[] = [
  ...small.map(s => ({ f: programOf(s), args: valuesFor(s.avals, 11, s.domain) })),
  ...fc
    .sample(programsOver(["f32", "f64", "i32", "u32", "bool"]), { numRuns: runs, seed: 1 })
    .map(p => ({ f: traced(p), args: valuesFor(p.avals, p.seed) })),
  ...fc.sample(loops, { numRuns: runs, seed: 2 }),
];

test(`${programs.length} programs give the same bits with paired vectors and without`, async () => {
  const single = new WasmDevice({ threads: 1, wide: false }),
    before: number[][][] = [];
  for (const { f, args } of programs) before.push(await runOn(single, f, args));
  if ((nodeMajor() ?? 0) >= 24) pairVectors(setFlagsFromString);
  const paired = new Other({ threads: 1, wide: true });
  for (const [i, { f, args }] of programs.entries()) {
    const after = await runOn(paired, f, args);
    after.forEach((values, k) =>
      values.forEach((x, j) => {
        if (!Object.is(x, before[i]?.[k]?.[j]))
          assert.unreachable(`result ${k}[${j}] was ${before[i]?.[k]?.[j]}, is ${x}\n${printFunc(f)}`);
      }),
    );
  }
});

test.run();
