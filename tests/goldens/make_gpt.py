"""gpt.json: a Nanodo-style decoder, its derivatives and every SAM gradient, by explicit formulas in JAX.

Letters: B batch, T tokens, V vocabulary, D model, H heads, N layers (stacked on axis 0), F = 4D.
No SAM library is used: g = J(theta)^T c(theta), with J from jax.vjp of the logits and c from jax.grad of the loss head.
The script ends with the laws a right answer obeys, so a wrong golden is not written.
"""
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import optax

import encode

jax.config.update("jax_enable_x64", True)
V, D, H, N, T, B = 11, 8, 2, 2, 6, 3
F = 4 * D
RHO, DAMP = 0.05, 1e-6


def draw():
    rng = np.random.Generator(np.random.PCG64(20250217))
    n = lambda *shape: 0.3 * rng.standard_normal(shape)
    s = lambda *shape: 1 + 0.1 * rng.standard_normal(shape)
    params = {
        "embed": n(V, D), "pos": n(T, D),
        "layers": {
            "ln1": s(N, D), "wq": n(N, D, D), "wk": n(N, D, D), "wv": n(N, D, D), "wo": n(N, D, D),
            "ln2": s(N, D), "up": n(N, D, F), "down": n(N, F, D),
        },
        "lnf": s(D),
    }
    direction = jax.tree.map(lambda p: rng.standard_normal(p.shape), params)
    moment = jax.tree.map(lambda p: (0.02 * rng.standard_normal(p.shape)) ** 2 + 1e-7, params)
    tokens = rng.integers(0, V, (B, T + 1)).astype(np.int32)
    return params, direction, moment, tokens


def norm_scale(x, scale):
    mean = jnp.mean(x, -1, keepdims=True)
    var = jnp.mean((x - mean) ** 2, -1, keepdims=True)
    return (x - mean) / jnp.sqrt(var + 1e-6) * scale


def logits_of(p, inputs):
    """inputs: i32[B,T] -> f[B,T,V]."""
    x = p["embed"][inputs] + p["pos"][:T]
    heads = lambda y: y.reshape(B, T, H, D // H)
    mask = jnp.tril(jnp.ones((T, T), bool))
    for n in range(N):
        w = jax.tree.map(lambda a: a[n], p["layers"])
        h = norm_scale(x, w["ln1"])
        q, k, v = heads(h @ w["wq"]) / np.sqrt(D // H).astype(x.dtype), heads(h @ w["wk"]), heads(h @ w["wv"])
        scores = jnp.where(mask, jnp.einsum("bqhd,bkhd->bhqk", q, k), -jnp.inf)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, -1), v)
        x = x + mixed.reshape(B, T, D) @ w["wo"]
        x = x + jax.nn.gelu(norm_scale(x, w["ln2"]) @ w["up"], approximate=True) @ w["down"]
    return norm_scale(x, p["lnf"]) @ p["embed"].T


def head(z, targets):
    """Mean cross-entropy over all B*T targets."""
    logp = jax.nn.log_softmax(z, -1)
    return -jnp.mean(jnp.take_along_axis(logp, targets[..., None], -1))


add = lambda a, b: jax.tree.map(jnp.add, a, b)
sub = lambda a, b: jax.tree.map(jnp.subtract, a, b)
scale = lambda s, a: jax.tree.map(lambda x: s * x, a)
dot = lambda a, b: sum(jnp.vdot(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b)))
norm = lambda a: jnp.sqrt(dot(a, a))


def compute(params, direction, moment, tokens, dtype):
    cast = lambda t: jax.tree.map(lambda x: jnp.asarray(x, dtype), t)
    params, direction, moment = cast(params), cast(direction), cast(moment)
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    model = lambda p: logits_of(p, inputs)
    loss = lambda p: head(model(p), targets)
    ell = lambda z: head(z, targets)
    cotangent = lambda p: jax.grad(ell)(model(p))                # c
    pull = lambda p, c: jax.vjp(model, p)[1](c)[0]               # J(p)^T c

    c0 = cotangent(params)
    g = pull(params, c0)
    eps = scale(RHO / norm(g), g)
    moved = add(params, eps)

    def paths(rho):
        there = add(params, scale(rho / norm(g), g))
        return pull(there, cotangent(there)), pull(there, c0), pull(params, cotangent(there))

    minv = jax.tree.map(lambda x, v: x / (jnp.sqrt(v) + DAMP), g, moment)
    radius = {"l2": norm(minv), "dual": jnp.sqrt(dot(g, minv))}

    def fsam(p):
        gp = pull(p, cotangent(p))
        return pull(add(p, scale(RHO / norm(gp), gp)), cotangent(p))

    unit = scale(1 / norm(g), g)
    z_dot = jax.jvp(model, (params,), (unit,))[1]
    gauss_newton = pull(params, jax.jvp(jax.grad(ell), (model(params),), (z_dot,))[1])
    hvp = lambda v: jax.jvp(jax.grad(loss), (params,), (v,))[1]

    out = {
        "params": params, "tokens": jnp.asarray(tokens), "direction": direction, "second_moment": moment,
        "loss": loss(params), "logits": model(params), "logit_cotangent": c0, "grad": g, "grad_norm": norm(g),
        "hvp": hvp(direction),
        "gauss_newton_unit_grad": gauss_newton, "functional_hessian_unit_grad": sub(hvp(unit), gauss_newton),
        "sam": pull(moved, cotangent(moved)), "functional_sam": pull(moved, c0), "logit_sam": pull(params, cotangent(moved)),
        "functional_sam_vjp": jax.vjp(fsam, params)[1](direction)[0],
        "sam_loss": loss(moved),
    }
    for kind, r in radius.items():
        there = add(params, scale(RHO / r, minv))
        out[f"preconditioned_sam_{kind}"] = pull(there, cotangent(there))
        out[f"preconditioned_functional_sam_{kind}"] = pull(there, c0)

    opt = optax.adamw(1e-3, b1=0.9, b2=0.98, eps=1e-9, weight_decay=0.1)
    p, state = params, opt.init(params)
    for step in (1, 2):
        updates, state = opt.update(jax.grad(loss)(p), state, p)
        p = optax.apply_updates(p, updates)
        out[f"adamw_{step}"] = p
    return jax.tree.map(lambda x: x if x.dtype == jnp.int32 else x.astype(dtype), out), loss, paths


def hessian(params, loss):
    flat, unflatten = jax.flatten_util.ravel_pytree(params)
    h = np.asarray(jax.jit(jax.hessian(lambda x: loss(unflatten(x))))(flat))
    w = np.linalg.eigh((h + h.T) / 2)[0]
    return {"size": int(flat.size), "lambda_max": np.float64(w[-1]), "lambda_second": np.float64(w[-2]),
            "lambda_min": np.float64(w[0]), "trace": np.float64(np.trace(h)), "frobenius": np.float64(np.linalg.norm(h))}, h


def laws(o, h, loss, paths):
    near = lambda a, b, tol: np.testing.assert_allclose(float(norm(sub(a, b))), 0, atol=tol)
    near(o["grad"], jax.grad(loss)(o["params"]), 1e-14)
    flat = lambda t: np.asarray(jax.flatten_util.ravel_pytree(t)[0])
    np.testing.assert_allclose(h @ flat(o["direction"]), flat(o["hvp"]), atol=1e-12)
    step = 1e-5
    slope = (loss(add(o["params"], scale(step, o["direction"]))) - loss(add(o["params"], scale(-step, o["direction"])))) / (2 * step)
    np.testing.assert_allclose(float(slope), float(dot(o["grad"], o["direction"])), rtol=1e-7)
    small = 1e-5
    for at, term in ((1, "functional_hessian_unit_grad"), (2, "gauss_newton_unit_grad")):
        slope = scale(1 / small, sub(paths(small)[at], o["grad"]))
        assert float(norm(sub(slope, o[term])) / norm(o[term])) < 1e-3, term
    mixed = lambda rho: float(norm(sub(add(paths(rho)[0], o["grad"]), add(paths(rho)[1], paths(rho)[2]))))
    assert 3.5 < mixed(1e-2) / mixed(5e-3) < 4.5
    near(paths(RHO)[1], o["functional_sam"], 1e-14)
    for a in ("sam", "logit_sam", "grad"):
        assert float(norm(sub(o["functional_sam"], o[a]))) > 1e-3, a


if __name__ == "__main__":
    drawn = draw()
    f64, loss, paths = compute(*drawn, jnp.float64)
    h, dense = hessian(f64["params"], loss)
    laws(f64, dense, loss, paths)
    f32, *_ = compute(*drawn, jnp.float32)
    far = jax.tree.map(lambda a, b: float(np.max(np.abs(a - b)) / np.max(np.abs(b))), f32, f64)
    print("largest f32 deviation, relative to each array's maximum:", {k: max(jax.tree.leaves(v)) for k, v in far.items()})
    encode.write("gpt", __file__, {
        "config": {"V": V, "D": D, "H": H, "N": N, "T": T, "B": B, "F": F, "rho": RHO, "damping": DAMP, "ln_eps": 1e-6,
                   "adamw": {"lr": 1e-3, "b1": 0.9, "b2": 0.98, "eps": 1e-9, "weight_decay": 0.1}},
        "hessian_f64": h, "f64": f64, "f32": f32,
    }, dtype="f64 and f32", optax=optax.__version__)
