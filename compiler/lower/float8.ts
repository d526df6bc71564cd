// 8-bit floats become bytes: no emitter and no device has to know them. A load decodes, a store encodes, a conversion rounds; between them values are f32, as those of
// the other narrow floats are. Runs last in lowering, on every kernel that touches them.
import { isFloat8, type DType, type Float8 } from "../../runtime/dtype.ts";
import { unreachable } from "../../runtime/errors/error.ts";
import { float8Formats, toFloat8 } from "../../runtime/float8.ts";
import { mapOperands, rewriting } from "../ir/exprs.ts";
import type { Kernel, Stmt } from "../ir/kernel.ts";
import { scalarOps as s, type Expr } from "../ir/scalar.ts";
import type { Schedule, Step } from "../ir/schedule.ts";
import { mapLaunches } from "../ir/walk.ts";
import { mapStatements } from "./statements.ts";

/** The program with every 8-bit float in a byte. */
export function float8AsBytes(p: Schedule): Schedule {
  if (!p.slots.some(x => isFloat8(x.dtype))) return p;
  const done = new Map<Kernel, Kernel>();
  const bytes = (launch: Extract<Step, { kind: "launch" }>): readonly Step[] => {
    if (launch.kernel.kind === "form" && launch.kernel.params.some(b => isFloat8(b.dtype)))
      return launch.kernel.loops.flatMap(kernel => bytes({ ...launch, kernel })); // forms read memory themselves
    let kernel = done.get(launch.kernel);
    if (!kernel) done.set(launch.kernel, (kernel = kernelAsBytes(launch.kernel)));
    return [{ ...launch, kernel }];
  };
  const steps = mapLaunches(p.steps, bytes);
  return { ...p, slots: p.slots.map(x => ({ ...x, dtype: stored(x.dtype) })), steps };
}
const stored = (d: DType): DType => (isFloat8(d) ? "u8" : d);

function kernelAsBytes(k: Kernel): Kernel {
  const buffers = [...k.params, ...(k.kind === "loop" ? k.scratch : [])].map(b => b.dtype),
    params = k.params.map(b => ({ ...b, dtype: stored(b.dtype) })),
    f = inBytes(buffers);
  const body = (stmts: readonly Stmt[]): Stmt[] =>
    mapStatements(stmts, f, x => {
      const d = buffers[x.buf];
      return { value: d && isFloat8(d) ? encode(unrounded(x.value, d), d, f) : f(x.value) };
    });
  switch (k.kind) {
    case "loop":
      return { ...k, params, scratch: k.scratch.map(b => ({ ...b, dtype: stored(b.dtype) })), body: body(k.body) };
    case "gemm":
      return { ...k, params, lhs: f(k.lhs), rhs: f(k.rhs), epilogue: body(k.epilogue) };
    case "form": // has none, see above
      return k;
    case "attention": // templates take no 8-bit results (attention.ts)
      return { ...k, params, q: f(k.q), k: f(k.k), v: f(k.v) };
    default:
      return unreachable(k);
  }
}
/** What a store rounds by itself. */
const unrounded = (e: Expr, d: Float8): Expr => (e.kind === "convert" && (e.dtype === d || e.x.dtype === d) ? unrounded(e.x, d) : e);

/** Expressions without 8-bit floats. `buffers` are the dtypes of the kernel's memory. */
function inBytes(buffers: readonly DType[]): (e: Expr) => Expr {
  return rewriting((e, go) => {
    if (e.kind === "convert" && isFloat8(e.dtype)) return decode(encode(e.x, e.dtype, go), e.dtype);
    if (e.kind === "convert") return s.convert(go(e.x), e.dtype);
    const d = e.kind === "load" ? buffers[e.buf] : undefined;
    if (e.kind === "load" && d && isFloat8(d)) {
      const { otherwise, ...load } = e;
      return decode(
        {
          ...load,
          dtype: "u32",
          index: go(e.index),
          ...(e.guard && { guard: go(e.guard) }),
          ...(otherwise && { otherwise: encode(otherwise, d, go) }),
        },
        d,
      );
    }
    return mapOperands(e, go);
  });
}
/** The byte nearest to `e`, u32. See runtime/float8.ts for what the numbers mean. */
function encode(e: Expr, d: Float8, go: (e: Expr) => Expr): Expr {
  if (e.kind === "const") return s.const(toFloat8(d, e.value), "u32");
  const { mantissa, least, top, nan, beyond } = float8Formats[d],
    u = (n: number): Expr => s.const(n, "u32");
  const x = s.convert(go(e), "f32"),
    bits = s.bitcast(x, "u32"),
    a = s.binary("min", s.unary("abs", x), s.const(beyond, "f32"));
  const exponent = s.binary("max", s.binary("shr", s.bitcast(a, "u32"), u(23)), u(least + BIAS)); // biased; a's sign is clear
  const scale = s.bitcast(s.binary("shl", s.binary("sub", u(mantissa + 2 * BIAS), exponent), u(23)), "f32"); // 2^(mantissa - exponent)
  const m = s.convert(s.unary("round", s.binary("mul", a, scale)), "u32");
  const code = s.binary("add", s.binary("shl", s.binary("sub", exponent, u(least + BIAS)), u(mantissa)), m);
  const sign = s.binary("and", s.binary("shr", bits, u(24)), u(0x80));
  return s.select(s.unary("isNan", x), u(nan), s.binary("or", s.binary("min", code, u(top)), sign));
}
/** The value of a byte (u32), as f32. */
function decode(byte: Expr, d: Float8): Expr {
  const { mantissa, least, top, nan } = float8Formats[d],
    u = (n: number): Expr => s.const(n, "u32");
  const code = s.binary("and", byte, u(0x7f)),
    sign = s.binary("shl", s.binary("and", byte, u(0x80)), u(24));
  const normal = s.binary("add", s.binary("shl", code, u(23 - mantissa)), u(((BIAS + least - 1) << 23) >>> 0));
  const tiny = s.bitcast(s.binary("mul", s.convert(code, "f32"), s.const(2 ** (least - mantissa), "f32")), "u32");
  const finite = s.select(s.compare("lt", code, u(1 << mantissa)), tiny, normal);
  const infinite = top === nan ? finite : s.select(s.compare("eq", code, u(top)), u(INFINITY), finite);
  const first = top === nan ? top : top + 1; // the first code that is NaN
  return s.bitcast(s.binary("or", s.select(s.compare("lt", code, u(first)), infinite, u(QUIET)), sign), "f32");
}
/** Of f32: the exponent's bias, the patterns of infinity and of NaN. */
const BIAS = 127,
  INFINITY = 0x7f800000,
  QUIET = 0x7fc00000;
