"""PyTorch and JAX on the card: `peers.py torch|jax ROWS SECONDS`, ROWS as JSON (see work.ts). One JSON line a row: {"id", "ms"} or {"id", "reason"}; first {"title"} or {"absent"}."""
import json
import sys
import time


def median(xs):
    xs = sorted(xs)
    return xs[len(xs) // 2]


def measure(run, wait, seconds):
    """Milliseconds of one evaluation: batches of evaluations, waited for together; the median batch."""
    run(), wait()
    begin = time.perf_counter()
    run(), wait()
    times = max(1, min(1000, int(0.05 / max(1e-6, time.perf_counter() - begin))))
    samples, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 3:
        begin = time.perf_counter()
        for _ in range(times):
            run()
        wait()
        samples.append((time.perf_counter() - begin) * 1e3 / times)
    return median(samples)


def with_torch():
    import torch
    import torch.nn.functional as F
    if not torch.cuda.is_available():
        raise ImportError("this PyTorch sees no card")
    dev = "cuda"
    rand = lambda *s: torch.rand(*s, device=dev) * 2 - 1

    def half_square(y):
        return (y * y).sum() / 2

    def prepare(w):
        k = w["kind"]
        torch.backends.cuda.matmul.allow_tf32 = w.get("type") == "tf32"
        if k == "gemm":
            t = {"bf16": torch.bfloat16, "f16": torch.float16}.get(w["type"], torch.float32)
            a, b = rand(w["m"], w["k"]).to(t), rand(w["k"], w["n"]).to(t)
            return lambda: a @ b
        if k in ("copy", "gate"):
            x = rand(w["n"])
            return torch.compile(lambda: -x) if k == "copy" else torch.compile(lambda: torch.tanh(1.3 * x + 0.2) * torch.sigmoid(x))
        if k == "softmax":
            x = rand(w["rows"], w["columns"])
            return torch.compile(lambda: torch.softmax(x, -1))
        if k in ("layerNorm", "layerNormGradient"):
            c = w["columns"]
            p = [rand(w["rows"], c).requires_grad_(), rand(c).requires_grad_(), rand(c).requires_grad_()]
            norm = torch.compile(lambda x, s, b: F.layer_norm(x, (c,), s, b, 1e-5))
            if k == "layerNorm":
                with torch.no_grad():
                    return torch.no_grad()(lambda: norm(*p))
            return lambda: torch.autograd.grad(half_square(norm(*p)), p)
        if k == "attention":
            shape = (w["b"], w["h"], w["t"], w["d"])
            p = [rand(*shape).bfloat16().requires_grad_() for _ in range(3)]
            run = lambda: F.scaled_dot_product_attention(*p, is_causal=True)
            return (lambda: torch.autograd.grad(run().float().sum(), p)) if w["gradient"] else torch.no_grad()(run)
        if k == "gptStep":
            return gpt(w)
        x = rand(16)
        return lambda: x + 1

    def gpt(w):
        if w["rho"] is not None:
            raise NotImplementedError("Functional-SAM is pullback's")
        import torch.nn as nn
        n, width, h, t, b, v = (w[x] for x in ("n", "width", "h", "t", "b", "v"))

        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.ln1, self.ln2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
                self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
                self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

            def forward(self, x):
                q, k, u = (y.view(b, t, h, width // h).transpose(1, 2) for y in self.qkv(self.ln1(x)).chunk(3, -1))
                x = x + self.out(F.scaled_dot_product_attention(q, k, u, is_causal=True).transpose(1, 2).reshape(b, t, width))
                return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))

        class Gpt(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed, self.pos = nn.Embedding(v, width), nn.Parameter(torch.zeros(t, width))
                self.blocks, self.ln = nn.ModuleList([Block() for _ in range(n)]), nn.LayerNorm(width, bias=False)

            def forward(self, x):
                y = self.embed(x) + self.pos
                for block in self.blocks:
                    y = block(y)
                return self.ln(y) @ self.embed.weight.T

        model = Gpt().to(dev)
        tokens = torch.randint(0, v, (b, t + 1), device=dev)
        opt = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)

        @torch.compile
        def loss():
            with torch.autocast(dev, torch.bfloat16, enabled=w["compute"] == "bf16"):
                return F.cross_entropy(model(tokens[:, :-1]).reshape(-1, v), tokens[:, 1:].reshape(-1))

        def step():
            opt.zero_grad(set_to_none=True)
            loss().backward()
            opt.step()
        return step

    return f"PyTorch {torch.__version__}, {torch.cuda.get_device_name()}", prepare, torch.cuda.synchronize


def with_jax():
    import jax
    import jax.numpy as jnp
    if jax.default_backend() != "gpu":
        raise ImportError("this JAX sees no card")
    last = [None]

    def keep(f, *args):
        f = jax.jit(f)

        def run():
            last[0] = f(*args)
        return run

    def rand(seed, *s):
        return jax.random.uniform(jax.random.key(seed), s, minval=-1)

    def norm(x, s, b):
        m = x.mean(-1, keepdims=True)
        c = x - m
        return c * jax.lax.rsqrt((c * c).mean(-1, keepdims=True) + 1e-5) * s + b

    def prepare(w):
        k = w["kind"]
        if k == "gemm":
            t = {"bf16": jnp.bfloat16, "f16": jnp.float16}.get(w["type"], jnp.float32)
            precision = {"f32": "highest", "ffma": "highest", "tf32": "high"}.get(w["type"])
            return keep(lambda a, b: jnp.matmul(a, b, precision=precision), rand(1, w["m"], w["k"]).astype(t), rand(2, w["k"], w["n"]).astype(t))
        if k == "copy":
            return keep(lambda x: -x, rand(3, w["n"]))
        if k == "gate":
            return keep(lambda x: jnp.tanh(1.3 * x + 0.2) * jax.nn.sigmoid(x), rand(3, w["n"]))
        if k == "softmax":
            return keep(lambda x: jax.nn.softmax(x, -1), rand(4, w["rows"], w["columns"]))
        if k in ("layerNorm", "layerNormGradient"):
            p = rand(5, w["rows"], w["columns"]), rand(6, w["columns"]), rand(7, w["columns"])
            return keep(norm if k == "layerNorm" else jax.grad(lambda *q: (norm(*q) ** 2).sum() / 2, argnums=(0, 1, 2)), *p)
        if k == "attention":
            p = [rand(s, w["b"], w["t"], w["h"], w["d"]).astype(jnp.bfloat16) for s in (8, 9, 10)]
            f = lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=True)
            return keep(jax.grad(lambda *q: f(*q).astype(jnp.float32).sum(), argnums=(0, 1, 2)) if w["gradient"] else f, *p)
        if k == "gptStep":
            raise NotImplementedError("the GPT of this row is compared with PyTorch")
        return keep(lambda x: x + 1, rand(11, 16))

    return f"JAX {jax.__version__}, {jax.devices()[0].device_kind}", prepare, lambda: jax.block_until_ready(last[0])


def main():
    which, rows, seconds = sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3])
    say = lambda **x: print(json.dumps(x), flush=True)
    try:
        title, prepare, wait = {"torch": with_torch, "jax": with_jax}[which]()
    except ImportError as e:
        return say(absent=str(e))
    say(title=title)
    for row in rows:
        try:
            say(id=row["id"], ms=measure(prepare(row["work"]), wait, seconds))
        except Exception as e:
            say(id=row["id"], reason=f"{type(e).__name__}: {e}".split("\n")[0])


main()
