"""Goldens of operations that are linear in each operand, and of windows and running reductions. f64 throughout.

Each case: inputs, attributes, `out`, and, when differentiable, the cotangent `ct` with the gradient of sum(ct * out) for
each input. Layouts: convolution lhs [N,C,spatial], rhs [O,I/groups,spatial], out [N,O,spatial].
"""
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Cases:
    """Draws inputs from one seeded stream, so that cases stay what they are when others are appended after them."""

    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def normal(self, *shape):
        return self.rng.standard_normal(shape)

    def case(self, f, ins, **attrs):
        out, pull = jax.vjp(f, *map(jnp.asarray, ins.values()))
        ct = self.normal(*out.shape)
        grads = pull(jnp.asarray(ct))
        return {**attrs, **ins, "out": out, "ct": ct, "grads": {name: g for name, g in zip(ins, grads)}}


def einsum(c):
    specs = [("ij,jk->ik", (3, 4), (4, 5)), ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)), ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
             ("ij,ij->", (3, 4), (3, 4)), ("i,j->ij", (3,), (4,)), ("ii->i", (4, 4)), ("ijk->kj", (2, 3, 4)),
             ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)), ("...ij,j->...i", (2, 3, 4), (4,)), ("bij,ij->b", (3, 2, 4), (2, 4)),
             ("ij,kj->ik", (3, 4), (5, 4)), ("ii->", (4, 4))]
    cases = []
    for spec, *shapes in specs:
        ins = {f"x{i}": c.normal(*s) for i, s in enumerate(shapes)}
        case = c.case(lambda *xs: jnp.einsum(spec, *xs), ins, spec=spec)
        np.testing.assert_allclose(case["out"], np.einsum(spec, *ins.values()), rtol=1e-13, atol=1e-13)
        cases.append(case)
    return cases


def conv(c):
    table = [
        # lhs, rhs, strides, padding, lhs_dilation, rhs_dilation, groups
        ((2, 3, 8), (4, 3, 3), (1,), ((0, 0),), (1,), (1,), 1),
        ((2, 3, 9), (4, 3, 3), (2,), ((2, 1),), (1,), (2,), 1),
        ((1, 4, 7), (6, 2, 2), (1,), ((1, 1),), (2,), (1,), 2),
        ((2, 3, 6, 7), (4, 3, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1), 1),
        ((1, 3, 7, 8), (2, 3, 2, 3), (2, 3), ((0, 1), (1, 2)), (1, 1), (1, 1), 1),
        ((1, 4, 5, 6), (4, 1, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1), 4),
        ((1, 4, 5, 6), (6, 2, 2, 2), (1, 2), ((0, 0), (1, 0)), (1, 1), (2, 1), 2),
        ((1, 2, 4, 4), (3, 2, 3, 3), (1, 1), ((1, 2), (1, 2)), (2, 2), (1, 1), 1),
        ((1, 2, 6, 6), (3, 2, 3, 3), (2, 1), ((2, 2), (0, 3)), (1, 3), (2, 1), 1),
        ((1, 2, 6, 5), (2, 2, 3, 3), (1, 1), ((-1, 0), (0, -1)), (1, 1), (1, 1), 1),
        ((1, 2, 4, 5, 4), (3, 2, 2, 3, 2), (1, 1, 1), ((0, 0), (1, 1), (0, 1)), (1, 1, 1), (1, 1, 1), 1),
        ((1, 2, 4, 5, 4), (2, 1, 2, 2, 2), (1, 2, 1), ((1, 0), (0, 0), (0, 1)), (1, 1, 2), (2, 1, 1), 2),
    ]
    letters = ("NCX", "OIX", "NCX"), ("NCYX", "OIYX", "NCYX"), ("NCZYX", "OIZYX", "NCZYX")
    cases = []
    for ls, rs, strides, padding, ld, rd, groups in table:
        f = lambda x, w: lax.conv_general_dilated(x, w, strides, padding, ld, rd, letters[len(strides) - 1], groups)
        cases.append(c.case(f, {"lhs": c.normal(*ls), "rhs": c.normal(*rs)}, strides=list(strides), padding=[list(p) for p in padding],
                            lhs_dilation=list(ld), rhs_dilation=list(rd), groups=groups))
    return cases


def running(c):
    fs = {"cumsum": lax.cumsum, "cumprod": lax.cumprod, "cummax": lax.cummax, "cummin": lax.cummin, "cumlogsumexp": lax.cumlogsumexp}
    cases = []
    for op, f in fs.items():
        for axis, reverse in ((0, False), (1, False), (1, True)):
            x = c.normal(3, 5)
            cases.append(c.case(lambda x: f(x, axis=axis, reverse=reverse), {"x": x}, op=op, axis=axis, reverse=reverse))
    x = np.array([[2.0, 0.0, -3.0, 0.0, 1.5], [0.5, 2.0, 2.0, -1.0, 2.0]])
    for op in ("cumprod", "cummax"):                    # zeros in a product, ties in a maximum
        cases.append(c.case(lambda x: fs[op](x, axis=1), {"x": x}, op=op, axis=1, reverse=False))
    return cases


def window(c):
    table = [((6, 7), (2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1)), ((6, 7), (2, 2), (2, 2), ((0, 0), (0, 1)), (1, 1)),
             ((7, 7), (3, 2), (2, 1), ((1, 1), (0, 0)), (1, 2)), ((9, 4), (1, 2), (3, 2), ((0, 0), (0, 0)), (1, 1))]
    cases = []
    for shape, dims, strides, padding, dilation in table:
        for op, init, f in (("max", -np.inf, lax.max), ("sum", 0.0, lax.add), ("min", np.inf, lax.min)):
            if op != "sum" and dilation != (1, 1):      # JAX has no gradient for a dilated max window
                continue
            g = lambda x: lax.reduce_window(x, init, f, dims, strides, padding, None, dilation)
            cases.append(c.case(g, {"x": c.normal(*shape)}, op=op, window=list(dims), strides=list(strides),
                                padding=[list(p) for p in padding], dilation=list(dilation)))
    ties = np.array([[1.0, 1.0, 0.0, 2.0], [1.0, 0.0, 2.0, 2.0], [3.0, 3.0, 3.0, 3.0]])
    g = lambda x: lax.reduce_window(x, -np.inf, lax.max, (2, 2), (1, 1), "VALID")
    cases.append(c.case(g, {"x": ties}, op="max", window=[2, 2], strides=[1, 1], padding=[[0, 0], [0, 0]], dilation=[1, 1], ties="first in row-major order"))
    return cases


def build():
    return {"einsum": einsum(Cases(101)), "conv": conv(Cases(102)), "cumulative": running(Cases(103)), "reduce_window": window(Cases(104))}
