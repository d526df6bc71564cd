"""Goldens of elementwise operations at their edges, reductions that must not overflow, conversions and dtype promotion.

Transcendental values come from NumPy's and SciPy's libm in f64 (f32: the same, rounded once), not from JAX, whose CPU log1p
is off by many ulp in f64; gradients are written as formulas or taken from JAX where the point is a convention (ties, zeros).
"""
import jax
import jax.numpy as jnp
import numpy as np
import scipy.special as sp
from jax import lax

import encode
from ops_linear import Cases

EDGES = np.array([0.0, -0.0, 1e-300, 1e-20, -1e-20, 1e-10, -1e-10, 1e-5, -1e-5, 1e-3, -1e-3, 0.1, -0.1, 0.4, -0.4, 0.5, -0.5, 0.75, -0.75,
                  0.999999, -0.999999, 1.0, -1.0, 1.5, -1.5, 2.0, -2.0, 3.0, -3.0, 5.0, -5.0, 10.0, -10.0, 30.0, -30.0, 88.0, -88.0,
                  100.0, -100.0, 709.0, -709.0, 1e3, -1e3, 1e6, -1e6, np.inf, -np.inf, np.nan])
UNARY = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "cbrt": np.cbrt,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "erf": sp.erf, "erfc": sp.erfc, "erf_inv": sp.erfinv,
    "logistic": sp.expit, "lgamma": sp.gammaln, "digamma": sp.digamma, "floor": np.floor, "ceil": np.ceil, "round_half_even": np.rint,
    "trunc": np.trunc, "sign": np.sign, "abs": np.abs, "log_sigmoid": lambda x: -np.logaddexp(0, -x), "softplus": lambda x: np.logaddexp(0, x),
}


def unary():
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5])
    cases = []
    with np.errstate(all="ignore"):
        for op, f in UNARY.items():
            x = np.concatenate([EDGES, halves])
            if op in ("lgamma", "digamma"):             # poles and reflection differ by library: positive arguments only
                x = np.array([1e-3, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 10.0, 100.0, 1e4])
            x32 = x.astype(np.float32)
            cases.append({"op": op, "x": x, "out": f(x), "x_f32": x32, "out_f32": f(x32.astype(np.float64)).astype(np.float32)})
    return cases


def unary_gradients():
    """d/dx at special points. A case with `convention` is a choice JAX made where mathematics leaves one."""
    fs = {"abs": jnp.abs, "sqrt": jnp.sqrt, "relu": jax.nn.relu, "sign": jnp.sign, "log": jnp.log, "log_sigmoid": jax.nn.log_sigmoid,
          "softplus": jax.nn.softplus, "tanh": jnp.tanh, "logistic": jax.nn.sigmoid, "relu6": jax.nn.relu6,
          "clip(-1,1)": lambda x: jnp.clip(x, -1, 1), "floor": jnp.floor, "gelu_tanh": lambda x: jax.nn.gelu(x, True),
          "gelu_erf": lambda x: jax.nn.gelu(x, False), "silu": jax.nn.silu, "elu": jax.nn.elu}
    plain = {"abs": [2.0, -2.0], "sqrt": [0.0, 4.0], "relu": [1.0, -1.0], "sign": [0.0, 3.0], "log": [0.0, 2.0], "log_sigmoid": [0.0, 800.0, -800.0],
             "softplus": [0.0, 800.0, -800.0], "tanh": [0.0, 400.0], "logistic": [0.0, 800.0, -800.0], "relu6": [-1.0, 3.0, 7.0],
             "clip(-1,1)": [0.5, 2.0, -2.0], "floor": [1.5], "gelu_tanh": [0.0, 20.0, -20.0, 1.0], "gelu_erf": [0.0, 20.0, -20.0, 1.0],
             "silu": [0.0, 800.0, -800.0, 1.0], "elu": [0.0, 1.0, -1.0]}
    choices = [("abs", [0.0, -0.0], "1 at zero (x >= 0); sign(x) would give 0"), ("relu", [0.0], "0 at zero"),
               ("relu6", [0.0, 6.0], "0 at both corners"), ("clip(-1,1)", [-1.0, 1.0], "half at a bound: jnp.clip is min(max(x, lo), hi)")]
    rows = [(op, xs, {}) for op, xs in plain.items()] + [(op, xs, {"convention": why}) for op, xs, why in choices]
    return [{"op": op, **why, "x": np.array(xs), "out": jax.vmap(fs[op])(np.array(xs)), "grad": jax.vmap(jax.grad(fs[op]))(np.array(xs))}
            for op, xs, why in rows]


def binary():
    cases = []
    grid = np.array([0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, np.inf, -np.inf, np.nan])
    a, b = (v.ravel() for v in np.meshgrid(grid, grid, indexing="ij"))
    with np.errstate(all="ignore"):
        for op, f in (("atan2", np.arctan2), ("pow", np.power), ("hypot", np.hypot), ("logaddexp", np.logaddexp), ("maximum", np.maximum),
                      ("minimum", np.minimum), ("fmod", np.fmod), ("remainder", np.remainder), ("floor_divide", np.floor_divide), ("divide", np.divide),
                      ("nextafter", np.nextafter), ("copysign", np.copysign)):
            cases.append({"op": op, "a": a, "b": b, "out": f(a, b)})
    return cases


def binary_gradients():
    """(d/da, d/db). pow: d/da = b a^(b-1); d/db = log(a) a^b, with log(1) for log(0), NaN for a < 0. Ties of max and min: half each."""
    points = {"pow": [(0.0, 1.0), (0.0, 2.0), (0.0, 0.5), (-2.0, 3.0), (-2.0, 2.0), (-2.0, 0.5), (2.0, 0.0), (2.0, -1.0), (1.0, 5.0), (3.0, 2.5)],
              "maximum": [(1.0, 1.0), (2.0, 1.0), (1.0, 2.0), (0.0, -0.0)], "minimum": [(1.0, 1.0), (2.0, 1.0), (1.0, 2.0)],
              "atan2": [(0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (-1.0, -1.0)], "fmod": [(5.5, 2.0), (-5.5, 2.0), (5.5, -2.0)],
              "remainder": [(5.5, 2.0), (-5.5, 2.0), (5.5, -2.0)], "logaddexp": [(0.0, 0.0), (1000.0, 0.0), (-1000.0, -1000.0)], "hypot": [(3.0, 4.0)]}
    fs = {"pow": jnp.power, "maximum": jnp.maximum, "minimum": jnp.minimum, "atan2": jnp.arctan2, "fmod": lax.rem, "remainder": jnp.remainder,
          "logaddexp": jnp.logaddexp, "hypot": jnp.hypot}
    cases = []
    for op, pairs in points.items():
        a, b = np.array(pairs).T
        d = jax.vmap(jax.grad(fs[op], argnums=(0, 1)))(a, b)
        cases.append({"op": op, "a": a, "b": b, "out": jax.vmap(fs[op])(a, b), "grads": {"a": d[0], "b": d[1]}})
    zero = np.zeros(1)                                  # a^0 = 1 for every a, so d/da is 0; JAX's formula gives 0 * 0^-1 = NaN
    cases.append({"op": "pow", "convention": "d/da at (0, 0) is 0; JAX 0.10.2 gives NaN", "a": zero, "b": zero, "out": zero + 1, "grads": {"a": zero, "b": zero}})
    x = np.array([-2.0, 0.0, 1.5])
    for n in (0, 1, 2, 3, -1, -2):
        f = lambda v: lax.integer_pow(v, n)
        cases.append({"op": "integer_pow", "n": n, "a": x, "out": f(x), "grads": {"a": jax.vmap(jax.grad(f))(x)}})
    return cases


def reductions(c):
    ties = np.array([[1.0, 3.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
    fs = {"max": jnp.max, "min": jnp.min, "sum": jnp.sum, "prod": jnp.prod, "mean": jnp.mean, "var": jnp.var, "std": jnp.std,
          "logsumexp": jax.nn.logsumexp, "softmax": jax.nn.softmax, "log_softmax": jax.nn.log_softmax, "norm": jnp.linalg.norm}
    cases = []
    for op, f in fs.items():
        cases.append(c.case(lambda x: f(x, axis=-1), {"x": c.normal(3, 4)}, op=op, axis=-1, of="normal"))
    for op in ("max", "min", "prod"):
        x = np.array([[2.0, 0.0, 3.0, 4.0], [0.0, 0.0, 1.0, 5.0]]) if op == "prod" else ties
        cases.append(c.case(lambda x: fs[op](x, axis=-1), {"x": x}, op=op, axis=-1, of="zeros" if op == "prod" else "ties"))
    inf = np.inf
    extreme = np.array([[1000.0, 1000.0, 999.0], [-1000.0, -1001.0, -2000.0], [0.0, -inf, 1.0], [1e308, 0.0, -1e308], [-750.0, 0.0, 750.0]])
    for op in ("logsumexp", "softmax", "log_softmax"):
        cases.append(c.case(lambda x: fs[op](x, axis=-1), {"x": extreme}, op=op, axis=-1, of="extreme"))
    rows = np.array([[-inf, -inf], [inf, 0.0], [np.nan, 0.0]])
    for op in ("logsumexp", "softmax"):
        cases.append({"op": op, "axis": -1, "of": "infinite", "x": rows, "out": fs[op](rows, axis=-1)})
    nan = np.array([[1.0, np.nan, 2.0], [np.nan, np.nan, np.nan], [1.0, 2.0, 0.0]])
    for op in ("max", "min", "sum"):
        cases.append({"op": op, "axis": -1, "of": "nan", "x": nan, "out": fs[op](nan, axis=-1)})
    empty = np.zeros((2, 0))
    for op in ("sum", "prod"):
        cases.append({"op": op, "axis": -1, "of": "empty", "x": empty, "out": fs[op](empty, axis=-1)})
    return cases


def integers():
    low, high = -(2**31), 2**31 - 1
    a = np.array([7, -7, 7, -7, 0, 5, -5, low, low, high, high, 6], np.int32)
    b = np.array([3, 3, -3, -3, 3, 0, 0, -1, 0, 2, -1, 3], np.int32)
    ua, ub = np.array([7, 2**32 - 1, 5, 0, 2**31], np.uint32), np.array([3, 10, 0, 4, 3], np.uint32)
    shift = np.array([1, -1, 5, -5, low, high, 1, -1], np.int32), np.array([0, 1, 31, 31, 4, 4, 32, 33], np.int32)
    ops = {"div": lax.div, "rem": lax.rem, "floor_divide": jnp.floor_divide, "remainder": jnp.remainder, "mul": lax.mul, "add": lax.add, "sub": lax.sub}
    shifts = {"shift_left": lax.shift_left, "shift_right_arithmetic": lax.shift_right_arithmetic, "shift_right_logical": lax.shift_right_logical}
    cases = []
    for op, f in ops.items():
        # XLA defines div and rem by zero (all bits set; the dividend); floor_divide and remainder by zero are left out.
        keep = (b != 0, ub != 0) if op in ("floor_divide", "remainder") else (b == b, ub == ub)
        for x, y in ((a[keep[0]], b[keep[0]]), (ua[keep[1]], ub[keep[1]])):
            cases.append({"op": op, "a": x, "b": y, "out": f(x, y)})
    for op, f in shifts.items():
        cases += [{"op": op, "a": shift[0], "b": shift[1], "out": f(*shift)}]
        u = [s.astype(np.uint32) for s in shift]
        cases += [{"op": op, "a": u[0], "b": u[1], "out": f(*u)}]
    for op, f in {"neg": lax.neg, "abs": lax.abs, "not": lax.bitwise_not, "population_count": lax.population_count, "clz": lax.clz, "sign": lax.sign}.items():
        cases.append({"op": op, "a": a, "out": f(a)})
    for op, f in {"and": lax.bitwise_and, "or": lax.bitwise_or, "xor": lax.bitwise_xor, "max": lax.max, "min": lax.min}.items():
        cases.append({"op": op, "a": a, "b": b, "out": f(a, b)})
    base, power = np.array([0, 2, -2, 3, -1, 2], np.int32), np.array([0, 10, 3, 0, 5, 31], np.int32)
    cases.append({"op": "pow", "a": base, "b": power, "out": jnp.power(base, power)})
    return cases


def conversions():
    f = np.array([np.nan, np.inf, -np.inf, 1e10, -1e10, 3.99, -3.99, 300.0, -300.0, 2.0**31, 2.0**32, -0.5, -1.0, 127.5, 255.9, -128.9, 0.0, 16777217.0])
    i = np.array([0, 1, -1, 127, 128, 255, 256, -128, -129, 2**31 - 1, -(2**31), 16777217], np.int32)
    cases = []
    for x in (f, f.astype(np.float32), i, i.astype(np.uint32), i.astype(np.int8), i.astype(np.uint8), i != 0):
        for to in ("float32", "float64", "int32", "uint32", "int8", "uint8", "bool", "float16", "bfloat16"):
            cases.append({"x": x, "to": encode.NAMES[to], "out": jax.jit(lambda v: v.astype(to))(x)})
    half = np.array([1.0, 1.0009765625, 1.00048828125, 65504.0, 65519.9, 65520.0, 1e-8, 6e-8, 3.0e38, 3.4e38, 1.00390625, 1.01171875], np.float32)
    for to in ("float16", "bfloat16"):                  # ties to even, overflow, subnormals
        cases.append({"x": half, "to": encode.NAMES[to], "out": jax.jit(lambda v: v.astype(to))(half)})
    return cases


def bitcasts():
    f32 = np.array([0.0, -0.0, 1.0, -1.5, np.inf, np.nan, 1e-45], np.float32)
    f64 = np.array([0.0, -0.0, 1.0, np.pi, np.inf])
    u8 = np.arange(8, dtype=np.uint8).reshape(2, 4)
    pairs = [(f32, "uint32"), (f32, "int32"), (f32, "uint8"), (f64, "uint32"), (f64, "float32"), (u8, "uint32"), (u8, "float32"), (u8, "int8"),
             (np.array([0, -1, 2**31 - 1], np.int32), "float32"), (np.array([0, 1065353216], np.uint32), "float32")]
    return [{"x": x, "to": encode.NAMES[to], "out": lax.bitcast_convert_type(jnp.asarray(x), to)} for x, to in pairs]


DTYPES = ("float32", "float64", "float16", "bfloat16", "int32", "uint32", "int8", "uint8", "bool")


def promotion():
    """[a, b, result]. With x64 off a 64-bit result narrows to 32 bits; `weak` rows pair a dtype with a Python scalar."""
    name = lambda d: encode.NAMES[str(d)]
    tables = {}
    for x64 in (True, False):
        names = DTYPES if x64 else tuple(d for d in DTYPES if d != "float64")
        with jax.enable_x64(x64):
            tables["x64" if x64 else "x32"] = {
                "array": [[name(a), name(b), name((jnp.zeros((), a) + jnp.zeros((), b)).dtype)] for a in names for b in names],
                "weak": [[name(a), kind, name(jnp.result_type(jnp.zeros((), a), s))] for a in names for kind, s in (("bool", True), ("int", 1), ("float", 1.0))],
                "sum": [[name(a), name(jnp.sum(jnp.zeros(2, a)).dtype)] for a in names],
                "mean": [[name(a), name(jnp.mean(jnp.zeros(2, a)).dtype)] for a in names],
                "divide": [[name(a), name(b), name((jnp.ones((), a) / jnp.ones((), b)).dtype)] for a in names for b in names],
                "exp": [[name(a), name(jnp.exp(jnp.ones((), a)).dtype)] for a in names],
            }
    return tables


def build():
    return {"unary": unary(), "unary_gradients": unary_gradients(), "binary": binary(), "binary_gradients": binary_gradients(),
            "reductions": reductions(Cases(301)), "integers": integers(), "conversions": conversions(), "bitcasts": bitcasts(), "promotion": promotion()}
