// How scalar types live in WebAssembly registers. bool is an i32 0 or 1 (a lane mask in vectors); i8 and u8 are extended i32; f16 and bf16 are f32
// values already rounded. And the few routines that are too long to write out at each use.
import { bytesExpected } from "../float8.ts";
import type { DType } from "../../../runtime/dtype.ts";
import { byteSize } from "../../../runtime/dtype.ts";
import { unreachable } from "../../../runtime/errors/error.ts";
import type { FuncBuilder, FuncRef } from "./encoder/function.ts";
import type { ModuleBuilder } from "./encoder/module.ts";

/** The register type of a scalar. */
export const register = (d: DType): "i32" | "f32" | "f64" =>
  d === "f64" ? "f64" : d === "f32" || d === "f16" || d === "bf16" ? "f32" : "i32";
/** Bytes of one element in memory. */
export const elementBytes: (d: DType) => number = byteSize;

/** Functions of the module that scalar code calls, made at first use: conversions between 16-bit patterns and f32, and the remainder. */
export class Routines {
  private readonly module: ModuleBuilder;
  private readonly made = new Map<string, FuncRef>();
  constructor(module: ModuleBuilder) {
    this.module = module;
  }

  /** i32 pattern -> f32. */
  value(d: "f16" | "bf16"): FuncRef {
    return this.once(
      `${d}_value`,
      ["i32"],
      ["f32"],
      d === "f16"
        ? f16Value
        : f => {
            f.get(f.param(0)).i32(16).op("i32.shl").op("f32.reinterpret_i32");
          },
    );
  }
  /** f32 -> i32 pattern, to nearest even. */
  bits(d: "f16" | "bf16"): FuncRef {
    return this.once(`${d}_bits`, ["f32"], ["i32"], d === "f16" ? f16Bits : bf16Bits);
  }

  /** (x, y) -> x - y trunc(x/y), exact, with the sign of x. */
  remainder(): FuncRef {
    return this.once("remainder", ["f64", "f64"], ["f64"], remainder);
  }

  private once(
    name: string,
    params: readonly ("i32" | "f32" | "f64")[],
    results: readonly ("i32" | "f32" | "f64")[],
    body: (f: FuncBuilder) => void,
  ): FuncRef {
    let ref = this.made.get(name);
    if (!ref) {
      const f = this.module.func(name, params, results);
      body(f);
      this.made.set(name, (ref = f));
    }
    return ref;
  }
}
/** Takes the largest y 2^k that fits away from x, again and again: every difference is exact. */
function remainder(f: FuncBuilder): void {
  const [x, y] = [f.param(0), f.param(1)],
    a = f.local("f64"),
    b = f.local("f64"),
    t = f.local("f64");
  f.get(x).op("f64.abs").set(a).get(y).op("f64.abs").set(b);
  // NaN, infinite x or zero y
  f.get(a)
    .f64(Infinity)
    .op("f64.lt")
    .get(b)
    .f64(0)
    .op("f64.gt")
    .op("i32.and")
    .op("i32.eqz")
    .if_(() => f.f64(NaN).return_());
  f.get(b).set(t);
  f.block(done =>
    f.loop(top => {
      f.get(t).get(a).f64(0.5).op("f64.mul").op("f64.le").op("i32.eqz").brIf(done);
      f.get(t).get(t).op("f64.add").set(t).br(top);
    }),
  );
  f.block(done =>
    f.loop(top => {
      f.get(a).get(b).op("f64.ge").op("i32.eqz").brIf(done);
      f.get(a)
        .get(t)
        .op("f64.ge")
        .if_(() => f.get(a).get(t).op("f64.sub").set(a));
      f.get(t).f64(0.5).op("f64.mul").set(t).br(top);
    }),
  );
  f.get(a).get(x).op("f64.copysign");
}
function f16Value(f: FuncBuilder): void {
  const h = f.param(0),
    magnitude = f.local("f32");
  f.get(h)
    .i32(0x7fff)
    .op("i32.and")
    .i32(13)
    .op("i32.shl")
    .op("f32.reinterpret_i32")
    .f32(2 ** 112)
    .op("f32.mul")
    .set(magnitude);
  f.get(h)
    .i32(0x7c00)
    .op("i32.and")
    .i32(0x7c00)
    .op("i32.eq")
    .if_(() => {
      f.get(h).i32(0x3ff).op("i32.and").i32(13).op("i32.shl").i32(0x7f800000).op("i32.or").op("f32.reinterpret_i32").set(magnitude);
    });
  f.get(magnitude).op("i32.reinterpret_f32").get(h).i32(0x8000).op("i32.and").i32(16).op("i32.shl").op("i32.or").op("f32.reinterpret_i32");
}
function f16Bits(f: FuncBuilder): void {
  const x = f.param(0),
    a = f.local("f32"),
    b = f.local("i32"),
    out = f.local("i32");
  f.get(x).op("f32.abs").tee(a).op("i32.reinterpret_f32").set(b);
  f.get(a)
    .get(a)
    .op("f32.ne")
    .if_(
      () => {
        f.i32(0x7e00).set(out);
      },
      () => {
        f.get(a)
          .f32(65520)
          .op("f32.ge")
          .if_(
            () => {
              f.i32(0x7c00).set(out);
            },
            () => {
              f.get(a)
                .f32(2 ** -14)
                .op("f32.lt")
                .if_(
                  // subnormal: adding 1/2 rounds at the right bit
                  () => {
                    f.get(a).f32(0.5).op("f32.add").op("i32.reinterpret_f32").i32(0x3f000000).op("i32.sub").set(out);
                  },
                  () => {
                    f.get(b)
                      .i32(0xfff - (112 << 23))
                      .op("i32.add")
                      .get(b)
                      .i32(13)
                      .op("i32.shr_u")
                      .i32(1)
                      .op("i32.and")
                      .op("i32.add")
                      .i32(13)
                      .op("i32.shr_u")
                      .set(out);
                  },
                );
            },
          );
      },
    );
  f.get(x).op("i32.reinterpret_f32").i32(16).op("i32.shr_u").i32(0x8000).op("i32.and").get(out).op("i32.or");
}
function bf16Bits(f: FuncBuilder): void {
  const x = f.param(0),
    b = f.local("i32");
  f.get(x).op("i32.reinterpret_f32").set(b);
  f.get(b).i32(16).op("i32.shr_u").i32(0x40).op("i32.or");
  f.get(b).i32(0x7fff).op("i32.add").get(b).i32(16).op("i32.shr_u").i32(1).op("i32.and").op("i32.add").i32(16).op("i32.shr_u");
  f.get(x).get(x).op("f32.ne").op("select");
}

/** Push the value of `d` at the address on the stack. */
export function loadScalar(f: FuncBuilder, d: DType, routines: Routines): void {
  switch (d) {
    case "f32":
      f.mem("f32.load");
      break;
    case "f64":
      f.mem("f64.load");
      break;
    case "i32":
    case "u32":
      f.mem("i32.load");
      break;
    case "i8":
      f.mem("i32.load8_s");
      break;
    case "u8":
    case "bool":
      f.mem("i32.load8_u");
      break;
    case "f16":
    case "bf16":
      f.mem("i32.load16_u").call(routines.value(d));
      break;
    case "f8e4m3":
    case "f8e5m2":
      return bytesExpected(d);
    default:
      unreachable(d);
  }
}
/** Store the value on the stack at the address below it. */
export function storeScalar(f: FuncBuilder, d: DType, routines: Routines): void {
  switch (d) {
    case "f32":
      f.mem("f32.store");
      break;
    case "f64":
      f.mem("f64.store");
      break;
    case "i32":
    case "u32":
      f.mem("i32.store");
      break;
    case "i8":
    case "u8":
    case "bool":
      f.mem("i32.store8");
      break;
    case "f16":
    case "bf16":
      f.call(routines.bits(d)).mem("i32.store16");
      break;
    case "f8e4m3":
    case "f8e5m2":
      return bytesExpected(d);
    default:
      unreachable(d);
  }
}
