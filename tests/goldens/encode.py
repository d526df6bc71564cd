"""Writes goldens: arrays as {dtype, shape, data: base64 of little-endian bytes}, everything else as plain JSON.

Shared by every make_*.py of this folder. It refuses dtypes it does not know and values that JSON cannot carry exactly
(NaN, infinities): those belong in an array.
"""
import base64
import json
import os

import jax
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))

# f16 and bf16 travel as their bits (u16), with the real name beside them.
NAMES = {
    "float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "uint32": "u32", "uint64": "u64",
    "int8": "i8", "uint8": "u8", "int16": "i16", "uint16": "u16", "bool": "bool", "float16": "f16", "bfloat16": "bf16",
}


def array(x):
    """One array node."""
    x = np.ascontiguousarray(np.asarray(x)) if np.ndim(x) else np.asarray(x)
    name = NAMES[str(x.dtype)]
    raw = x.view(np.uint16) if name in ("f16", "bf16") else x.astype(np.uint8) if name == "bool" else x
    raw = raw.astype(raw.dtype.newbyteorder("<"))
    return {"dtype": name, "shape": list(x.shape), "data": base64.b64encode(raw.tobytes()).decode("ascii")}


def tree(t):
    """Every array leaf of a nested dict, list or tuple becomes an array node; numbers, strings and None stay."""
    if isinstance(t, dict):
        return {k: tree(v) for k, v in t.items()}
    if isinstance(t, (list, tuple)):
        return [tree(v) for v in t]
    if t is None or isinstance(t, (bool, int, float, str)):
        return t
    return array(t)


def _text(t, depth):
    flat = json.dumps(t, allow_nan=False)
    if not isinstance(t, (dict, list)) or len(flat) < 120 or (isinstance(t, dict) and "data" in t):
        return flat
    pad = " " * (depth + 1)
    if isinstance(t, dict):
        body = [f"{pad}{json.dumps(k)}: {_text(v, depth + 1)}" for k, v in t.items()]
        return "{\n" + ",\n".join(body) + "\n" + pad[1:] + "}"
    return "[\n" + ",\n".join(pad + _text(v, depth + 1) for v in t) + "\n" + pad[1:] + "]"


def write(name, made_by, body, **header):
    """Writes <name>.json with its header first. Deterministic: same versions, same bytes."""
    head = {"made_by": os.path.basename(made_by), "jax": jax.__version__, "numpy": np.__version__, "platform": "cpu", **header}
    path = os.path.join(HERE, f"{name}.json")
    with open(path, "w") as out:
        out.write(_text({"header": head, **tree(body)}, 0) + "\n")
    print(f"{name}.json {os.path.getsize(path)} bytes")
