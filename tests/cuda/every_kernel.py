"""Call every function on a real GPU, on small sizes, for compute-sanitizer to look on.

    python every_kernel.py [--list | PART …]     # by default all parts

Each array gets memory of its own, so that a step beyond it is seen, and tiles are small, so that
there are several.
"""

import sys
from functools import partial
from typing import get_args

import cupy
import isogram as ig
import numpy as np
from isogram._device import cupy_device
from isogram.typing import KernelName

cupy.cuda.set_allocator(None)
cupy_device._SCRATCH = 4 * 48 * 48
cupy_device.CupyDevice.cache = 1 << 16

DTYPES = (np.float32, np.float64)
KERNELS = get_args(KernelName)
MATCHINGS = [
    {},
    {"matching": "window", "window": 7},
    {"matching": "topk", "topk": 9},
    {"matching": "greedy"},
    {"matching": "none"},
]


def normal(*shape, dtype=np.float32):
    return cupy.asarray(np.random.default_rng(shape).standard_normal(shape).astype(dtype))


def gram():
    for dtype in DTYPES:
        x = normal(70, 33, dtype=dtype)
        for kernel in KERNELS:
            k = ig.gram(x, kernel=kernel)
            ig.gram(x, x[:31], kernel=kernel)
        for estimator in ("biased", "debiased"):
            ig.center(k, estimator=estimator)
    ig.gram(normal(70, 9, dtype=np.float16))


def cka():
    for dtype in DTYPES:
        x, y = normal(70, 33, dtype=dtype), normal(70, 50, dtype=dtype)
        for kernel in KERNELS:
            ig.cka_matrix([x, y], [y], kernel=kernel)
        for estimator in ("biased", "debiased"):
            ig.cka(x[:, :4], y[:, :3], estimator=estimator)


def graph():
    labels = np.arange(70) % 3
    for dtype in DTYPES:
        x, y = normal(70, 33, dtype=dtype), normal(70, 50, dtype=dtype)
        for k_nearest in (None, 5):
            ig.graph(x, k=k_nearest)
            ig.graph(x + 1000, k=k_nearest)
            ig.gbs_matrix([x, y], k=k_nearest)
        ig.modularity(x, labels)


def compare():
    for dtype in DTYPES:
        a, b = (ig.gram(normal(70, d, dtype=dtype)) for d in (33, 50))
        for method in ("pearson", "spearman", "kendall", "cosine", "cka", "gbs"):
            ig.compare_rsms(a, b, method=method)
        p = cupy.asarray(np.random.default_rng(0).dirichlet(np.ones(9), size=70).astype(dtype))
        ig.jsd(p, p[:20])
        ig.jsd(p)


def tokens(count):
    for dtype in DTYPES:
        ig.match(normal(3, count, count + 1, dtype=dtype))
        ig.match(normal(3, count, count, dtype=dtype))
        some = normal(4, count, 33, dtype=dtype)
        for matching in MATCHINGS:
            ig.semantic_rsm(some, kernel=("linear", "cosine", "rbf"), **matching)
            ig.semantic_rsm(some, some[:3], lengths=[1, 5, 9, 15], **matching)


def rounded_tokens(count):
    some = normal(9, count, 33)
    narrow = [{"precision": precision} for precision in ("bfloat16", "int8")]
    for options in (*narrow, {"rank": 7}, *({"rank": 7, **options} for options in narrow)):
        loss = cupy.empty((9, 9), np.float32)
        ig.semantic_rsm(some, loss=loss, **options)
        ig.semantic_rsm(some.get(), gpus=0, memory_limit=10_000_000, **options)
    ig.semantic_rsm(normal(9, count, 33, dtype=np.float64), rank=7)


# A warp matches up to 64 tokens, blocks of two kinds up to 256, and more.
PARTS = {part.__name__: part for part in (gram, cka, graph, compare)}
PARTS |= {f"tokens-{count}": partial(tokens, count) for count in (16, 50, 70, 200, 260)}
PARTS |= {f"rounded-{count}": partial(rounded_tokens, count) for count in (50, 70)}


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        sys.exit(print(*PARTS))
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()
    cupy.cuda.Device().synchronize()
    print("every function was called")
