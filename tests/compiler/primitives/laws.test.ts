// The laws of every record, on the samples: derivative against differences (twice), transposition against the inner product, batching against a loop.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isFloat } from "../../../runtime/dtype.ts";
import { sizeOf, type Aval } from "../../../compiler/ir/aval.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import { allPrimitives } from "../../../compiler/primitives/all.ts";
import { primitiveSamples, type Sample } from "../../../compiler/primitives/samples.ts";
import { evaluate, hostTensor, type HostTensor } from "../../../compiler/reference/evaluate.ts";
import { bind } from "../../../compiler/trace/bind.ts";
import { traceClosed } from "../../../compiler/trace/trace.ts";
import { jvpFunc } from "../../../compiler/transforms/jvp.ts";
import { transposeFunc } from "../../../compiler/transforms/transpose.ts";
import { batchFunc } from "../../../compiler/transforms/vmap.ts";
import { centralJvp, dot, numbers } from "../transforms/numeric.ts";

/** Values in the sample's domain, with an axis of `size` in front where asked. */
function values(s: Sample, seed: number, size?: number, batched: readonly boolean[] = []): HostTensor[] {
  return s.avals.map((a, i) => {
    const shape = size !== undefined && batched[i] ? [size, ...a.shape] : a.shape,
      d = s.domain?.[i];
    const unsigned = a.dtype === "u32" || a.dtype === "u8";
    const { low, high, integer } =
      d ??
      (isFloat(a.dtype)
        ? { low: -2, high: 2, integer: false }
        : a.dtype === "bool"
          ? { low: 0, high: 2, integer: true }
          : { low: unsigned ? 0 : -4, high: 5, integer: true });
    return hostTensor(
      a.dtype,
      shape,
      numbers(sizeOf(shape), seed + 31 * i, low, high).map(x => (integer ? Math.floor(x) : x)),
    );
  });
}
const program = (s: Sample): Func => traceClosed((...xs) => bind(s.prim, xs, s.params), s.avals);
const show = (s: Sample): string => `${s.prim.name} ${JSON.stringify(s.params)} ${s.avals.map(a => `${a.dtype}[${a.shape}]`).join(" ")}`;
const close = (got: readonly number[], want: readonly number[], tolerance: number, what: string): void => {
  assert.is(got.length, want.length, what);
  got.forEach((x, i) => {
    const y = want[i] ?? 0;
    if (
      !(
        Object.is(x, y) ||
        x === y ||
        (Number.isNaN(x) && Number.isNaN(y)) ||
        (Number.isFinite(y) && Math.abs(x - y) <= tolerance * (1 + Math.abs(y)))
      )
    )
      assert.unreachable(`${what}: [${i}] ${x} is not ${y}`);
  });
};
const small = (s: Sample): boolean => s.avals.every(a => sizeOf(a.shape) <= 64);
const smooth = (s: Sample): boolean =>
  small(s) &&
  s.avals.some(a => a.dtype === "f64") &&
  s.avals.every(a => !isFloat(a.dtype) || a.dtype === "f64") &&
  program(s).results.some(r => r.aval.dtype === "f64");
const data = (xs: readonly HostTensor[]): number[][] => xs.map(x => [...x.data]);

/** The tangents alone: (x, dx) -> dy. */
function tangents(f: Func, float: readonly boolean[]): Func {
  const pushed = jvpFunc(
    f,
    float,
    f.results.map(r => isFloat(r.aval.dtype)),
  );
  return { ...pushed.func, results: pushed.func.results.slice(f.results.length) };
}
function checkDerivative(f: Func, args: readonly HostTensor[], seed: number, tolerance: number, what: string): Func {
  const float = f.params.map(v => isFloat(v.aval.dtype));
  const dxs = f.params.map((v, i) => (float[i] ? numbers(sizeOf(v.aval.shape), seed + 7 * i) : null));
  const d = tangents(f, float);
  const given = f.params.flatMap((v, i) => {
    const dx = dxs[i];
    return dx ? [hostTensor(v.aval.dtype, v.aval.shape, dx)] : [];
  });
  const want = centralJvp(f, args, dxs).filter((_, i) => isFloat(f.results[i]?.aval.dtype ?? "bool"));
  data(evaluate(d, [...args, ...given])).forEach((got, i) => close(got, want[i] ?? [], tolerance, what));
  return d;
}
function checkTranspose(d: Func, args: readonly HostTensor[], seed: number, what: string): void {
  const n = args.length,
    holes = d.params.slice(n),
    hole = d.params.map((_, i) => i >= n);
  const dx = holes.map((v, i) => hostTensor("f64", v.aval.shape, numbers(sizeOf(v.aval.shape), seed + 5 * i)));
  const ct = d.results.map((r, i) => hostTensor("f64", r.aval.shape, numbers(sizeOf(r.aval.shape), seed + 11 * i + 3)));
  const back = transposeFunc(
    d,
    hole,
    d.results.map(() => true),
  );
  const cts = data(evaluate(back.func, [...args, ...ct]));
  const forward = data(evaluate(d, [...args, ...dx])).reduce((sum, y, i) => sum + dot(y, [...(ct[i]?.data ?? [])]), 0);
  const backward = dx.filter((_, i) => back.nonzero[i]).reduce((sum, x, i) => sum + dot([...x.data], cts[i] ?? []), 0);
  close([backward], [forward], 1e-9, what);
}

for (const prim of allPrimitives) {
  const samples = primitiveSamples.filter(s => s.prim === prim);
  test(`${prim.name} has samples`, () => {
    assert.ok(samples.length > 0);
  });
  const differentiable = samples.filter(smooth);
  if (differentiable.length > 0 && prim.name !== "stopGradient")
    test(`${prim.name}: jvp agrees with differences to second order, and its transpose with the inner product`, () => {
      for (const s of differentiable) {
        const f = program(s),
          args = values(s, 3),
          d = checkDerivative(f, args, 5, 2e-7, show(s));
        checkTranspose(d, args, 9, `transpose of ${show(s)}`);
        const both = [
          ...args,
          ...d.params.slice(args.length).map((v, i) => hostTensor("f64", v.aval.shape, numbers(sizeOf(v.aval.shape), 21 + i))),
        ];
        if (both.every(x => x.data.length <= 21)) checkDerivative(d, both, 6, 2e-6, `second derivative of ${show(s)}`);
      }
    });
  const linear = prim.linear;
  if (linear !== undefined && linear !== "each")
    test(`${prim.name}: its transpose with all linear operands unknown agrees with the inner product`, () => {
      for (const s of differentiable) {
        const f = program(s),
          args = values(s, 13);
        const hole = s.avals.map((_, i) => linear === "jointly" || linear.includes(i));
        const ct = f.results.map((r, i) => hostTensor("f64", r.aval.shape, numbers(sizeOf(r.aval.shape), 40 + i)));
        const back = transposeFunc(
          f,
          hole,
          f.results.map(() => true),
        );
        const cts = data(evaluate(back.func, [...args.filter((_, i) => !hole[i]), ...ct]));
        const holes = args.filter((_, i) => hole[i]);
        const at = (xs: readonly HostTensor[]): number =>
          data(evaluate(f, xs)).reduce((sum, y, i) => sum + dot(y, [...(ct[i]?.data ?? [])]), 0);
        const forward = at(args) - at(args.map((x, i) => (hole[i] ? { ...x, data: new Float64Array(x.data.length) } : x))); // a fill value is affine
        close(
          [holes.filter((_, i) => back.nonzero[i]).reduce((sum, x, i) => sum + dot([...x.data], cts[i] ?? []), 0)],
          [forward],
          1e-9,
          show(s),
        );
      }
    });
  test(`${prim.name}: batched is the same as a loop`, () => {
    for (const s of samples.filter(small)) {
      const patterns = [
        s.avals.map(() => true),
        ...(s.avals.length > 1 ? s.avals.map((_, i) => s.avals.map((_, j) => i === j)) : []),
      ].filter(p => p.length > 0);
      for (const batched of patterns) checkBatch(s, batched);
    }
  });
}
function checkBatch(s: Sample, batched: readonly boolean[]): void {
  const f = program(s),
    size = 3,
    args = values(s, 17, size, batched);
  const b = batchFunc(
    f,
    batched,
    { size, name: undefined },
    f.results.map(() => true),
  );
  const twice = batchFunc(
    b.func,
    batched,
    { size: 2, name: undefined },
    f.results.map(() => true),
  ).func;
  const got = evaluate(b.func, args);
  const slices = Array.from({ length: size }, (_, k) =>
    evaluate(
      f,
      args.map((x, i) => (batched[i] ? part(x, k, s.avals[i] as Aval) : x)),
    ),
  ); // one aval an operand
  got.forEach((y, i) =>
    close(
      [...y.data],
      slices.flatMap(r => [...(r[i]?.data ?? [])]),
      0,
      `${show(s)} batched ${batched}`,
    ),
  );
  const doubled = args.map((x, i): HostTensor =>
    batched[i] ? { ...x, shape: [2, ...x.shape], data: Float64Array.from([...x.data, ...x.data]) } : x,
  );
  evaluate(twice, doubled).forEach((y, i) =>
    close([...y.data], [...(got[i]?.data ?? []), ...(got[i]?.data ?? [])], 0, `${show(s)} batched twice ${batched}`),
  );
}
const part = (x: HostTensor, k: number, a: Aval): HostTensor => ({
  ...x,
  shape: a.shape,
  data: x.data.slice(k * sizeOf(a.shape), (k + 1) * sizeOf(a.shape)),
});

test("stopGradient has a zero derivative", () => {
  const f = traceClosed(
    x => bind(allPrimitives.find(p => p.name === "stopGradient") ?? (assert.unreachable() as never), [x], {}),
    [{ dtype: "f64", shape: [3] }],
  );
  assert.equal(jvpFunc(f, [true]).nonzero, [false]);
});

test.run();
