"""JAX's default PRNG written again in plain NumPy: the algorithms README.md describes, as code that can be read and ported.

make_random.py checks this against JAX before it writes anything: integers and uniforms bit for bit, the rest to a few ulp.
It covers threefry2x32 in the partitionable layout (the default) and no other generator.
"""
import math

import numpy as np

M32 = 0xFFFFFFFF
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def threefry2x32(key, x0, x1):
    """20 rounds. key: two u32; x0, x1: u32 arrays of one shape -> two u32 arrays. Salmon et al. 2011."""
    k0, k1 = np.uint32(key[0]), np.uint32(key[1])
    ks = (k0, k1, k0 ^ k1 ^ np.uint32(0x1BD11BDA))
    x0, x1 = np.asarray(x0, np.uint32), np.asarray(x1, np.uint32)
    with np.errstate(over="ignore"):
        x0, x1 = x0 + ks[0], x1 + ks[1]
        for i in range(5):
            for r in ROTATIONS[i % 2]:
                x0 = x0 + x1
                x1 = (x1 << np.uint32(r)) | (x1 >> np.uint32(32 - r))
                x1 = x0 ^ x1
            x0 = x0 + ks[(i + 1) % 3]
            x1 = x1 + ks[(i + 2) % 3] + np.uint32(i + 1)
    return x0, x1


def key(seed, x64=False):
    """x64 off (the default): the seed is first truncated to a 32-bit integer, so the high word is always 0."""
    return np.array([(seed >> 32) & M32 if x64 else 0, seed & M32], np.uint32)


def counters(shape):
    i = np.arange(math.prod(shape), dtype=np.uint64).reshape(shape)
    return (i >> np.uint64(32)).astype(np.uint32), (i & np.uint64(M32)).astype(np.uint32)


def split(k, shape=(2,)):
    return np.stack(threefry2x32(k, *counters(shape)), -1)


def fold_in(k, data):
    return np.array(threefry2x32(k, np.uint32(0), np.uint32(data & M32)), np.uint32)


def bits(k, shape, width=32):
    hi, lo = threefry2x32(k, *counters(shape))
    if width == 64:
        return (hi.astype(np.uint64) << np.uint64(32)) | lo.astype(np.uint64)
    return (hi ^ lo).astype({8: np.uint8, 16: np.uint16, 32: np.uint32}[width])


def fma(a, b, c):
    """a * b + c rounded once. f32 exactly through f64 but for double rounding; f64 through long double."""
    wide = np.float64 if a.dtype == np.float32 else np.longdouble
    return (a.astype(wide) * wide(b) + wide(c)).astype(a.dtype)


def uniform(k, shape, dtype, minval=0.0, maxval=1.0):
    dtype = np.dtype(dtype)
    width, mantissa, uint = (32, 23, np.uint32) if dtype == np.float32 else (64, 52, np.uint64)
    raw = (bits(k, shape, width) >> uint(width - mantissa)) | np.ones((), dtype).view(uint)
    unit = raw.view(dtype) - dtype.type(1)                                  # k * 2^-23 or k * 2^-52, in [0, 1)
    lo, hi = dtype.type(minval), dtype.type(maxval)
    return np.maximum(lo, fma(unit, hi - lo, lo))


def horner(coefficients, w):
    acc = np.full_like(w, coefficients[0])
    for c in coefficients[1:]:
        acc = w.dtype.type(c) + acc * w
    return acc


# Giles 2010, "Approximating the erfinv function", as XLA spells it; highest power first.
ERFINV_F32 = (
    (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
     0.246640727, 1.50140941),
    (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
     1.00167406, 2.83297682),
)
ERFINV_F64 = (
    (-3.6444120640178196921e-21, -1.685059138182016589e-19, 1.2858480715256400167e-18, 1.115787767802518096e-17,
     -1.333171662854620906e-16, 2.0972767875968561637e-17, 6.6376381343583238325e-15, -4.0545662729752068639e-14,
     -8.1519341976054721522e-14, 2.6335093153082322977e-12, -1.2975133253453532498e-11, -5.4154120542946279317e-11,
     1.051212273321532285e-09, -4.1126339803469836976e-09, -2.9070369957882005086e-08, 4.2347877827932403518e-07,
     -1.3654692000834678645e-06, -1.3882523362786468719e-05, 0.0001867342080340571352, -0.00074070253416626697512,
     -0.0060336708714301490533, 0.24015818242558961693, 1.6536545626831027356),
    (2.2137376921775787049e-09, 9.0756561938885390979e-08, -2.7517406297064545428e-07, 1.8239629214389227755e-08,
     1.5027403968909827627e-06, -4.013867526981545969e-06, 2.9234449089955446044e-06, 1.2475304481671778723e-05,
     -4.7318229009055733981e-05, 6.8284851459573175448e-05, 2.4031110387097893999e-05, -0.0003550375203628474796,
     0.00095328937973738049703, -0.0016882755560235047313, 0.0024914420961078508066, -0.0037512085075692412107,
     0.005370914553590063617, 1.0052589676941592334, 3.0838856104922207635),
    (-2.7109920616438573243e-11, -2.5556418169965252055e-10, 1.5076572693500548083e-09, -3.7894654401267369937e-09,
     7.6157012080783393804e-09, -1.4960026627149240478e-08, 2.9147953450901080826e-08, -6.7711997758452339498e-08,
     2.2900482228026654717e-07, -9.9298272942317002539e-07, 4.5260625972231537039e-06, -1.9681778105531670567e-05,
     7.5995277030017761139e-05, -0.00021503011930044477347, -0.00013871931833623122026, 1.0103004648645343977,
     4.8499064014085844221),
)


def erfinv(x):
    w = -np.log1p(x * -x)
    with np.errstate(all="ignore"):
        root = np.sqrt(w)
        if x.dtype == np.float32:
            small, large = ERFINV_F32
            p = np.where(w < 5, horner(small, w - x.dtype.type(2.5)), horner(large, root - x.dtype.type(3)))
        else:
            small, middle, large = ERFINV_F64
            p = np.where(w < 6.25, horner(small, w - 3.125),
                         np.where(w < 16, horner(middle, root - 3.25), horner(large, root - 5)))
        return np.where(np.abs(x) == 1, x * np.inf, p * x).astype(x.dtype)


def normal(k, shape, dtype):
    d = np.dtype(dtype).type
    return d(np.sqrt(2)) * erfinv(uniform(k, shape, dtype, np.nextafter(d(-1), d(0)), d(1)))


def truncated_normal(k, lower, upper, shape, dtype):
    d = np.dtype(dtype).type
    root2, lower, upper = d(np.sqrt(2)), d(lower), d(upper)
    u = uniform(k, shape, dtype, d(math.erf(lower / root2)), d(math.erf(upper / root2)))
    return np.clip(root2 * erfinv(u), np.nextafter(lower, d(np.inf)), np.nextafter(upper, d(-np.inf)))


def exponential(k, shape, dtype):
    return -np.log1p(-uniform(k, shape, dtype))


def gumbel(k, shape, dtype):
    return -np.log(-np.log(uniform(k, shape, dtype, np.finfo(dtype).tiny, 1.0)))


def bernoulli(k, p, shape, dtype=np.float32):
    return uniform(k, shape, dtype) < np.asarray(p, dtype)


def categorical(k, logits, shape=None):
    """Last axis holds the classes. shape: prefix + logits.shape[:-1]."""
    full = logits.shape if shape is None else (*shape, logits.shape[-1])
    return np.argmax(gumbel(k, full, logits.dtype) + logits, -1).astype(np.int32)


def randint(k, shape, minval, maxval, dtype=np.int32):
    """Python integers as bounds. 8- and 16-bit results are drawn as i32 and converted."""
    dtype = np.dtype(dtype)
    out = np.dtype(np.int32) if dtype.itemsize < 4 else dtype
    info, width = np.iinfo(out), out.itemsize * 8
    if out != dtype:
        minval = min(max(minval, np.iinfo(dtype).min), np.iinfo(dtype).max)
        maxval = min(max(maxval, np.iinfo(dtype).min), np.iinfo(dtype).max + 1)
    beyond = maxval > info.max
    lo, hi = (min(max(v, info.min), info.max) for v in (minval, maxval))
    span = 1 if hi <= lo else (hi - lo + (1 if beyond else 0)) % 2**width    # 0 means the whole range: rem leaves x
    k1, k2 = split(k)
    high, low = bits(k1, shape, width), bits(k2, shape, width)
    u = high.dtype.type
    rem = lambda a: a % u(span) if span else a
    with np.errstate(over="ignore"):
        m = rem(np.asarray(u(2 ** (width // 2))))
        m = rem(m * m)
        offset = rem(rem(high) * m + rem(low))
        return (u(lo % 2**width) + offset).astype(out).astype(dtype)


def shuffle(k, x, axis=0):
    rounds = math.ceil(3 * math.log(max(1, x.size)) / math.log(M32))
    for _ in range(rounds):
        k, sub = split(k)
        x = np.take_along_axis(x, np.argsort(bits(sub, x.shape), axis=axis, kind="stable"), axis)
    return x


def permutation(k, x, axis=0, independent=False):
    if np.ndim(x) == 0:
        return shuffle(k, np.arange(x, dtype=np.int32))
    if independent or x.ndim == 1:
        return shuffle(k, x, axis)
    return np.take(x, shuffle(k, np.arange(x.shape[axis], dtype=np.int32)), axis)


def choice(k, n, shape, replace=True, p=None):
    draws = math.prod(shape)
    if p is None:
        return randint(k, shape, 0, n) if replace else permutation(k, n)[:draws].reshape(shape)
    if replace:
        c = np.cumsum(p, dtype=p.dtype)
        return np.searchsorted(c, c[-1] * (p.dtype.type(1) - uniform(k, shape, p.dtype))).astype(np.int32)
    g = gumbel(k, (n,), p.dtype) + np.log(p)
    return np.argsort(-g, kind="stable")[:draws].reshape(shape).astype(np.int32)
