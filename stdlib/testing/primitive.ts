// One record buys its tests: the laws that every primitive obeys, on samples of its operands. It reports the first law that is broken; it fixes nothing.
import { fromHost, fromStorage, isFloat, readSync, toStorage, vmap, type DType } from "../../compiler/index.ts";
import {
  bind,
  checkFunc,
  evaluate,
  hostTensor,
  parseFunc,
  printFunc,
  showAval,
  sizeOf,
  traceClosed,
  type Aval,
  type Func,
  type Params,
  type Primitive,
  type Tensor,
} from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { stack } from "../ops/join.ts";
import { checkGrads, testNumbers } from "./gradients.ts";

/** Values of one operand: uniform in [low, high), whole numbers when `integer` (always for integer dtypes). */
export interface Domain {
  readonly low: number;
  readonly high: number;
  readonly integer?: boolean;
}
/** One place to try a primitive at: operand types, parameters, and where each operand is defined and smooth (null or nothing: floats in -2 .. 2, integers 0 .. 4).
 *  `rtol` widens the comparison of devices, `smooth: false` skips derivatives (a corner inside the domain). */
export interface PrimitiveSample {
  readonly avals: readonly Aval[];
  readonly params?: Params;
  readonly domain?: readonly (Domain | null)[];
  readonly rtol?: number;
  readonly smooth?: boolean;
}
type Fail = (law: string, fact: string) => never;

/** Check a primitive on samples. Each must hold: its types are those its values have, its program is well-formed and reads back from its text; the device agrees with the
 *  reference evaluator; a batch is a loop, whichever operands are batched; and where all floats are f64, forward mode agrees with differences and reverse with
 *  forward, <ct, J dx> = <Jᵀ ct, dx>. @throws E0802 saying which law broke on which sample, with both facts; also when there are no samples */
export function checkPrimitive(prim: Primitive, samples: readonly PrimitiveSample[]): void {
  if (samples.length === 0)
    throw new PullbackError("E0802", `checkPrimitive(${prim.name}) was given no samples`, {
      help: "say where to try it: { avals, params, domain }",
    });
  samples.forEach((s, n) => {
    const where = `checkPrimitive(${prim.name}), sample ${n} (${s.avals.map(showAval).join(", ")})`;
    const fail: Fail = (law, fact) => {
      throw new PullbackError("E0802", `${where}: ${law}: ${fact}`, {
        help: "the record is wrong, or the sample lies outside of its domain",
      });
    };
    const params = s.params ?? {},
      f = checkFunc(traceClosed((...xs) => bind(prim, xs, params), s.avals));
    const draw = (seed: number): readonly number[][] => s.avals.map((a, i) => values(a, seed + 17 * i, s.domain?.[i] ?? undefined));
    const one = draw(n),
      other = draw(n + 1000);
    checkText(prim, f, fail);
    const got = checkDevice(prim, f, s, one, fail);
    checkBatch(prim, s, [one, other], fail);
    checkDerivatives(prim, f, s, got.ins, n);
  });
}

/** A program that holds no opaque function is the same after printing and parsing. */
function checkText(prim: Primitive, f: Func, fail: Fail): void {
  const text = printFunc(f);
  if (text.includes("<fn")) return; // a JavaScript function among the parameters has no text
  const again = printFunc(parseFunc(text, [prim]));
  if (again !== text) fail("print and parse", `${text} became ${again}`);
}
function checkDevice(
  prim: Primitive,
  f: Func,
  s: PrimitiveSample,
  data: readonly number[][],
  fail: Fail,
): { readonly ins: readonly Tensor[] } {
  const ins = upload(s, data),
    outs = bind(prim, ins, s.params ?? {});
  const want = evaluate(
    f,
    s.avals.map((a, i) => hostTensor(a.dtype, a.shape, data[i] ?? [])),
  );
  outs.forEach((y, k) => {
    const type = f.results[k]?.aval;
    if (!type || showAval(type) !== showAval(y.aval))
      fail("types", `output ${k} is ${showAval(y.aval)}, the aval rule says ${type ? showAval(type) : "there is none"}`);
    compare(numbersOf(y), want[k]?.data ?? [], Math.max(s.rtol ?? 0, tolerance(y.dtype)), fact =>
      fail("the device against the reference evaluator", `output ${k}, ${fact}`),
    );
  });
  return { ins };
}
/** All operands batched, and each by itself. */
function checkBatch(prim: Primitive, s: PrimitiveSample, draws: readonly [readonly number[][], readonly number[][]], fail: Fail): void {
  const n = s.avals.length,
    call = (...xs: Tensor[]): Tensor[] => bind(prim, xs, s.params ?? {});
  if (n === 0) return;
  const [one, other] = draws.map(d => upload(s, d)) as [Tensor[], Tensor[]]; // two draws
  const patterns = n === 1 ? [[true]] : [s.avals.map(() => true), ...s.avals.map((_, i) => s.avals.map((_, k) => k === i))];
  for (const at of patterns) {
    const second = one.map((x, i) => (at[i] ? (other[i] as Tensor) : x)); // both draws have every operand
    const loop = [call(...one), call(...second)],
      batched = vmap(call, { in: at.map(b => (b ? 0 : null)) })(
        ...one.map((x, i) => (at[i] ? stack([x, second[i] as Tensor]) : x)),
      ) as Tensor[]; // as above; call returns a list
    batched.forEach((y, k) =>
      compare(
        numbersOf(y),
        loop.flatMap(outs => numbersOf(outs[k] as Tensor)),
        tolerance(y.dtype),
        fact => fail(`a batch against a loop, operands [${at.map(b => (b ? "batched" : "shared")).join(", ")}]`, `output ${k}, ${fact}`),
      ),
    ); // as many outputs
  }
}
function checkDerivatives(prim: Primitive, f: Func, s: PrimitiveSample, ins: readonly Tensor[], seed: number): void {
  const floats = s.avals.flatMap((a, i) => (isFloat(a.dtype) ? [i] : []));
  const wide = floats.length > 0 && floats.every(i => s.avals[i]?.dtype === "f64") && f.results.every(r => r.aval.dtype === "f64");
  const stops = prim.lower.kind === "erase" && Array.isArray(prim.jvp) && prim.jvp.every(rule => rule === null); // an identity that ends derivatives on purpose
  if (!wide || stops || s.smooth === false || !(prim.jvp || prim.linear)) return;
  checkGrads(
    (...xs: Tensor[]) =>
      bind(
        prim,
        ins.map((x, i) => xs[floats.indexOf(i)] ?? x),
        s.params ?? {},
      ),
    floats.map(i => ins[i] as Tensor),
    { rtol: 1e-5, seed: seed + 1 },
  ); // floats are positions of ins
}

const upload = (s: PrimitiveSample, data: readonly number[][]): Tensor[] =>
  s.avals.map((a, i) => fromHost(a.dtype, a.shape, toStorage(a.dtype, data[i] ?? [])));
const numbersOf = (x: Tensor): number[] => Array.from(fromStorage(x.dtype, readSync(x)));
const tolerance = (d: DType): number => (d === "f64" ? 1e-12 : d === "f32" ? 4e-6 : isFloat(d) ? 1e-2 : 0);
function values(a: Aval, seed: number, domain: Domain | undefined): number[] {
  const float = isFloat(a.dtype),
    { low, high, integer = !float } = domain ?? { low: float ? -2 : 0, high: float ? 2 : a.dtype === "bool" ? 2 : 4 };
  return Array.from(testNumbers(sizeOf(a.shape), seed), x => {
    const v = low + ((x + 1) / 2) * (high - low);
    return integer ? Math.floor(v) : v;
  });
}
function compare(got: readonly number[], want: ArrayLike<number>, rtol: number, fail: (fact: string) => void): void {
  if (got.length !== want.length) return fail(`${got.length} elements, not ${want.length}`);
  got.forEach((x, i) => {
    const y = want[i] ?? NaN;
    if (!(x === y || (Number.isNaN(x) && Number.isNaN(y)) || (Number.isFinite(y) && Math.abs(x - y) <= rtol * (1 + Math.abs(y)))))
      fail(`element ${i} is ${x}, not ${y}`);
  });
}
