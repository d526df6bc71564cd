// Elementary functions of f32 written once in arithmetic, so that they vectorise: range reduction and minimax polynomials (coefficients checked over all
// inputs: exp 0.9 ulp, log 0.9, log1p 1.5, expm1 1.6, tanh 1.4, erf 1.1 with fused multiply-add). Everything else, and f64, calls the host's Math.
import { scalarOps as s, type Expr, type UnaryOp } from "../../ir/scalar.ts";

const c = (x: number): Expr => s.const(x, "f32"), i = (x: number): Expr => s.const(x, "i32");
const add = (x: Expr, y: Expr): Expr => s.binary("add", x, y), sub = (x: Expr, y: Expr): Expr => s.binary("sub", x, y), mul = (x: Expr, y: Expr): Expr => s.binary("mul", x, y), div = (x: Expr, y: Expr): Expr => s.binary("div", x, y);
/** Horner: coefficients from the highest. */
const poly = (x: Expr, high: Expr, ...rest: readonly number[]): Expr => rest.reduce<Expr>((p, k) => s.fma(p, x, c(k)), high);
const signed = (magnitude: Expr, x: Expr): Expr => s.bitcast(s.binary("or", s.bitcast(magnitude, "i32"), s.binary("and", s.bitcast(x, "i32"), i(-2147483648))), "f32");
const power2 = (n: Expr): Expr => s.bitcast(s.binary("shl", add(n, i(127)), i(23)), "f32");

const log2e = 1.442695041, ln2hi = 0.693145751953125, ln2lo = 1.428606765330187e-06;
/** x = j·ln2 + r with integral j. */
function reduceExp(x: Expr): { readonly j: Expr; readonly r: Expr } {
  const j = s.unary("round", mul(x, c(log2e)));
  return { j, r: s.fma(j, c(-ln2lo), s.fma(j, c(-ln2hi), x)) };
}
function exp(x: Expr): Expr {
  const { j, r } = reduceExp(x);
  const p = poly(r, c(0.0013821033062413335), 0.008368671871721745, 0.04166826233267784, 0.1666652113199234, 0.4999999403953552, 1, 1);
  const n = s.convert(j, "i32"), a = s.binary("sar", n, i(1));
  const y = mul(mul(p, power2(a)), power2(sub(n, a)));
  return s.select(s.compare("gt", x, c(88.7228394)), c(Infinity), s.select(s.compare("lt", x, c(-104)), c(0), y));
}
const LOG = [-0.1288926899433136, 0.13987106084823608, -0.12184858322143555, 0.1400527060031891, -0.16680440306663513, 0.2001044750213623, -0.24999798834323883, 0.3333321511745453, -0.5] as const;
/** log of a positive normal split as m·2^e with m−1 = f. */
function logKernel(f: Expr, e: Expr): Expr {
  const [high, ...rest] = LOG;
  return s.fma(e, c(0.693147182), s.fma(poly(f, c(high), ...rest), mul(f, f), f));
}
function log(x: Expr): Expr {
  const tiny = s.compare("lt", x, c(1.17549435e-38)), a = s.select(tiny, mul(x, c(8388608)), x);
  const bits = s.bitcast(a, "i32"), e = s.binary("and", sub(bits, i(0x3f2aaaab)), i(-8388608));
  const m = s.bitcast(sub(bits, e), "f32");
  const y = logKernel(sub(m, c(1)), s.fma(s.convert(e, "f32"), c(1.1920929e-7), s.select(tiny, c(-23), c(0))));
  return edges(x, x, y);
}
/** log's values at the ends: NaN below 0, −inf at 0, +inf at +inf. `at` decides, `x` is what NaN and infinity come from. */
const edges = (at: Expr, x: Expr, y: Expr): Expr =>
  s.select(s.compare("lt", at, c(0)), c(NaN), s.select(s.compare("eq", at, c(0)), c(-Infinity), s.select(s.compare("lt", x, c(Infinity)), y, x)));
function log1p(x: Expr): Expr {
  const u = add(x, c(1)), e = s.binary("and", sub(s.bitcast(u, "i32"), i(0x3f2aaaab)), i(-8388608));
  const scale = s.bitcast(sub(i(0x40800000), e), "f32"); // 4·2^-k
  const f = add(s.bitcast(sub(s.bitcast(x, "i32"), e), "f32"), s.fma(c(0.25), scale, c(-1))); // x·2^-k + (2^-k − 1)
  const y = logKernel(s.select(s.compare("eq", e, i(0)), x, f), mul(s.convert(e, "f32"), c(1.1920929e-7)));
  return s.select(s.compare("eq", x, c(0)), x, edges(u, x, y));
}
function expm1(x: Expr): Expr {
  const { j, r } = reduceExp(x);
  const p = s.fma(mul(poly(r, c(0.0013899647165089846), 0.008366118185222149, 0.04166683927178383, 0.1666654795408249, 0.5), r), r, r);
  const n = s.convert(j, "i32"), big = s.compare("eq", n, i(128)), t = power2(s.select(big, i(127), n));
  const y = s.select(big, mul(s.fma(p, t, t), c(2)), s.select(s.compare("eq", n, i(0)), p, s.fma(p, t, sub(t, c(1)))));
  return s.select(s.compare("eq", x, c(0)), x, s.select(s.compare("gt", x, c(88.7228394)), c(Infinity), s.select(s.compare("lt", x, c(-25)), c(-1), y)));
}
function tanh(x: Expr): Expr {
  const a = s.unary("abs", x), z = mul(a, a);
  const small = s.fma(mul(poly(z, c(0.0021841933485120535), -0.008220629766583443, 0.02171746827661991, -0.05394969508051872, 0.1333322823047638, -0.3333333134651184), z), a, a);
  const large = sub(c(1), div(c(2), add(exp(mul(c(2), a)), c(1))));
  return signed(s.select(s.compare("lt", a, c(0.6)), small, large), x);
}
const sigmoid = (x: Expr): Expr => div(c(1), add(c(1), exp(s.unary("neg", x))));
function erf(x: Expr): Expr {
  const a = s.unary("abs", x), z = mul(a, a), t = s.binary("min", a, c(3.95));
  const small = s.fma(poly(z, c(7.987445133039728e-05), -0.0008047418668866158, 0.005192202050238848, -0.02685566246509552, 0.11283624917268753, -0.3761262893676758, 0.12837916612625122), a, a);
  const q = poly(t, c(4.477787115320098e-06), -3.9952679799171165e-05, -7.837353041395545e-05, 0.003010022221133113, -0.02280399017035961, 0.10538648813962936, 0.6355611681938171, 1.1285656690597534);
  const large = s.select(s.compare("gt", a, c(3.92)), c(1), sub(c(1), exp(s.unary("neg", mul(q, t)))));
  const y = s.select(s.compare("lt", a, c(0.95)), small, large);
  return s.select(s.unary("isNan", x), x, signed(y, x));
}

const table: { readonly [K in UnaryOp]?: (x: Expr) => Expr } = { exp, log, log1p, expm1, tanh, sigmoid, erf };
/** The expansion of an f32 function in arithmetic, or undefined when there is none. */
export const expandUnary = (op: UnaryOp, x: Expr): Expr | undefined => (x.dtype === "f32" ? table[op]?.(x) : undefined);
