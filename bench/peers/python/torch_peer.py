"""The torch column: eager mode on the CPU, with the fused forms a user would choose (layer_norm, scaled_dot_product_attention, fused AdamW)."""
import os

import torch
import torch.nn.functional as F

from common import Job, fill_all, sum_of_squares, once, peak_of, serve

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def pure(f, *args, gradients=False):
    """A job that calls `f`. The check is the sum of squares over all results."""
    def run():
        if gradients:
            return f(*args)
        with torch.inference_mode():
            return f(*args)
    out = run()
    return Job(run, check=sum_of_squares([t.detach().numpy() for t in (out if isinstance(out, (tuple, list)) else [out])]))


def gradients_of(f, *args):
    """Gradients of sum(y²)/2 in all arguments, y = f(...)."""
    args = [a.requires_grad_() for a in args]
    return pure(lambda *a: torch.autograd.grad(f(*a).square().sum() / 2, a), *args, gradients=True)


def mlp_loss(params, x, labels):
    depth = len(params) // 2
    for i in range(depth):
        x = torch.addmm(params[f"b{i}"], x, params[f"w{i}"])
        if i < depth - 1:
            x = F.relu(x)
    return F.cross_entropy(x, labels)


def gpt_logits(gpt, p, inputs):
    """inputs i64[B,T] -> f32[B,T,V]."""
    b, t, d, h = gpt["batch"], gpt["tokens"], gpt["dim"], gpt["heads"]
    norm = lambda x, scale: F.layer_norm(x, (d,), scale, None, 1e-6)
    heads = lambda x: x.view(b, t, h, d // h).transpose(1, 2)
    layers = {name: p[name].unbind(0) for name in ("ln1", "wq", "wk", "wv", "wo", "ln2", "up", "down")}
    x = F.embedding(inputs, p["embed"]) + p["pos"]
    for i in range(gpt["layers"]):
        w = {name: parts[i] for name, parts in layers.items()}
        y = norm(x, w["ln1"])
        mixed = F.scaled_dot_product_attention(heads(y @ w["wq"]), heads(y @ w["wk"]), heads(y @ w["wv"]), is_causal=True)
        x = x + mixed.transpose(1, 2).reshape(b, t, d) @ w["wo"]
        x = x + F.gelu(norm(x, w["ln2"]) @ w["up"], approximate="tanh") @ w["down"]
    return norm(x, p["lnf"]) @ p["embed"].T


def training(loss, params, o):
    """A function that takes one AdamW step and gives the loss before it."""
    params = {n: p.requires_grad_() for n, p in params.items()}
    optimizer = torch.optim.AdamW(params.values(), lr=o["lr"], betas=(o["b1"], o["b2"]), eps=o["eps"], weight_decay=o["decay"], fused=True)

    def run():
        optimizer.zero_grad()
        value = loss(params)
        value.backward()
        optimizer.step()
        return value.item()
    return run


def prepare(work):
    kind = work["kind"]
    if kind == "chain":
        return chain(work)
    x = {n: torch.from_numpy(a) for n, a in fill_all(work).items()}
    if kind == "gemm":
        return pure(torch.matmul, x["a"], x["b"])
    if kind == "gate":
        return pure(lambda x: torch.tanh(x * 1.3 + 0.2) * torch.sigmoid(x), x["x"])
    if kind == "softmax":
        return pure(lambda x: torch.softmax(x, -1), x["x"])
    if kind == "layerNorm":
        f = lambda x, scale, bias: F.layer_norm(x, x.shape[-1:], scale, bias, 1e-5)
        return (gradients_of if work["gradient"] else pure)(f, x["x"], x["scale"], x["bias"])
    if kind == "conv":
        return (gradients_of if work["gradient"] else pure)(lambda x, w: F.conv2d(x, w, padding=1), x["x"], x["w"])
    if kind == "call":
        return pure(lambda *xs: [v + 1 for v in xs], *x.values())
    if kind in ("mlpStep", "mlpHvp"):
        data = x.pop("x"), x.pop("labels").long()
    if kind == "mlpStep":
        run = training(lambda p: mlp_loss(p, *data), x, work["adamw"])
        return Job(run, check=[run() for _ in range(3)][-1])
    if kind == "mlpHvp":
        names = [n for n in x if not n.startswith("d_")]
        params, direction = [x[n].requires_grad_() for n in names], [x["d_" + n] for n in names]

        def product(*params):
            g = torch.autograd.grad(mlp_loss(dict(zip(names, params)), *data), params, create_graph=True)
            return torch.autograd.grad(g, params, grad_outputs=direction)
        return pure(product, *params, gradients=True)
    gpt, tokens = work["gpt"], x.pop("tokens").long()
    inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    cross_entropy = lambda z: F.cross_entropy(z.flatten(0, 1), targets.flatten())
    if kind == "gptStep":
        run = training(lambda p: cross_entropy(gpt_logits(gpt, p, inputs)), x, work["adamw"])
        return Job(sample=lambda: once(run)) if work["first"] else Job(run, check=[run() for _ in range(3)][-1])
    names, params = list(x), [p.requires_grad_() for p in x.values()]
    model = lambda params: gpt_logits(gpt, dict(zip(names, params)), inputs)
    if work.get("rho") is None:
        return pure(lambda *params: torch.autograd.grad(cross_entropy(model(params)), params), *params, gradients=True)

    def functional_sam(*params):
        z = model(params)
        c, = torch.autograd.grad(cross_entropy(z), z, retain_graph=True)
        g = torch.autograd.grad(z, params, c)
        with torch.no_grad():
            factor = work["rho"] / torch.sqrt(sum(v.square().sum() for v in g))
            moved = [(p + factor * v).requires_grad_() for p, v in zip(params, g)]
        return torch.autograd.grad(model(moved), moved, c)
    return pure(functional_sam, *params, gradients=True)


def chain(work):
    data = fill_all(work)["x"]

    def program(x):
        h = x
        for _ in range(work["links"]):
            h = h @ x
        return h
    with torch.inference_mode():
        for n in (64, 96, 128):
            program(torch.zeros(n, n))

    def run():
        with torch.inference_mode():
            program(torch.from_numpy(data).clone())
    return Job(sample=lambda: peak_of(run))


if __name__ == "__main__":
    serve(f"torch {torch.__version__.split('+')[0]}", prepare)
