// Index arithmetic that simplifies while it is written. An i32 expression is a sum of coefficient·atom plus a constant; ranges of the loop variables
// decide divisions, so that reshapes and transposes of contiguous data fall away. Equal expressions are one object. Other dtypes pass through.
import { isFloat } from "../../runtime/dtype.ts";
import { identity } from "../ir/key.ts";
import { operands } from "../ir/exprs.ts";
import { scalarOps, type BinaryOp, type CompareOp, type Expr, type ExprVar, type ScalarOps } from "../ir/scalar.ts";

/** Σ coefficient·atom + constant. */
interface Affine {
  readonly terms: ReadonlyMap<Expr, number>;
  readonly constant: number;
}
type Range = readonly [number, number];
const unbounded: Range = [-(2 ** 31), 2 ** 31 - 1];

/** ScalarOps that keeps i32 expressions in normal form. One instance serves one kernel. */
export class IndexOps implements ScalarOps {
  private readonly affine = new Map<Expr, Affine>();
  private readonly interned = new Map<string, Expr>();
  private readonly ranges = new Map<Expr, Range>();

  /** Declare a variable that takes values in [0, extent). */
  declare(v: ExprVar, extent: number): ExprVar {
    this.ranges.set(v, [0, Math.max(0, extent - 1)]);
    return v;
  }
  const(value: number, dtype: Expr["dtype"]): Expr {
    return dtype === "i32"
      ? this.build({ terms: new Map(), constant: value | 0 })
      : this.intern(`${dtype}=${Object.is(value, -0) ? "-0" : value}`, () => scalarOps.const(value, dtype));
  }
  int(n: number): Expr {
    return this.const(n, "i32");
  }
  unary(op: Parameters<ScalarOps["unary"]>[0], x: Expr): Expr {
    if (x.dtype === "bool" && op === "not" && x.kind === "const") return this.const(x.value === 0 ? 1 : 0, "bool");
    return this.intern(`${op}(${identity(x)})`, () => scalarOps.unary(op, x));
  }
  binary(op: BinaryOp, x: Expr, y: Expr): Expr {
    if (x.dtype === "i32") {
      const done = this.integer(op, x, y);
      if (done) return done;
    } else if (x.dtype === "bool" && (op === "and" || op === "or")) {
      const absorbing = op === "and" ? 0 : 1;
      for (const [a, b] of [
        [x, y],
        [y, x],
      ] as const)
        if (a.kind === "const") return a.value === absorbing ? a : b;
    } else if (isFloat(x.dtype)) {
      if (
        y.kind === "const" &&
        (((op === "mul" || op === "div") && y.value === 1) ||
          (op === "sub" && Object.is(y.value, 0)) ||
          (op === "add" && Object.is(y.value, -0)))
      )
        return x; // exact, signed zeros and NaN included
      if (x.kind === "const" && ((op === "mul" && x.value === 1) || (op === "add" && Object.is(x.value, -0)))) return y;
    }
    return this.intern(`${op}(${identity(x)},${identity(y)})`, () => scalarOps.binary(op, x, y));
  }
  compare(op: CompareOp, x: Expr, y: Expr): Expr {
    if (x.dtype === "i32") {
      const [lo, hi] = this.range(this.binary("sub", x, y));
      const decided =
        op === "lt"
          ? hi < 0
            ? 1
            : lo >= 0
              ? 0
              : undefined
          : op === "ge"
            ? lo >= 0
              ? 1
              : hi < 0
                ? 0
                : undefined
            : op === "le"
              ? hi <= 0
                ? 1
                : lo > 0
                  ? 0
                  : undefined
              : op === "gt"
                ? lo > 0
                  ? 1
                  : hi <= 0
                    ? 0
                    : undefined
                : op === "eq"
                  ? lo === 0 && hi === 0
                    ? 1
                    : hi < 0 || lo > 0
                      ? 0
                      : undefined
                  : hi < 0 || lo > 0
                    ? 1
                    : lo === 0 && hi === 0
                      ? 0
                      : undefined;
      if (decided !== undefined) return this.const(decided, "bool");
    }
    return this.intern(`${op}(${identity(x)},${identity(y)})`, () => scalarOps.compare(op, x, y));
  }
  fma(x: Expr, y: Expr, z: Expr): Expr {
    return this.intern(`fma(${identity(x)},${identity(y)},${identity(z)})`, () => scalarOps.fma(x, y, z));
  }
  select(cond: Expr, x: Expr, y: Expr): Expr {
    if (cond.kind === "const") return cond.value !== 0 ? x : y;
    return this.intern(`select(${identity(cond)},${identity(x)},${identity(y)})`, () => scalarOps.select(cond, x, y));
  }
  convert(x: Expr, dtype: Expr["dtype"]): Expr {
    return x.dtype === dtype ? x : this.intern(`convert(${identity(x)},${dtype})`, () => scalarOps.convert(x, dtype));
  }
  bitcast(x: Expr, dtype: Expr["dtype"]): Expr {
    return x.dtype === dtype ? x : this.intern(`bitcast(${identity(x)},${dtype})`, () => scalarOps.bitcast(x, dtype));
  }
  /** A load, one object for equal buffers, indices and guards; a guard that is always true goes, one that never is leaves `otherwise` (or 0). */
  load(buf: number, dtype: Expr["dtype"], index: Expr, guard?: Expr, otherwise?: Expr): Expr {
    if (guard?.kind === "const") return guard.value !== 0 ? this.load(buf, dtype, index) : (otherwise ?? this.const(0, dtype));
    return this.intern(
      `load${buf}:${dtype}[${identity(index)}]${guard ? `?${identity(guard)}` : ""}${otherwise ? `:${identity(otherwise)}` : ""}`,
      () => ({ kind: "load", dtype, buf, index, ...(guard ? { guard } : {}), ...(otherwise ? { otherwise } : {}) }),
    );
  }
  /** Smallest and largest value that the declared ranges allow. */
  range(e: Expr): Range {
    const known = this.ranges.get(e);
    if (known) return known;
    const a = this.affineOf(e);
    if (a.terms.size === 1 && a.constant === 0 && a.terms.get(e) === 1) return unbounded;
    let lo = a.constant,
      hi = a.constant;
    for (const [t, c] of a.terms) {
      const [l, h] = this.range(t);
      lo += c > 0 ? c * l : c * h;
      hi += c > 0 ? c * h : c * l;
    }
    return lo < unbounded[0] || hi > unbounded[1] ? unbounded : [lo, hi];
  }

  private integer(op: BinaryOp, x: Expr, y: Expr): Expr | undefined {
    const a = this.affineOf(x),
      b = this.affineOf(y);
    if (op === "add") return this.build(combine(a, b, 1));
    if (op === "sub") return this.build(combine(a, b, -1));
    if (op === "mul" && b.terms.size === 0) return this.build(scale(a, b.constant));
    if (op === "mul" && a.terms.size === 0) return this.build(scale(b, a.constant));
    if ((op === "min" || op === "max") && b.terms.size === 0) {
      const [lo, hi] = this.range(x),
        c = b.constant;
      if (op === "min" ? hi <= c : lo >= c) return x;
      if (op === "min" ? lo >= c : hi <= c) return y;
      const e = this.intern(`${op}(${identity(x)},${c})`, () => scalarOps.binary(op, x, y));
      this.ranges.set(e, op === "min" ? [Math.min(lo, c), Math.min(hi, c)] : [Math.max(lo, c), Math.max(hi, c)]);
      return e;
    }
    if ((op === "div" || op === "rem") && b.terms.size === 0 && b.constant > 0 && this.range(x)[0] >= 0)
      return this.divide(op, a, b.constant);
    return undefined;
  }
  /** Division of a non-negative sum: multiples of c leave it when the rest is known to lie in [0, c). */
  private divide(op: "div" | "rem", a: Affine, c: number): Expr {
    if (c === 1) return op === "div" ? this.build(a) : this.int(0);
    const multiples = new Map<Expr, number>(),
      rest = new Map<Expr, number>();
    for (const [t, k] of a.terms) (k % c === 0 ? multiples : rest).set(t, k);
    const whole = Math.floor(a.constant / c) * c;
    const r = this.build({ terms: rest, constant: a.constant - whole });
    const [lo, hi] = this.range(r),
      settled = lo >= 0;
    const quotient = scale({ terms: multiples, constant: whole }, 1 / c);
    if (settled && hi < c) return op === "div" ? this.build(quotient) : r;
    const inner = settled ? r : this.build(a),
      [il, ih] = this.range(inner);
    const e = this.intern(`${op}(${identity(inner)},${c})`, () => scalarOps.binary(op, inner, this.int(c)));
    this.ranges.set(e, op === "div" ? [Math.floor(il / c), Math.floor(ih / c)] : [0, Math.min(c - 1, Math.max(0, ih))]);
    return op === "div" && settled ? this.build(combine({ terms: new Map([[e, 1]]), constant: 0 }, quotient, 1)) : e;
  }
  private affineOf(e: Expr): Affine {
    return this.affine.get(e) ?? (e.kind === "const" ? { terms: new Map(), constant: e.value } : { terms: new Map([[e, 1]]), constant: 0 });
  }
  /** q·c·k + r·k with q = x / c and r = x % c is x·k: what unravelling took apart comes together again. */
  private rejoin(a: Affine): Affine {
    for (const [r, k] of a.terms) {
      if (r.kind !== "binary" || r.op !== "rem" || r.y.kind !== "const") continue;
      const q = this.interned.get(`div(${identity(r.x)},${r.y.value})`);
      if (!q || a.terms.get(q) !== k * r.y.value) continue;
      const rest = new Map(a.terms);
      rest.delete(q);
      rest.delete(r);
      return this.rejoin(combine({ terms: rest, constant: a.constant }, scale(this.affineOf(r.x), k), 1));
    }
    return a;
  }
  private build(given: Affine): Expr {
    const a = this.rejoin(given);
    const terms = [...a.terms].filter(([, c]) => c !== 0);
    const [only] = terms;
    if (terms.length === 1 && only && only[1] === 1 && a.constant === 0) return only[0];
    const key = `${[...terms]
      .map(([t, c]) => `${identity(t)}*${c}`)
      .sort()
      .join("+")}+${a.constant}`;
    return this.intern(key, () => {
      let sum: Expr | undefined;
      for (const [t, c] of terms) {
        const term = c === 1 ? t : scalarOps.binary("mul", t, this.int(c));
        sum = sum ? scalarOps.binary("add", sum, term) : term;
      }
      const constant = scalarOps.const(a.constant, "i32");
      const e = sum === undefined ? constant : a.constant === 0 ? sum : scalarOps.binary("add", sum, constant);
      this.affine.set(e, { terms: new Map(terms), constant: a.constant });
      return e;
    });
  }
  private intern(key: string, make: () => Expr): Expr {
    let e = this.interned.get(key);
    if (!e) this.interned.set(key, (e = make()));
    return e;
  }
}
const combine = (a: Affine, b: Affine, sign: 1 | -1): Affine => {
  const terms = new Map(a.terms);
  for (const [t, c] of b.terms) {
    const sum = (terms.get(t) ?? 0) + sign * c;
    if (sum === 0) terms.delete(t);
    else terms.set(t, sum);
  }
  return { terms, constant: a.constant + sign * b.constant };
};
const scale = (a: Affine, k: number): Affine => ({
  terms: k === 0 ? new Map() : new Map([...a.terms].map(([t, c]) => [t, c * k])),
  constant: a.constant * k,
});

/** Row-major linear index of a multi-index. */
export function ravel(s: IndexOps, index: readonly Expr[], shape: readonly number[]): Expr {
  let sum: Expr = s.int(0);
  index.forEach((ix, d) => {
    sum = s.binary("add", s.binary("mul", sum, s.int(shape[d] ?? 1)), ix);
  });
  return sum;
}
/** The multi-index of a linear one. */
export function unravel(s: IndexOps, linear: Expr, shape: readonly number[]): Expr[] {
  const out = new Array<Expr>(shape.length);
  let rest = linear;
  for (let d = shape.length - 1; d >= 0; d--) {
    const n = Math.max(1, shape[d] ?? 1);
    out[d] = d === 0 ? rest : s.binary("rem", rest, s.int(n));
    rest = s.binary("div", rest, s.int(n));
  }
  return out;
}

/** The coefficient of `v` in an i32 expression that is affine in it; undefined when it is not. 0: independent. */
export function coefficient(e: Expr, v: ExprVar): number | undefined {
  switch (e.kind) {
    case "var":
      return e.id === v.id ? 1 : 0;
    case "const":
      return 0;
    case "binary": {
      const x = coefficient(e.x, v),
        y = coefficient(e.y, v);
      if (x === undefined || y === undefined) return undefined;
      if (e.op === "add") return x + y;
      if (e.op === "sub") return x - y;
      if (e.op === "mul" && e.y.kind === "const") return x * e.y.value;
      if (e.op === "mul" && e.x.kind === "const") return y * e.x.value;
      return x === 0 && y === 0 ? 0 : undefined;
    }
    default:
      return dependsOn(e, v) ? undefined : 0;
  }
}
/** A sum's terms that depend on each of `vars` and on no other, the terms that depend on none with the first; undefined when a term depends on several, or on memory. */
export function separate(e: Expr, vars: readonly ExprVar[]): readonly Expr[] | undefined {
  const sums = vars.map((): Expr | undefined => undefined);
  const visit = (x: Expr): boolean => {
    if (x.kind === "binary" && x.op === "add") return visit(x.x) && visit(x.y);
    const on = vars.flatMap((v, q) => (dependsOn(x, v) ? [q] : [])),
      [to = 0, ...more] = on,
      sum = sums[to];
    if (more.length > 0 || reads(x)) return false;
    sums[to] = sum ? scalarOps.binary("add", sum, x) : x;
    return true;
  };
  return visit(e) ? sums.map(x => x ?? scalarOps.const(0, "i32")) : undefined;
}
const reads = (e: Expr): boolean => e.kind === "load" || operands(e).some(reads);
/** Does `v` occur in `e`? */
export function dependsOn(e: Expr, v: ExprVar, seen: Map<Expr, boolean> = new Map()): boolean {
  if (e.kind === "var") return e.id === v.id;
  const known = seen.get(e);
  if (known !== undefined) return known;
  const yes = operands(e).some(x => dependsOn(x, v, seen));
  seen.set(e, yes);
  return yes;
}
