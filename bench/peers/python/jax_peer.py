"""The JAX column: plain jax.jit on the CPU. Threads are limited from outside (see ../list.ts)."""
import jax
import jax.numpy as jnp
import numpy as np

from common import Job, fill_all, sum_of_squares, once, peak_of, serve

tree = jax.tree


def pure(f, *args):
    """A job that calls compiled `f` and waits. The check is the sum of squares over all results."""
    f = jax.jit(f)
    out = jax.block_until_ready(f(*args))
    return Job(lambda: jax.block_until_ready(f(*args)), check=sum_of_squares(tree.leaves(out)))


def half_square(y):
    return jnp.sum(jnp.square(y)) / 2


def layer_norm(x, scale, bias):
    mean = jnp.mean(x, -1, keepdims=True)
    var = jnp.mean(jnp.square(x - mean), -1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(var + 1e-5) * scale + bias


def conv(x, w):
    return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME")


def cross_entropy(logits, labels):
    logp = jax.nn.log_softmax(logits, -1)
    return -jnp.mean(jnp.take_along_axis(logp, labels[..., None], -1))


def mlp_loss(params, x, labels):
    depth = len(params) // 2
    for i in range(depth):
        x = x @ params[f"w{i}"] + params[f"b{i}"]
        if i < depth - 1:
            x = jax.nn.relu(x)
    return cross_entropy(x, labels)


def gpt_logits(gpt, p, inputs):
    """inputs i32[B,T] -> f32[B,T,V]. The layers are unrolled: on the CPU that steps faster than lax.scan."""
    b, t, d, h = gpt["batch"], gpt["tokens"], gpt["dim"], gpt["heads"]

    def norm(x, scale):
        mean = jnp.mean(x, -1, keepdims=True)
        var = jnp.mean(jnp.square(x - mean), -1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(var + 1e-6) * scale

    def heads(x):
        return x.reshape(b, t, h, d // h)

    x = p["embed"][inputs] + p["pos"]
    mask = jnp.tril(jnp.ones((t, t), bool))
    for i in range(gpt["layers"]):
        y = norm(x, p["ln1"][i])
        q, k, v = heads(y @ p["wq"][i]) / np.sqrt(d // h).astype(np.float32), heads(y @ p["wk"][i]), heads(y @ p["wv"][i])
        scores = jnp.where(mask, jnp.einsum("bqhd,bkhd->bhqk", q, k), -jnp.inf)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, -1), v)
        x = x + mixed.reshape(b, t, d) @ p["wo"][i]
        x = x + jax.nn.gelu(norm(x, p["ln2"][i]) @ p["up"][i], approximate=True) @ p["down"][i]
    return norm(x, p["lnf"]) @ p["embed"].T


def adamw_step(loss, o):
    """(params, m, v, t, *data) -> (loss before the step, params, m, v, t + 1), compiled, the state donated."""
    def step(params, m, v, t, *data):
        t = t + 1
        value, g = jax.value_and_grad(loss)(params, *data)
        m = tree.map(lambda m, g: o["b1"] * m + (1 - o["b1"]) * g, m, g)
        v = tree.map(lambda v, g: o["b2"] * v + (1 - o["b2"]) * jnp.square(g), v, g)
        c1, c2 = 1 - o["b1"] ** t, 1 - o["b2"] ** t
        params = tree.map(lambda p, m, v: p - o["lr"] * (m / c1 / (jnp.sqrt(v / c2) + o["eps"]) + o["decay"] * p), params, m, v)
        return value, params, m, v, t
    return jax.jit(step, donate_argnums=(0, 1, 2, 3))


def training(make, params, data):
    """A job of steps. The check is the loss of the third."""
    state = [params, tree.map(jnp.zeros_like, params), tree.map(jnp.zeros_like, params), jnp.float32(0)]
    step = None

    def run():
        nonlocal step
        step = step or make()
        value, *state[:] = step(*state, *data)
        return float(jax.block_until_ready((value, state))[0])
    return run


def functional_sam(model, rho):
    """(params, inputs, targets) -> gradient at radius rho: the logit cotangent at the parameters, pulled back at the moved ones."""
    def gradient(params, inputs, targets):
        z, pull = jax.vjp(lambda p: model(p, inputs), params)
        c = jax.grad(cross_entropy)(z, targets)
        g, = pull(c)
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(x)) for x in tree.leaves(g)))
        moved = tree.map(lambda p, g: p + rho / norm * g, params, g)
        return jax.vjp(lambda p: model(p, inputs), moved)[1](c)[0]
    return gradient


def prepare(work):
    kind = work["kind"]
    if kind == "chain":
        return chain(work)
    x = tree.map(jnp.asarray, fill_all(work))
    if kind == "gemm":
        return pure(jnp.matmul, x["a"], x["b"])
    if kind == "gate":
        return pure(lambda x: jnp.tanh(x * 1.3 + 0.2) * jax.nn.sigmoid(x), x["x"])
    if kind == "softmax":
        return pure(lambda x: jax.nn.softmax(x, -1), x["x"])
    if kind == "layerNorm":
        f = lambda x, scale, bias: half_square(layer_norm(x, scale, bias))
        return pure(jax.grad(f, (0, 1, 2)) if work["gradient"] else layer_norm, x["x"], x["scale"], x["bias"])
    if kind == "conv":
        return pure(jax.grad(lambda x, w: half_square(conv(x, w)), (0, 1)) if work["gradient"] else conv, x["x"], x["w"])
    if kind == "call":
        return pure(lambda t: tree.map(lambda v: v + 1, t), x)
    if kind == "mlpHvp":
        data = x.pop("x"), x.pop("labels")
        direction = {n[2:]: v for n, v in x.items() if n.startswith("d_")}
        params = {n: v for n, v in x.items() if not n.startswith("d_")}
        gradient = lambda p, *data: jax.grad(mlp_loss)(p, *data)
        return pure(lambda p, d, *data: jax.jvp(lambda q: gradient(q, *data), (p,), (d,))[1], params, direction, *data)
    if kind == "mlpStep":
        data = x.pop("x"), x.pop("labels")
        run = training(lambda: adamw_step(mlp_loss, work["adamw"]), x, data)
        return Job(run, check=[run() for _ in range(3)][-1])
    gpt, tokens = work["gpt"], x.pop("tokens")
    data = tokens[:, :-1], tokens[:, 1:]
    loss = lambda p, inputs, targets: cross_entropy(gpt_logits(gpt, p, inputs), targets)
    if kind == "gptStep":
        run = training(lambda: adamw_step(loss, work["adamw"]), x, data)
        return Job(sample=lambda: once(run)) if work["first"] else Job(run, check=[run() for _ in range(3)][-1])
    if work.get("rho") is not None:
        return pure(functional_sam(lambda p, inputs: gpt_logits(gpt, p, inputs), work["rho"]), x, *data)
    return pure(jax.grad(loss), x, *data)


def chain(work):
    def program(x):
        h = x
        for _ in range(work["links"]):
            h = h @ x
        return h
    f = jax.jit(program)
    data = fill_all(work)["x"]
    for n in (64, 96, 128):
        jax.block_until_ready(f(jnp.zeros((n, n))))
    compiled = f.lower(jax.ShapeDtypeStruct(data.shape, data.dtype)).compile()
    return Job(sample=lambda: peak_of(lambda: jax.block_until_ready(compiled(jnp.array(data)))))


if __name__ == "__main__":
    serve(f"JAX {jax.__version__}", prepare)
