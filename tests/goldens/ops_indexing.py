"""Goldens of operations that choose: indexing with every out-of-bounds mode, scatters, slices, sorts and arg-reductions.

Out of bounds is never an error here: the mode says what happens. jnp normalises negative indices (-1 is the last) in every
mode but take's "clip" and "wrap"; after that an index is in bounds or not.
"""
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ops_linear import Cases

I = lambda *xs: np.array(xs, np.int32)


def take(c):
    cases = []
    x, matrix = c.normal(4), c.normal(4, 3)
    indices = I(0, 3, 4, 9, -1, -4, -5, 1, 1)
    for mode in ("clip", "fill", "wrap"):
        f = lambda x: jnp.take(x, indices, axis=0, mode=mode)
        cases.append({**c.case(f, {"x": x}, axis=0, mode=mode), "indices": indices})
        two = I(*range(-2, 4)).reshape(2, 3)
        f = lambda x: jnp.take(x, two, axis=1, mode=mode)
        cases.append({**c.case(f, {"x": matrix}, axis=1, mode=mode), "indices": two})
    return cases


def take_along_axis(c):
    cases = []
    for axis, indices in ((0, I(2, 0, 1, 1, 0, 3).reshape(2, 3)), (1, I(0, 2, 1, 1, 2, 2, 0, 0).reshape(4, 2)), (1, I(-1, -3, 0, 2).reshape(4, 1))):
        f = lambda x: jnp.take_along_axis(x, indices, axis)
        cases.append({**c.case(f, {"x": c.normal(4, 3)}, axis=axis), "indices": indices})
    return cases


def scatter(c):
    """x.at[indices].op(updates): indices address axis 0. Duplicates apply in order (set: the last one wins)."""
    cases = []
    for shape, indices in (((5,), I(0, 3, 3, -1, 5, -6, 0, 3)), ((4, 2), I(2, 0, 2, 7))):
        x, u = c.normal(*shape), c.normal(len(indices), *shape[1:])
        for op in ("set", "add", "mul", "min", "max"):
            for mode in ("drop", "clip"):
                f = lambda x, u: getattr(x.at[indices], op)(u, mode=mode)
                want = x.copy()
                for i, v in zip(indices, u):            # the same thing as a loop
                    i = i + len(x) if i < 0 else i
                    if mode == "clip":
                        i = min(max(i, 0), len(x) - 1)
                    if 0 <= i < len(x):
                        want[i] = {"set": lambda a, b: b, "add": np.add, "mul": np.multiply, "min": np.minimum, "max": np.maximum}[op](want[i], v)
                case = {"op": op, "mode": mode, "x": x, "indices": indices, "updates": u, "out": want}
                np.testing.assert_allclose(f(jnp.asarray(x), jnp.asarray(u)), want, rtol=1e-14)
                if op == "add":
                    case = {**c.case(f, {"x": x, "updates": u}, op=op, mode=mode), "indices": indices}
                cases.append(case)
    x, u, unique = c.normal(5), c.normal(3), I(4, 0, 2)
    for op in ("set", "add", "mul", "min", "max"):      # distinct indices; JAX has no gradient for min and max
        f = lambda x, u: getattr(x.at[unique], op)(u, unique_indices=True)
        if op in ("set", "add", "mul"):
            cases.append({**c.case(f, {"x": x, "updates": u}, op=op, mode="drop"), "indices": unique})
        else:
            cases.append({"op": op, "mode": "drop", "x": x, "indices": unique, "updates": u, "out": f(jnp.asarray(x), jnp.asarray(u))})
    return cases


def slices(c):
    """Starts are clamped to [0, dim - size], so that the slice always fits."""
    cases = []
    for start in (I(1, 1), I(3, 3), I(-2, 0), I(100, -100)):
        f = lambda x: lax.dynamic_slice(x, start, (2, 3))
        cases.append({**c.case(f, {"x": c.normal(4, 5)}, op="dynamic_slice", sizes=[2, 3]), "start": start})
        f = lambda x, u: lax.dynamic_update_slice(x, u, start)
        cases.append({**c.case(f, {"x": c.normal(4, 5), "update": c.normal(2, 3)}, op="dynamic_update_slice"), "start": start})
    return cases


def gather_pairs(c):
    """x[rows, cols] and boolean-free advanced indexing: both index arrays broadcast together."""
    cases = []
    for rows, cols in ((I(0, 2, 2), I(1, 0, 0)), (I(0, 1, 3).reshape(3, 1), I(2, 0))):
        f = lambda x: x[rows, cols]
        cases.append({**c.case(f, {"x": c.normal(4, 3)}), "rows": rows, "cols": cols})
    return cases


SPECIAL = {
    "plain": np.array([3.0, 1.0, 2.0, 5.0, 4.0]),
    "ties": np.array([2.0, 1.0, 2.0, 1.0, 3.0, 3.0, 2.0]),
    "nan": np.array([3.0, np.nan, 1.0, np.nan, -np.inf, 1.0, np.inf]),
    "zeros": np.array([0.0, -0.0, 0.0, -0.0, -1.0, 1.0]),
    "all_nan": np.array([np.nan, np.nan]),
    "integers": I(3, -7, 3, 0, 2147483647, -2147483648, 0),
}


def sorts(c):
    cases = []
    for name, x in SPECIAL.items():
        assert not np.any(np.signbit(x) & (x != x))     # positive NaNs only: top_k puts negative ones last
        for descending in (False, True):
            cases.append({"of": name, "descending": descending, "x": x, "sorted": jnp.sort(x, descending=descending),
                          "argsort": jnp.argsort(x, descending=descending).astype(np.int32)})
    x = c.normal(4, 3)
    for axis in (0, 1):
        f = lambda x: jnp.sort(x, axis=axis)
        cases.append({**c.case(f, {"x": x}, of=f"axis {axis}", axis=axis, descending=False), "argsort": jnp.argsort(x, axis=axis).astype(np.int32)})
    keys, values = I(3, 1, 2, 1, 3), c.normal(5)
    k, v = lax.sort_key_val(keys, values)
    cases.append({"of": "key and value", "keys": keys, "values": values, "sorted_keys": k, "sorted_values": v})
    return cases


def top_k(c):
    cases = []
    for name, x in SPECIAL.items():
        k = 2 if len(x) == 2 else 4
        values, indices = lax.top_k(x, k)
        cases.append({"of": name, "k": k, "x": x, "values": values, "indices": indices})
    x = c.normal(2, 6)
    case = c.case(lambda x: lax.top_k(x, 3)[0], {"x": x}, of="gradient", k=3)
    cases.append({**case, "values": case.pop("out"), "indices": lax.top_k(x, 3)[1]})
    return cases


def arg(c):
    """First among ties; the first NaN, if there is one, wins both."""
    cases = [{"of": name, "x": x, "argmax": jnp.argmax(x).astype(np.int32), "argmin": jnp.argmin(x).astype(np.int32)} for name, x in SPECIAL.items()]
    x = np.round(c.normal(3, 4))
    for axis in (0, 1):
        cases.append({"of": f"axis {axis}", "axis": axis, "x": x, "argmax": jnp.argmax(x, axis).astype(np.int32), "argmin": jnp.argmin(x, axis).astype(np.int32)})
    return cases


def searchsorted(c):
    a, v = np.array([0.0, 1.0, 1.0, 2.0, 5.0]), np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 5.0, 6.0])
    return [{"a": a, "v": v, "side": side, "out": jnp.searchsorted(a, v, side=side).astype(np.int32)} for side in ("left", "right")]


def build():
    return {"take": take(Cases(201)), "take_along_axis": take_along_axis(Cases(202)), "gather_pairs": gather_pairs(Cases(203)),
            "scatter": scatter(Cases(204)), "dynamic_slice": slices(Cases(205)), "sort": sorts(Cases(206)), "top_k": top_k(Cases(207)),
            "argminmax": arg(Cases(208)), "searchsorted": searchsorted(Cases(209))}
