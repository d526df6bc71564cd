"""random.json: JAX's default PRNG (threefry2x32, partitionable layout), every case checked against reference_random.py first.

32-bit cases run with x64 off, as JAX's defaults are; 64-bit dtypes run with x64 on. A value depends on its dtype, never on
the mode, but for the seed of key(): see README.md.
"""
import jax
import jax.extend
import jax.numpy as jnp
import numpy as np

import encode
import reference_random as ref

assert jax.config.jax_threefry_partitionable and jax.config.jax_default_prng_impl == "threefry2x32"
R = jax.random
SEEDS = [0, 1, 42, 2**31 - 1, 2**31, 2**32 - 1, 2**40 + 3, -1, -(2**31)]
F32, F64 = np.float32, np.float64
worst = {}


def exact(got, want):
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype and got.shape == want.shape, (got.dtype, want.dtype, got.shape, want.shape)
    np.testing.assert_array_equal(got, want)
    return got


def close(name, got, want, ulps):
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype and got.shape == want.shape
    distance = float(np.max(np.abs(got - want) / np.spacing(np.maximum(np.abs(want), want.dtype.type(0.25)))))
    worst[name] = max(worst.get(name, 0), distance)
    assert distance <= ulps, (name, distance)
    return got


def data(k):
    return np.asarray(R.key_data(k))


def seeded(x64):
    rows = []
    with jax.enable_x64(x64):
        for s in SEEDS:
            rows.append({"seed": str(s), "key": exact(data(R.key(s)), ref.key(s, x64))})
    return rows


def wide(dtype):
    return jax.enable_x64(np.dtype(dtype).itemsize == 8)


def build():
    out = {"key": seeded(False), "key_x64": seeded(True)}
    ones, pi = [0xFFFFFFFF] * 2, ([0x13198A2E, 0x03707344], [0x243F6A88, 0x85A308D3])
    out["threefry2x32"] = []
    for k, ctr, known in [([0, 0], [0, 0], [0x6B200159, 0x99BA4EFE]), (ones, ones, [0x1CB996FC, 0xBB002BE7]),
                          (*pi, [0xC4923A9C, 0x483DF7A0]), ([1, 2], [3, 4], None)]:
        got = np.array(ref.threefry2x32(np.array(k, np.uint32), *np.array(ctr, np.uint32)), np.uint32)
        if known is not None:                                       # Random123's published vectors
            exact(got, np.array(known, np.uint32))
        low = jax.extend.random.threefry_2x32(jnp.array(k, jnp.uint32), jnp.array(ctr, jnp.uint32))
        exact(low, got)
        out["threefry2x32"].append({"key": np.array(k, np.uint32), "counter": np.array(ctr, np.uint32), "out": got})

    base = R.key(42)
    raw = ref.key(42)
    out["split"] = [{"key": ref.key(s), "num": n, "out": exact(data(R.split(R.key(s), n)), ref.split(ref.key(s), (n,)))}
                    for s in (0, 42, 2**32 - 1) for n in (1, 2, 3, 7)]
    out["split_shape"] = [{"key": raw, "shape": [2, 3], "out": exact(data(R.split(base, (2, 3))), ref.split(raw, (2, 3)))}]
    out["fold_in"] = [{"key": ref.key(s), "data": d, "out": exact(data(R.fold_in(R.key(s), np.uint32(d))), ref.fold_in(ref.key(s), d))}
                      for s in (0, 42) for d in (0, 1, 7, 1000, 2**31, 2**32 - 1)]

    out["bits"] = []
    for width in (32, 8, 16, 64):
        dtype = np.dtype(f"uint{width}")
        with wide(dtype):
            for shape in ((), (5,), (3, 4), (0,)):
                out["bits"].append({"key": raw, "shape": list(shape), "width": width,
                                    "out": exact(R.bits(base, shape, dtype), ref.bits(raw, shape, width))})

    out["uniform"], out["normal"], out["truncated_normal"], out["exponential"], out["gumbel"] = [], [], [], [], []
    for dtype in (F32, F64):
        name = np.dtype(dtype).name
        with wide(dtype):
            for shape in ((), (7,), (3, 4)):
                for lo, hi in ((0.0, 1.0), (-3.3, 7.7), (2.0, 2.5)):
                    got = R.uniform(base, shape, dtype, lo, hi)
                    want = ref.uniform(raw, shape, dtype, lo, hi)
                    got = exact(got, want) if dtype is F32 else close("uniform f64", got, want, 1)
                    out["uniform"].append({"key": raw, "shape": list(shape), "minval": lo, "maxval": hi, "out": got})
            for seed, shape in ((42, ()), (42, (5,)), (0, (3, 4)), (1, (200,))):
                k, rk = R.key(seed), ref.key(seed)
                got = close(f"normal {name}", R.normal(k, shape, dtype), ref.normal(rk, shape, dtype), 8 if dtype is F32 else 64)
                out["normal"].append({"key": rk, "shape": list(shape), "out": got})
            for lo, hi in ((-2.0, 2.0), (-1.0, 0.5), (0.5, 3.0)):
                got = close(f"truncated_normal {name}", R.truncated_normal(base, lo, hi, (20,), dtype),
                            ref.truncated_normal(raw, lo, hi, (20,), dtype), 16 if dtype is F32 else 64)
                out["truncated_normal"].append({"key": raw, "shape": [20], "lower": lo, "upper": hi, "out": got})
            got = close(f"exponential {name}", R.exponential(base, (20,), dtype), ref.exponential(raw, (20,), dtype), 4 if dtype is F32 else 256)
            out["exponential"].append({"key": raw, "shape": [20], "out": got})
            got = close(f"gumbel {name}", R.gumbel(base, (20,), dtype), ref.gumbel(raw, (20,), dtype), 8 if dtype is F32 else 64)
            out["gumbel"].append({"key": raw, "shape": [20], "out": got})

    out["bernoulli"] = [{"key": raw, "p": p, "shape": [24], "out": exact(R.bernoulli(base, p, (24,)), ref.bernoulli(raw, p, (24,)))}
                        for p in (0.0, 0.1, 0.5, 0.9, 1.0)]
    logits = np.random.Generator(np.random.PCG64(3)).standard_normal((3, 5)).astype(F32)
    masked = np.where(np.eye(3, 5, dtype=bool), F32(-np.inf), logits)
    out["categorical"] = [
        {"key": raw, "logits": z, "shape": None if s is None else list(s),
         "out": exact(R.categorical(base, z, shape=s), ref.categorical(raw, z, s))}
        for z, s in ((logits, None), (logits, (6, 3)), (logits[0], (10,)), (masked, (6, 3)))]

    out["randint"] = []
    for name, lo, hi in (("int32", 0, 10), ("int32", -5, 5), ("int32", 3, 3), ("int32", 5, 2), ("int32", 0, 2**31 - 1),
                         ("int32", -(2**31), 2**31 - 1), ("int32", 0, 50257), ("uint32", 0, 2**31), ("int8", -128, 127),
                         ("uint8", 0, 256), ("uint8", 10, 20)):
        bound = np.uint32 if name == "uint32" else int
        got = R.randint(base, (12,), bound(lo), bound(hi), name)
        out["randint"].append({"key": raw, "shape": [12], "minval": lo, "maxval": hi, "out": exact(got, ref.randint(raw, (12,), lo, hi, name))})

    out["permutation"] = []
    for n in (0, 1, 2, 10, 100, 1625, 1626, 2000):
        got = R.permutation(base, n)
        out["permutation"].append({"key": raw, "n": n, "out": exact(got, ref.permutation(raw, n))})
    grid = np.arange(15, dtype=F32).reshape(5, 3)
    out["permutation_array"] = [
        {"key": raw, "x": x, "axis": axis, "independent": ind, "out": exact(R.permutation(base, x, axis, ind), ref.permutation(raw, x, axis, ind))}
        for x, axis, ind in ((grid[:, 0].copy(), 0, False), (grid, 0, False), (grid, 1, False), (grid, 0, True), (grid, 1, True))]
    p = np.array([0.1, 0.05, 0.4, 0.25, 0.2], F32)
    out["choice"] = [
        {"key": raw, "n": n, "shape": list(s), "replace": rep, "p": q, "out": exact(R.choice(base, n, s, rep, q), ref.choice(raw, n, s, rep, q))}
        for n, s, rep, q in ((10, (8,), True, None), (10, (4,), False, None), (5, (20,), True, p), (5, (3,), False, p))]
    return out


if __name__ == "__main__":
    body = build()
    print("largest distance between JAX and reference_random.py, in ulps of max(|x|, 1/4):", worst)
    encode.write("random", __file__, body, dtype="f32 and f64", prng="threefry2x32, jax_threefry_partitionable=True")
