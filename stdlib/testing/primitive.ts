// One record buys its tests: the laws that every primitive obeys, on samples of its operands.
import { fromHost, fromStorage, isFloat, readSync, toStorage, vmap, type DType } from "../../compiler/index.ts";
import { bind, checkFunc, evaluate, hostTensor, parseFunc, printFunc, sizeOf, traceClosed, type Aval, type Params, type Primitive, type Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { stack } from "../ops/join.ts";
import { checkGrads, testNumbers } from "./gradients.ts";

/** Operand types and parameters; `low` and `high` bound the values (default -2 .. 2, integers 0 .. 4). */
export interface PrimitiveSample { readonly avals: readonly Aval[]; readonly params?: Params; readonly low?: number; readonly high?: number; readonly rtol?: number }

/** Check a primitive on samples: its program is well-formed and reads back from text; the device agrees with the reference evaluator; a batch is a loop; and where all
 *  floats are f64, forward mode agrees with differences and reverse with forward. @throws E0802 saying which law, on which sample */
export function checkPrimitive(prim: Primitive, samples: readonly PrimitiveSample[]): void {
  samples.forEach((s, n) => {
    const params = s.params ?? {}, label = `checkPrimitive(${prim.name}), sample ${n}`;
    const fail = (law: string, fact: string): never => { throw new PullbackError("E0802", `${label}: ${law}: ${fact}`, { help: "the record is wrong, or the sample lies outside of its domain" }); };
    const f = checkFunc(traceClosed((...xs) => bind(prim, xs, params), s.avals)), text = printFunc(f);
    if (!text.includes("<fn") && printFunc(parseFunc(text, [prim])) !== text) fail("print and parse", "the text changes");
    const data = s.avals.map((a, i) => values(a, n + 17 * i, s)), call = (...xs: Tensor[]): Tensor[] => bind(prim, xs, params);
    const ins = s.avals.map((a, i) => fromHost(a.dtype, a.shape, toStorage(a.dtype, data[i] ?? [])));
    const want = evaluate(f, s.avals.map((a, i) => hostTensor(a.dtype, a.shape, data[i] ?? []))), got = call(...ins);
    got.forEach((y, k) => compare(numbersOf(y), want[k]?.data ?? [], Math.max(s.rtol ?? 0, tolerance(y.dtype)), fact => fail("the device against the reference evaluator", fact)));
    if (ins.length > 0) {
      const twice = ins.map(x => stack([x, x])), batched = vmap(call)(...twice) as Tensor[]; // a list of tensors
      batched.forEach((y, k) => { const one = numbersOf(got[k] as Tensor); compare(numbersOf(y), [...one, ...one], tolerance(y.dtype), fact => fail("a batch against a loop", fact)); }); // as many outputs
    }
    const smooth = s.avals.some(a => a.dtype === "f64") && s.avals.every(a => !isFloat(a.dtype) || a.dtype === "f64") && f.results.every(r => r.aval.dtype === "f64");
    const stops = prim.lower.kind === "erase" && Array.isArray(prim.jvp) && prim.jvp.every(rule => rule === null); // an identity that ends derivatives on purpose
    if (smooth && !stops && (prim.jvp || prim.linear)) {
      const floats = s.avals.map((a, i) => [a, i] as const).filter(([a]) => a.dtype === "f64").map(([, i]) => i);
      checkGrads((...xs: Tensor[]) => call(...ins.map((x, i) => { const at = floats.indexOf(i); return at < 0 ? x : xs[at] ?? x; })), floats.map(i => ins[i] as Tensor), { rtol: 1e-5, seed: n + 1 }); // floats are positions of ins
    }
  });
}
const numbersOf = (x: Tensor): number[] => Array.from(fromStorage(x.dtype, readSync(x)));
const tolerance = (d: DType): number => (d === "f64" ? 1e-12 : d === "f32" ? 4e-6 : isFloat(d) ? 1e-2 : 0);
function values(a: Aval, seed: number, { low, high }: PrimitiveSample): number[] {
  const [lo, hi] = isFloat(a.dtype) ? [low ?? -2, high ?? 2] : [low ?? 0, high ?? (a.dtype === "bool" ? 2 : 4)];
  return Array.from(testNumbers(sizeOf(a.shape), seed), x => { const v = lo + ((x + 1) / 2) * (hi - lo); return isFloat(a.dtype) ? v : Math.floor(v); });
}
function compare(got: readonly number[], want: ArrayLike<number>, rtol: number, fail: (fact: string) => void): void {
  got.forEach((x, i) => { const y = want[i] ?? NaN; if (!(Object.is(x, y) || x === y || (Number.isNaN(x) && Number.isNaN(y)) || Math.abs(x - y) <= rtol * (1 + Math.abs(y)))) fail(`element ${i} is ${x}, not ${y}`); });
}
