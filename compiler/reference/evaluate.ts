// The reference evaluator: what a Func means, one equation at a time, in plain JavaScript. Slow on purpose and independent of fusion, emission and
// memory planning; every backend is compared with it. It switches on `lower.kind`, as all shared code does.
import { computeDType, isFloat, type DType } from "../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../runtime/errors/error.ts";
import { sizeOf, stridesOf, type Aval } from "../ir/aval.ts";
import type { Atom, Eqn, Func, Var } from "../ir/func.ts";
import type { ContractDims, ControlForm, Lowering } from "../ir/primitive.ts";
import { exprVar, scalarOps as s, type Expr } from "../ir/scalar.ts";
import { traceClosed } from "../trace/trace.ts";
import { compileExprs } from "./expr.ts";
import { runAuthorKernel } from "./interpret.ts";
import { binary, round } from "./scalar.ts";
import { unboundAxis } from "../transforms/collective.ts";

/** A tensor of the oracle: numbers already rounded to `dtype`, row-major. */
export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
/** `wide`: keep floating point in f64 throughout, as a higher-precision reference. `onEqn` sees each equation (nested ones too) with its results. */
export interface EvaluateOptions {
  readonly wide?: boolean;
  readonly onEqn?: (e: Eqn, outs: readonly HostTensor[]) => void;
}

/** Make a HostTensor, rounding `data` to the dtype. */
export function hostTensor(dtype: DType, shape: readonly number[], data: ArrayLike<number>): HostTensor {
  if (data.length !== sizeOf(shape)) throw new InternalError(`hostTensor: ${data.length} numbers for shape [${shape.join(",")}]`);
  return { dtype, shape, data: Float64Array.from(data, x => round(dtype, x)) };
}

/** Results of `f` on `args` (one per parameter, shapes and dtypes as the parameters'). */
export function evaluate(f: Func, args: readonly HostTensor[], options: EvaluateOptions = {}): HostTensor[] {
  if (args.length !== f.params.length) throw new InternalError(`evaluate: ${f.params.length} parameters, ${args.length} arguments`);
  const env = new Map<Var, HostTensor>(f.params.map((v, i) => [v, args[i] as HostTensor])); // lengths agree
  const read = (a: Atom): HostTensor => {
    if (a.kind === "lit")
      return { dtype: a.aval.dtype, shape: [], data: Float64Array.of(options.wide ? a.value : round(a.aval.dtype, a.value)) };
    const x = env.get(a);
    if (!x) throw new InternalError(`variable v${a.id} is read before it is defined`);
    return x;
  };
  for (const e of f.eqns) {
    const outs = evaluateEqn(e, e.ins.map(read), options);
    options.onEqn?.(e, outs);
    e.outs.forEach((v, i) => env.set(v, outs[i] as HostTensor)); // one per output
  }
  return f.results.map(read);
}

function evaluateEqn(e: Eqn, ins: readonly HostTensor[], options: EvaluateOptions): HostTensor[] {
  const outs = e.outs.map(v => v.aval),
    lower: Lowering = e.prim.lower;
  const fit = (d: DType, x: number): number => (options.wide && isFloat(d) ? x : round(d, x));
  const first = ins[0],
    out = outs[0];
  switch (lower.kind) {
    case "map":
      return evaluateMap(lower, e, ins, outs, fit, options);
    case "view": {
      if (!first || !out) throw new InternalError("view needs one operand and one output");
      const index = out.shape.map((_, d) => exprVar(`i${d}`, "i32"));
      const at = compileExprs([ravel(lower.source(s, index, e.params, first), first.shape)], index, noLoads);
      return [fill(out, i => first.data[at(i)[0] ?? -1] ?? NaN)];
    }
    case "index": {
      if (!out) throw new InternalError("index needs one output");
      const index = out.shape.map((_, d) => exprVar(`i${d}`, "i32"));
      const element = lower.element(
        s,
        index,
        (k, ix, guard, otherwise) => {
          const x = ins[k];
          if (!x) throw new InternalError(`${e.prim.name} reads operand ${k}`);
          return {
            kind: "load",
            dtype: computeDType(x.dtype),
            buf: k,
            index: ravel(ix, x.shape),
            ...(guard ? { guard } : {}),
            ...(otherwise ? { otherwise } : {}),
          };
        },
        e.params,
        ins,
      );
      const value = compileExprs([element], index, (buf, i) => {
        const x = ins[buf]?.data[i];
        if (x === undefined) throw new InternalError(`${e.prim.name} reads element ${i} of operand ${buf}, out of bounds`);
        return x;
      });
      return [fill(out, i => fit(out.dtype, value(i)[0] ?? NaN))];
    }
    case "reduce":
      return evaluateReduce(lower, e, ins, outs, fit);
    case "contract":
      return [evaluateContract(lower.dims(e.params), ins, out, fit)];
    case "composite":
      return evaluate(
        traceClosed((...xs) => lower.body(xs, e.params), ins),
        ins,
        options,
      );
    case "control":
      return evaluateControl(lower.form(e.params), ins, options);
    case "collective":
      throw unboundAxis(e.prim.name, lower.axis(e.params));
    case "kernel":
      return runAuthorKernel(e.prim.name, (b, bi, bo) => lower.build(b, bi, bo, e.params), ins, outs);
    case "erase":
      return [...ins];
    default:
      return unreachable(lower);
  }
}

function evaluateMap(
  lower: Extract<Lowering, { kind: "map" }>,
  e: Eqn,
  ins: readonly HostTensor[],
  outs: readonly Aval[],
  fit: (d: DType, x: number) => number,
  options: EvaluateOptions,
): HostTensor[] {
  const wide = (d: DType): DType => (options.wide && isFloat(d) && d !== "f64" ? "f64" : computeDType(d));
  const vars = ins.map((x, k) => exprVar(`x${k}`, wide(x.dtype)));
  const result = lower.scalar(s, vars, e.params, outs);
  const roots = Array.isArray(result) ? (result as readonly Expr[]) : [result as Expr]; // Array.isArray does not narrow readonly arrays
  const f = compileExprs(roots, vars, noLoads);
  const data = outs.map(o => new Float64Array(sizeOf(o.shape)));
  const args = new Float64Array(ins.length);
  for (let i = 0, n = data[0]?.length ?? 0; i < n; i++) {
    ins.forEach((x, k) => {
      args[k] = x.data[i] ?? NaN;
    });
    const v = f(args);
    outs.forEach((o, k) => {
      const d = data[k];
      if (d) d[i] = fit(o.dtype, v[k] ?? NaN);
    });
  }
  return outs.map((o, k) => ({ dtype: o.dtype, shape: o.shape, data: data[k] ?? new Float64Array(0) }));
}

function evaluateReduce(
  lower: Extract<Lowering, { kind: "reduce" }>,
  e: Eqn,
  ins: readonly HostTensor[],
  outs: readonly Aval[],
  fit: (d: DType, x: number) => number,
): HostTensor[] {
  const axes = lower.axes(e.params),
    shape = ins[0]?.shape ?? [];
  const a = ins.map((x, k) => exprVar(`a${k}`, computeDType(x.dtype))),
    b = ins.map((x, k) => exprVar(`b${k}`, computeDType(x.dtype)));
  const combine = compileExprs(lower.combine(s, a, b, e.params), [...a, ...b], noLoads);
  const init = lower.init(e.params, ins);
  const data = outs.map((o, k) => new Float64Array(sizeOf(o.shape)).fill(init[k] ?? NaN));
  const kept = shape.map((_, d) => d).filter(d => !axes.includes(d)),
    strides = stridesOf(shape),
    outStrides = stridesOf(kept.map(d => shape[d] ?? 0));
  const args = new Float64Array(2 * ins.length);
  for (let i = 0, n = sizeOf(shape); i < n; i++) {
    let o = 0;
    kept.forEach((d, j) => {
      o += (Math.floor(i / (strides[d] ?? 1)) % (shape[d] ?? 1)) * (outStrides[j] ?? 0);
    });
    ins.forEach((x, k) => {
      args[k] = data[k]?.[o] ?? NaN;
      args[ins.length + k] = x.data[i] ?? NaN;
    });
    const v = combine(args);
    data.forEach((d, k) => {
      d[o] = v[k] ?? NaN;
    });
  }
  return outs.map((o, k) => ({ dtype: o.dtype, shape: o.shape, data: (data[k] ?? new Float64Array(0)).map(x => fit(o.dtype, x)) }));
}

function evaluateContract(
  dims: ContractDims,
  [x, y]: readonly HostTensor[],
  out: Aval | undefined,
  fit: (d: DType, x: number) => number,
): HostTensor {
  if (!x || !y || !out) throw new InternalError("contract needs two operands and one output");
  const free = (t: HostTensor, used: readonly number[]): number[] => t.shape.map((_, d) => d).filter(d => !used.includes(d));
  const lf = free(x, [...dims.lhsBatch, ...dims.lhsContract]),
    rf = free(y, [...dims.rhsBatch, ...dims.rhsContract]);
  const k = dims.lhsContract.map(d => x.shape[d] ?? 0),
    nk = sizeOf(k),
    kIndex = unravelAll(k);
  const sx = stridesOf(x.shape),
    sy = stridesOf(y.shape),
    nb = dims.lhsBatch.length;
  const offset = (at: readonly number[], index: readonly number[], strides: readonly number[]): number =>
    at.reduce((o, d, j) => o + (strides[d] ?? 0) * (index[j] ?? 0), 0);
  const xk = kIndex.map(ix => offset(dims.lhsContract, ix, sx)),
    yk = kIndex.map(ix => offset(dims.rhsContract, ix, sy));
  const integer = !isFloat(out.dtype);
  return fill(out, index => {
    const b = index.slice(0, nb);
    const x0 = offset(dims.lhsBatch, b, sx) + offset(lf, index.slice(nb, nb + lf.length), sx),
      y0 = offset(dims.rhsBatch, b, sy) + offset(rf, index.slice(nb + lf.length), sy);
    let sum = 0;
    for (let j = 0; j < nk; j++) {
      const p = x.data[x0 + (xk[j] ?? 0)] ?? NaN,
        q = y.data[y0 + (yk[j] ?? 0)] ?? NaN;
      sum = integer ? binary("add", computeDType(out.dtype), sum, binary("mul", computeDType(out.dtype), p, q)) : sum + p * q;
    }
    return fit(out.dtype, sum);
  });
}

function evaluateControl(form: ControlForm, ins: readonly HostTensor[], options: EvaluateOptions): HostTensor[] {
  switch (form.form) {
    case "call":
      return evaluate(form.func, ins, options);
    case "cond": {
      const branch = form.branches[Math.min(form.branches.length - 1, Math.max(0, ins[0]?.data[0] ?? 0))];
      if (!branch) throw new InternalError("cond without branches");
      return evaluate(branch, ins.slice(1), options);
    }
    case "scan": {
      const consts = ins.slice(0, form.consts),
        xs = ins.slice(form.consts + form.carry);
      let carry = ins.slice(form.consts, form.consts + form.carry);
      const ys = form.body.results
        .slice(form.carry)
        .map(r => ({
          dtype: r.aval.dtype,
          shape: [form.length, ...r.aval.shape],
          data: new Float64Array(form.length * sizeOf(r.aval.shape)),
        }));
      for (let t = 0; t < form.length; t++) {
        const i = form.reverse ? form.length - 1 - t : t;
        const slices = xs.map(x => {
          const shape = x.shape.slice(1),
            n = sizeOf(shape);
          return { dtype: x.dtype, shape, data: x.data.subarray(i * n, (i + 1) * n) };
        });
        const r = evaluate(form.body, [...consts, ...carry, ...slices], options);
        carry = r.slice(0, form.carry);
        r.slice(form.carry).forEach((y, k) => ys[k]?.data.set(y.data, i * y.data.length));
      }
      return [...carry, ...ys];
    }
    case "while": {
      const condConsts = ins.slice(0, form.condConsts),
        bodyConsts = ins.slice(form.condConsts, form.condConsts + form.bodyConsts);
      let carry = ins.slice(form.condConsts + form.bodyConsts);
      while (evaluate(form.cond, [...condConsts, ...carry], options)[0]?.data[0] === 1)
        carry = evaluate(form.body, [...bodyConsts, ...carry], options);
      return carry;
    }
    default:
      return unreachable(form);
  }
}

const noLoads = (): never => {
  throw new InternalError("a load where none is possible");
};

/** Row-major linear index as an expression. */
function ravel(index: readonly Expr[], shape: readonly number[]): Expr {
  const strides = stridesOf(shape);
  return index.reduce<Expr>((sum, ix, d) => s.binary("add", sum, s.binary("mul", ix, s.const(strides[d] ?? 0, "i32"))), s.const(0, "i32"));
}
function unravelAll(shape: readonly number[]): number[][] {
  return Array.from({ length: sizeOf(shape) }, (_, i) => unravel(i, shape));
}
function unravel(i: number, shape: readonly number[]): number[] {
  const strides = stridesOf(shape);
  return shape.map((n, d) => Math.floor(i / (strides[d] ?? 1)) % n);
}
/** A tensor from a function of the multi-index. */
function fill(out: Aval, f: (index: readonly number[]) => number): HostTensor {
  return { dtype: out.dtype, shape: out.shape, data: Float64Array.from({ length: sizeOf(out.shape) }, (_, i) => f(unravel(i, out.shape))) };
}
