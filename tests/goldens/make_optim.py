"""optim.json: optax trajectories of five steps under given gradients, and schedules at thirteen steps and beyond.

The gradients are data, not a function of the parameters: an optimizer is tested alone. f64 and f32 take the same inputs.
Every trajectory is recomputed in NumPy from the formula README.md gives, so that the README cannot drift from the numbers.
"""
import jax
import jax.numpy as jnp
import numpy as np
import optax

import encode

jax.config.update("jax_enable_x64", True)
STEPS, LR = 5, 0.05


def inputs():
    rng = np.random.Generator(np.random.PCG64(77))
    params = {"b": rng.standard_normal(3), "w": rng.standard_normal((2, 3))}
    grads = {k: rng.standard_normal((STEPS, *v.shape)) * np.array([3.0, 0.1, 1.0, 5.0, 0.01]).reshape(-1, *([1] * v.ndim)) for k, v in params.items()}
    grads["b"][:, 0] = 0                                # a parameter that never has a gradient
    return params, grads


# name: (attributes, optax transformation, formula: (p, g, state, t, all gradients of the step) -> (p, state))
def zeros(p, n):
    return [np.zeros_like(p) for _ in range(n)]


def sgd(p, g, s, t, _):
    return p - LR * g, s


def momentum(p, g, s, t, _):
    m = 0.9 * s[0] + g
    return p - LR * m, [m, s[1]]


def nesterov(p, g, s, t, _):
    m = 0.9 * s[0] + g
    return p - LR * (g + 0.9 * m), [m, s[1]]


def adam(p, g, s, t, _, b1=0.9, b2=0.999, eps=1e-8, wd=0.0):
    m, v = b1 * s[0] + (1 - b1) * g, b2 * s[1] + (1 - b2) * g * g
    return p - LR * (m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps) + wd * p), [m, v]


def adamw(p, g, s, t, _):
    return adam(p, g, s, t, _, b2=0.98, eps=1e-9, wd=0.1)


def lion(p, g, s, t, _):
    m = s[0]
    return p - LR * (np.sign(0.9 * m + 0.1 * g) + 0.01 * p), [0.99 * m + 0.01 * g, s[1]]


def clipped_adam(p, g, s, t, everything):
    norm = np.sqrt(sum(np.sum(x * x) for x in everything.values()))
    return adam(p, g if norm < 1 else g / norm, s, t, everything)


def rmsprop(p, g, s, t, _):
    v = 0.9 * s[0] + 0.1 * g * g
    return p - LR * g / np.sqrt(v + 1e-8), [v, s[1]]


def adagrad(p, g, s, t, _):
    v = (s[0] if t > 1 else 0.1) + g * g
    return p - LR * np.where(v > 0, g / np.sqrt(v + 1e-7), 0), [v, s[1]]


OPTIMIZERS = {
    "sgd": ({}, optax.sgd(LR), sgd),
    "momentum": ({"momentum": 0.9}, optax.sgd(LR, momentum=0.9), momentum),
    "nesterov": ({"momentum": 0.9}, optax.sgd(LR, momentum=0.9, nesterov=True), nesterov),
    "adam": ({"b1": 0.9, "b2": 0.999, "eps": 1e-8}, optax.adam(LR), adam),
    "adamw": ({"b1": 0.9, "b2": 0.98, "eps": 1e-9, "weight_decay": 0.1}, optax.adamw(LR, 0.9, 0.98, 1e-9, weight_decay=0.1), adamw),
    "lion": ({"b1": 0.9, "b2": 0.99, "weight_decay": 0.01}, optax.lion(LR, 0.9, 0.99, weight_decay=0.01), lion),
    "clip_adam": ({"max_norm": 1.0, "b1": 0.9, "b2": 0.999, "eps": 1e-8}, optax.chain(optax.clip_by_global_norm(1.0), optax.adam(LR)), clipped_adam),
    "rmsprop": ({"decay": 0.9, "eps": 1e-8}, optax.rmsprop(LR, decay=0.9, eps=1e-8), rmsprop),
    "adagrad": ({"initial_accumulator": 0.1, "eps": 1e-7}, optax.adagrad(LR), adagrad),
}


def trajectory(opt, params, grads):
    state, rows = opt.init(params), []
    for t in range(STEPS):
        updates, state = opt.update(jax.tree.map(lambda g: g[t], grads), state, params)
        params = optax.apply_updates(params, updates)
        rows.append(params)
    return jax.tree.map(lambda *xs: jnp.stack(xs), *rows)


def by_formula(step, params, grads):
    out = {}
    for k, p in params.items():
        s, rows = zeros(p, 2), []
        for t in range(STEPS):
            p, s = step(p, grads[k][t], s, t + 1, {n: g[t] for n, g in grads.items()})
            rows.append(p)
        out[k] = np.stack(rows)
    return out


def optimizers(params, grads):
    out = {}
    for name, (attrs, opt, step) in OPTIMIZERS.items():
        row = {"learning_rate": LR, **attrs}
        for label, dtype in (("f64", jnp.float64), ("f32", jnp.float32)):
            cast = lambda t: jax.tree.map(lambda x: jnp.asarray(x, dtype), t)
            row[label] = trajectory(opt, cast(params), cast(grads))
            assert all(x.dtype == dtype for x in jax.tree.leaves(row[label]))
        for k, want in by_formula(step, params, grads).items():
            np.testing.assert_allclose(row["f64"][k], want, rtol=1e-12, atol=1e-14, err_msg=name)
            np.testing.assert_allclose(row["f32"][k], want, rtol=2e-5, atol=2e-6, err_msg=name)
        out[name] = row
    return out


def schedules():
    steps = np.array([*range(13), 15, 100], np.int32)
    table = {
        "constant": ({"value": 0.3}, optax.constant_schedule(0.3), lambda s: 0.3),
        "linear": ({"init": 1.0, "end": 0.1, "steps": 9}, optax.linear_schedule(1.0, 0.1, 9), lambda s: 1.0 + (0.1 - 1.0) * min(s, 9) / 9),
        "cosine": ({"init": 0.5, "steps": 10, "alpha": 0.1}, optax.cosine_decay_schedule(0.5, 10, 0.1),
                   lambda s: 0.5 * (0.9 * 0.5 * (1 + np.cos(np.pi * min(s, 10) / 10)) + 0.1)),
        "warmup_cosine": ({"init": 1.6e-4, "peak": 1.6e-3, "warmup": 4, "steps": 12, "end": 1.6e-4}, optax.warmup_cosine_decay_schedule(1.6e-4, 1.6e-3, 4, 12, 1.6e-4),
                          lambda s: 1.6e-4 + 1.44e-3 * s / 4 if s < 4 else 1.6e-4 + 1.44e-3 * 0.5 * (1 + np.cos(np.pi * min(s - 4, 8) / 8))),
        "exponential": ({"init": 1.0, "steps": 4, "rate": 0.5}, optax.exponential_decay(1.0, 4, 0.5), lambda s: 0.5 ** (s / 4)),
    }
    out = {}
    for name, (attrs, f, formula) in table.items():
        # The formula is stored: optax keeps some of these in f32. It must agree with optax to f32.
        want = np.array([formula(int(s)) for s in steps])
        np.testing.assert_allclose([float(f(jnp.asarray(s))) for s in steps], want, rtol=1e-6)
        out[name] = {**attrs, "at": steps, "out": want}
    return out


def clipping(grads):
    out = []
    for t in (0, 4):
        g = {k: v[t] for k, v in grads.items()}
        opt = optax.clip_by_global_norm(1.0)
        out.append({"max_norm": 1.0, "norm": optax.global_norm(g), "grads": g, "out": opt.update(g, opt.init(g))[0]})
    return out


if __name__ == "__main__":
    params, grads = inputs()
    encode.write("optim", __file__, {"steps": STEPS, "params": params, "grads": grads, "optimizers": optimizers(params, grads),
                                     "schedules": schedules(), "clip_by_global_norm": clipping(grads)}, dtype="f64 and f32", optax=optax.__version__)
