"""The child's side of the Python columns: inputs by formula, one JSON request a line in, one answer a line out. See ../serve.ts and ../fill.ts."""
import json
import os
import re
import sys
import time

import numpy as np


class Unsupported(Exception):
    pass


def fill(spec):
    """The values of a Fill, as NumPy: the same bits as ../fill.ts."""
    size = int(np.prod(spec["shape"], dtype=np.int64))
    if spec["kind"] == "constant":
        return np.full(spec["shape"], spec["value"], np.float32)
    with np.errstate(over="ignore"):
        h = np.arange(size, dtype=np.uint32) + np.uint32((spec["seed"] + 1) * 0x9E3779B9 & 0xFFFFFFFF)
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    if spec["kind"] == "uniform":
        return ((h / 2.0**31 - 1) * spec["scale"]).astype(np.float32).reshape(spec["shape"])
    return (h % np.uint32(spec["below"])).astype(np.int32).reshape(spec["shape"])


def fill_all(work):
    return {name: fill(spec) for name, spec in work["inputs"].items()}


class Job:
    """`run()` evaluates once, to the end. `sample`, when given, replaces the timing: it returns milliseconds, or MiB."""

    def __init__(self, run=None, check=None, sample=None):
        self.run, self.check, self._sample = run, check, sample

    def sample(self, times):
        if self._sample:
            return self._sample()
        begin = time.perf_counter()
        for _ in range(times):
            self.run()
        return (time.perf_counter() - begin) * 1e3 / times


def once(run):
    """Milliseconds of a single call."""
    begin = time.perf_counter()
    run()
    return (time.perf_counter() - begin) * 1e3


def peak_of(run):
    """MiB by which resident memory rose, at its peak, while `run` ran."""
    def kib(name):
        with open("/proc/self/status") as f:
            return int(re.search(rf"^{name}:\s+(\d+) kB", f.read(), re.M)[1])
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError as e:
        raise Unsupported("peak memory is read from /proc/self, which this system lacks") from e
    before = kib("VmRSS")
    run()
    return max(0, kib("VmHWM") - before) / 1024


def sum_of_squares(arrays):
    return float(sum(np.sum(np.square(np.asarray(a, np.float64))) for a in arrays))


def serve(title, prepare):
    """Answers requests until the input ends. Whatever a library prints goes to standard error."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**reply):
        out.write(json.dumps(reply) + "\n")
        out.flush()

    say(kind="hello", title=title)
    job = None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if request["kind"] == "prepare":
                job = prepare(request["work"])
                say(kind="prepared", **({} if job.check is None else {"check": job.check}))
            elif request["kind"] == "sample":
                say(kind="sampled", value=job.sample(request["times"]))
            else:
                job = None
                say(kind="released")
        except Unsupported as e:
            say(kind="unsupported", reason=str(e))
        except Exception as e:
            say(kind="failed", reason=f"{type(e).__name__}: {e}")
