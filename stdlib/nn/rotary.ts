// Rotary positions: pairs of features turned by an angle that grows with the position, so that attention sees differences of positions.
import { iota, type Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { add, astype, mul, sub } from "../ops/arithmetic.ts";
import { concat } from "../ops/join.ts";
import { cos, exp, sin } from "../ops/math.ts";
import { computeDType } from "../../runtime/dtype.ts";
import { reshape, sliceAxis } from "../ops/shape.ts";

/** x [B, T, H, D] with features i and i + D/2 turned together by position · base^(-2i/D). `positions`: i32 [T], 0 .. T-1 by default. Angles are f32 or wider.
 *  @throws E0801 for an odd D @see Su et al. 2021 */
export function rotary(x: Tensor, { base = 10000, positions }: { readonly base?: number; readonly positions?: Tensor } = {}): Tensor {
  const t = x.shape.at(-3) ?? 0,
    d = x.shape.at(-1) ?? 0,
    half = d / 2,
    wide = computeDType(x.dtype);
  if (x.ndim < 3 || d % 2 !== 0)
    throw new PullbackError("E0801", `rotary positions pair features, got ${d} of them in [${x.shape.join(",")}]`, {
      help: "x is [B, T, H, D] with an even D",
    });
  const at = reshape(astype(positions ?? iota({ dtype: "i32", shape: [t], axis: 0 }), wide), [t, 1, 1]);
  const frequency = exp(mul(astype(iota({ dtype: "i32", shape: [half], axis: 0 }), wide), -Math.log(base) / half)),
    angle = mul(at, frequency); // [T, 1, D/2]
  const y = astype(x, wide),
    a = sliceAxis(y, x.ndim - 1, 0, half),
    b = sliceAxis(y, x.ndim - 1, half, d),
    c = cos(angle),
    s = sin(angle);
  return astype(concat([sub(mul(a, c), mul(b, s)), add(mul(a, s), mul(b, c))], -1), x.dtype);
}
