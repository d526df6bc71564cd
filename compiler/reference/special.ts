// Special functions in f64 that Math lacks, by series and continued fractions: slow, plain, accurate to about 1e-14. Only the reference evaluator
// calls them: the backends have their own (lower/elementary), so the two check each other.

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

/** Error function. Series for |x| < 3, continued fraction beyond. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const a = Math.abs(x);
  if (a >= 3) return Math.sign(x) * (1 - erfcLarge(a));
  // erf(x) = 2/sqrt(pi) e^{-x^2} sum 2^n x^{2n+1} / (1·3·5···(2n+1)): all terms positive, no cancellation
  let term = x,
    sum = x;
  for (let n = 1; n < 200 && Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * Math.exp(-x * x) * sum;
}

/** Complementary error function, relatively accurate in the right tail. */
export function erfc(x: number): number {
  return x < 1 ? 1 - erf(x) : erfcLarge(x);
}

/** erfc for x >= 1 by its continued fraction, from the innermost term out; it converges faster the larger x is. */
function erfcLarge(x: number): number {
  if (x > 27.5) return 0;
  // erfc(x) = e^{-x^2}/sqrt(pi) · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + ...))))
  let f = 0;
  for (let n = x < 3 ? 400 : 80; n > 0; n--) f = n / 2 / (x + f);
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + f));
}

/** Inverse error function: Newton steps on erf (on erfc near the ends) from Winitzki's start. */
export function erfInv(y: number): number {
  if (Number.isNaN(y) || y < -1 || y > 1) return NaN;
  if (Math.abs(y) === 1) return y * Infinity;
  if (y === 0) return y;
  const l = Math.log1p(-y * y),
    t = 2 / (Math.PI * 0.147) + l / 2;
  let x = Math.sign(y) * Math.sqrt(Math.sqrt(t * t - l / 0.147) - t);
  for (let i = 0; i < 6; i++) {
    const err = Math.abs(y) < 0.5 ? erf(x) - y : Math.sign(y) * (1 - Math.abs(y) - erfc(Math.abs(x)));
    const step = err / (TWO_OVER_SQRT_PI * Math.exp(-x * x));
    x -= step / (1 + x * step);
  }
  return x;
}

/** log |Γ(x)| by Stirling's series after shifting x to at least 12; reflection below 0.5. */
export function lgamma(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (!Number.isFinite(x)) return Infinity;
  if (x <= 0 && Number.isInteger(x)) return Infinity;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * (x - Math.round(x))))) - lgamma(1 - x);
  if (x === 1 || x === 2) return 0;
  let shift = 0,
    z = x;
  while (z < 12) {
    shift += Math.log(z);
    z += 1;
  }
  const r = 1 / (z * z);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - (r * 691) / 360360))))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/** ψ(x), the derivative of log Γ, by its asymptotic series after shifting x to at least 12; reflection below 0. */
export function digamma(x: number): number {
  if (Number.isNaN(x) || x === -Infinity) return NaN;
  if (x <= 0) return Number.isInteger(x) ? NaN : digamma(1 - x) - Math.PI / Math.tan(Math.PI * (x - Math.round(x))); // the tangent's period is 1 here: near a pole the distance to it counts
  let shift = 0,
    z = x;
  while (z < 12) {
    shift += 1 / z;
    z += 1;
  }
  const r = 1 / (z * z);
  return Math.log(z) - 0.5 / z - r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - (r * 691) / 32760))))) - shift;
}
