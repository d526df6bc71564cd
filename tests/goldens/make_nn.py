"""nn.json: layers and losses with their gradients, in f64. Letters: B batch, T tokens, H heads, D head size, M model, V classes.

Values come from jax.nn, flax and optax where they have the layer, and are checked against the formula written out; what
none of them has (z-loss with a token mask) is the formula alone.
"""
import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

import encode
from ops_linear import Cases

jax.config.update("jax_enable_x64", True)


def agree(a, b, tol=1e-11):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=tol, atol=tol / 10)


SOFTMAX_F32 = 1e-5      # jax.nn.dot_product_attention takes its softmax in f32 even for f64 inputs


def norms(c):
    ins = {"x": 2 + 3 * c.normal(2, 3, 5), "scale": 1 + 0.1 * c.normal(5), "bias": c.normal(5)}

    def layer(x, scale, bias, eps=1e-6):
        mean = jnp.mean(x, -1, keepdims=True)
        return (x - mean) / jnp.sqrt(jnp.mean((x - mean) ** 2, -1, keepdims=True) + eps) * scale + bias

    def rms(x, scale, eps=1e-6):
        return x / jnp.sqrt(jnp.mean(x * x, -1, keepdims=True) + eps) * scale

    flaxed = linen.LayerNorm(epsilon=1e-6, use_fast_variance=False).apply({"params": {"scale": ins["scale"], "bias": ins["bias"]}}, ins["x"])
    agree(flaxed, layer(**ins))
    agree(linen.RMSNorm(epsilon=1e-6).apply({"params": {"scale": ins["scale"]}}, ins["x"]), rms(ins["x"], ins["scale"]))
    constant = {**ins, "x": np.full((1, 2, 5), 3.0)}
    two = lambda d: {k: d[k] for k in ("x", "scale")}
    return {"layer_norm": [c.case(layer, ins, eps=1e-6), c.case(layer, constant, eps=1e-6, of="a constant row"),
                           c.case(lambda x, scale: layer(x, scale, 0.0), two(ins), eps=1e-6, of="scale only")],
            "rms_norm": [c.case(rms, two(ins), eps=1e-6), c.case(rms, {**two(ins), "x": np.zeros((1, 2, 5))}, eps=1e-6, of="a zero row")]}


def attend(q, k, v, mask=None):
    """q [B,T,H,D], k, v [B,S,H,D] -> [B,T,H,D]; mask bool, broadcasts to [B,H,T,S], true where a query may look."""
    scores = jnp.einsum("bthd,bshd->bhts", q, k) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = jnp.where(mask, scores, -jnp.inf)
    return jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(scores, -1), v)


def attention(c):
    ins = {"q": c.normal(2, 4, 2, 3), "k": c.normal(2, 4, 2, 3), "v": c.normal(2, 4, 2, 3)}
    full, causal = np.ones((4, 4), bool), np.tril(np.ones((4, 4), bool))
    lengths = np.array([4, 2])
    padded = (np.arange(4) < lengths[:, None])[:, None, None, :] & causal
    cases = []
    for of, mask in (("full", full), ("causal", causal), ("causal and padded", padded)):
        agree(attend(**ins, mask=mask), jax.nn.dot_product_attention(*map(jnp.asarray, ins.values()), mask=jnp.broadcast_to(mask, (2, 2, 4, 4))), SOFTMAX_F32)
        cases.append({**c.case(lambda q, k, v: attend(q, k, v, mask), ins, of=of), "mask": mask})
    agree(cases[1]["out"], jax.nn.dot_product_attention(*map(jnp.asarray, ins.values()), is_causal=True), SOFTMAX_F32)
    grouped = {"q": c.normal(1, 3, 4, 2), "k": c.normal(1, 5, 2, 2), "v": c.normal(1, 5, 2, 2)}
    share = lambda q, k, v: attend(q, jnp.repeat(k, 2, axis=2), jnp.repeat(v, 2, axis=2))
    agree(share(**grouped), jax.nn.dot_product_attention(*map(jnp.asarray, grouped.values())), SOFTMAX_F32)
    return [*cases, c.case(share, grouped, of="grouped: 4 query heads, 2 key heads, cross (T 3, S 5)")]


def multi_head(c):
    """x [B,T,M]; wq, wk, wv, wo [M,M]; the model axis splits into H contiguous heads."""
    B, T, M, H = 2, 4, 6, 2
    ins = {"x": c.normal(B, T, M), **{w: 0.5 * c.normal(M, M) for w in ("wq", "wk", "wv", "wo")}}
    causal = np.tril(np.ones((T, T), bool))
    mask = causal & (np.arange(T) < np.array([4, 3])[:, None])[:, None, None, :]

    def f(x, wq, wk, wv, wo):
        heads = lambda w: (x @ w).reshape(B, T, H, M // H)
        return attend(heads(wq), heads(wk), heads(wv), mask).reshape(B, T, M) @ wo

    params = {n: {"kernel": ins[w].reshape(M, H, M // H)} for n, w in (("query", "wq"), ("key", "wk"), ("value", "wv"))}
    params["out"] = {"kernel": ins["wo"].reshape(H, M // H, M)}
    layer = linen.MultiHeadDotProductAttention(num_heads=H, use_bias=False, dtype=jnp.float64, param_dtype=jnp.float64)
    agree(layer.apply({"params": params}, ins["x"], mask=jnp.broadcast_to(mask, (B, 1, T, T))), f(**ins))
    return [{**c.case(f, ins, heads=H), "mask": mask}]


def activations(c):
    x = np.concatenate([np.linspace(-6, 6, 25), [-40.0, 40.0]])
    fs = {"gelu_tanh": lambda x: jax.nn.gelu(x, approximate=True), "gelu_erf": lambda x: jax.nn.gelu(x, approximate=False), "silu": jax.nn.silu,
          "relu": jax.nn.relu, "elu": jax.nn.elu, "selu": jax.nn.selu, "softplus": jax.nn.softplus, "mish": jax.nn.mish, "leaky_relu": jax.nn.leaky_relu,
          "hard_tanh": jax.nn.hard_tanh, "soft_sign": jax.nn.soft_sign, "squareplus": jax.nn.squareplus, "log_sigmoid": jax.nn.log_sigmoid}
    kink = {"relu", "elu", "selu", "leaky_relu", "hard_tanh"}
    out = []
    for op, f in fs.items():
        at = x[(x != 0) & (np.abs(x) != 1)] if op in kink else x     # corners are a convention: see ops.json
        out.append({"op": op, "x": at, "out": f(at), "grad": jax.vmap(jax.grad(f))(at), "second": jax.vmap(jax.grad(jax.grad(f)))(at)})
    return out


def losses(c):
    B, T, V = 2, 3, 5
    z = {"logits": 3 * c.normal(B, T, V)}
    targets = c.rng.integers(0, V, (B, T)).astype(np.int32)
    mask = np.array([[1, 1, 0], [1, 0, 0]], bool)
    hot = np.eye(V)[targets]

    def loss(logits, smoothing=0.0, z_loss=0.0, weights=None):
        """Per token: -sum(t log p) + z_loss * lse^2, t = (1 - a) onehot + a / V; mean over the tokens that the mask keeps."""
        lse = jax.nn.logsumexp(logits, -1)
        t = (1 - smoothing) * hot + smoothing / V
        each = lse - jnp.sum(t * logits, -1) + z_loss * lse**2
        w = jnp.ones((B, T)) if weights is None else weights.astype(jnp.float64)
        return jnp.sum(w * each) / jnp.sum(w)

    agree(loss(z["logits"]), jnp.mean(optax.softmax_cross_entropy_with_integer_labels(z["logits"], targets)))
    agree(loss(z["logits"], 0.1), jnp.mean(optax.softmax_cross_entropy(z["logits"], optax.smooth_labels(hot, 0.1))))
    cases = []
    for attrs in ({}, {"label_smoothing": 0.1}, {"z_loss": 1e-2}, {"masked": True}, {"label_smoothing": 0.1, "z_loss": 1e-2, "masked": True}):
        f = lambda logits: loss(logits, attrs.get("label_smoothing", 0.0), attrs.get("z_loss", 0.0), mask if attrs.get("masked") else None)
        cases.append({**c.case(f, z, label_smoothing=attrs.get("label_smoothing", 0.0), z_loss=attrs.get("z_loss", 0.0)),
                      "targets": targets, "mask": mask if attrs.get("masked") else None})
    extreme = {"logits": np.array([[1000.0, 0.0, -1000.0], [0.0, 1000.0, 0.0]])}
    pick = np.array([2, 1], np.int32)
    f = lambda logits: jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, pick))
    cases.append({**c.case(f, extreme, label_smoothing=0.0, z_loss=0.0, of="extreme"), "targets": pick, "mask": None})
    y, t = c.normal(6), c.normal(6)
    bits = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    wide = np.array([-800.0, -800.0, 800.0, 800.0, 0.3, -0.3])
    other = [c.case(lambda y: optax.squared_error(y, t).mean(), {"y": y}, op="mean squared error"),
             c.case(lambda y: optax.huber_loss(y, t, delta=0.5).mean(), {"y": y}, op="huber", delta=0.5)]
    other = [{**case, "targets": t} for case in other]
    other.append({**c.case(lambda y: optax.sigmoid_binary_cross_entropy(y, bits).mean(), {"y": wide}, op="sigmoid binary cross-entropy"), "targets": bits})
    cap = c.case(lambda x: 5.0 * jnp.tanh(x / 5.0), {"x": 4 * c.normal(6)}, op="soft cap", cap=5.0)
    return {"cross_entropy": cases, "other_losses": other, "soft_cap": [cap]}


def embedding(c):
    tokens = np.array([[0, 3, 3], [1, 0, 3]], np.int32)
    return [{**c.case(lambda table: table[tokens], {"table": c.normal(5, 4)}), "tokens": tokens}]


def rope(c):
    """x [B,T,H,D]: pair (x[i], x[i + D/2]) turns by position * 10000^(-2i/D) (the half-split form)."""
    x = {"x": c.normal(1, 4, 2, 6)}

    def f(x):
        half = x.shape[-1] // 2
        angle = np.arange(x.shape[1])[:, None] * 10000.0 ** (-np.arange(half) / half)
        cos, sin = np.cos(angle)[:, None, :], np.sin(angle)[:, None, :]
        a, b = x[..., :half], x[..., half:]
        return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1)

    return [c.case(f, x, base=10000.0)]


if __name__ == "__main__":
    encode.write("nn", __file__, {**norms(Cases(401)), "attention": attention(Cases(402)), "multi_head": multi_head(Cases(403)),
                                  "activations": activations(Cases(404)), **losses(Cases(405)), "embedding": embedding(Cases(406)), "rope": rope(Cases(407))},
                 dtype="f64", flax=flax.__version__, optax=optax.__version__)
