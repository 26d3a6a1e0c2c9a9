"""Call every function once on a real GPU, on small sizes, for compute-sanitizer to look on.

Each array gets memory of its own, so that a step beyond it is seen, and tiles are small, so that
there are several.
"""

import cupy
import isogram as ig
import numpy as np
from isogram._device import cupy_device

cupy.cuda.set_allocator(None)
cupy_device._SCRATCH = 4 * 48 * 48
cupy_device.CupyDevice.cache = 1 << 20

MATCHINGS = [
    {},
    {"matching": "window", "window": 7},
    {"matching": "topk", "topk": 9},
    {"matching": "greedy"},
    {"matching": "none"},
]


def main():
    rng = np.random.default_rng(0)
    labels = np.arange(70) % 3
    for dtype in (np.float32, np.float64):
        x, y = (cupy.asarray(rng.standard_normal((70, d)).astype(dtype)) for d in (33, 50))
        p = cupy.asarray(rng.dirichlet(np.ones(9), size=70).astype(dtype))
        for kernel in ("linear", "cosine", "correlation", "rbf", "laplacian", "polynomial"):
            k = ig.gram(x, kernel=kernel)
            ig.gram(x, x[:31], kernel=kernel)
            ig.cka_matrix([x, y], [y], kernel=kernel)
        for estimator in ("biased", "debiased"):
            ig.center(k, estimator=estimator)
            ig.cka(x[:, :4], y[:, :3], estimator=estimator)
        for k_nearest in (None, 5):
            ig.graph(x, k=k_nearest)
            ig.gbs_matrix([x, y], k=k_nearest)
        ig.modularity(x, labels)
        for method in ("pearson", "spearman", "kendall", "cosine", "cka", "gbs"):
            ig.compare(k, ig.gram(y), method=method)
        ig.jsd(p, p[:20])
        ig.jsd(p)
        # A warp matches up to 64 tokens, blocks of two kinds up to 241, and more.
        for count in (16, 50, 70, 200, 260):
            ig.match(cupy.asarray(rng.standard_normal((3, count, count + 1)).astype(dtype)))
            tokens = cupy.asarray(rng.standard_normal((4, count, 33)).astype(dtype))
            for matching in MATCHINGS:
                ig.semantic_rsm(tokens, kernel=("linear", "cosine", "rbf"), **matching)
                ig.semantic_rsm(tokens, tokens[:3], lengths=[1, 5, 9, 15], **matching)
    for precision in ("bfloat16", "int8"):
        for count in (50, 70):
            tokens = cupy.asarray(rng.standard_normal((9, count, 33)).astype(np.float32))
            loss = cupy.empty((9, 9), np.float32)
            ig.semantic_rsm(tokens, precision=precision, loss=loss)
            ig.semantic_rsm(tokens.get(), precision=precision, gpus=0, memory_limit=10_000_000)
    ig.gram(cupy.asarray(rng.standard_normal((70, 9)).astype(np.float16)))
    cupy.cuda.Device().synchronize()
    print("every function was called")


if __name__ == "__main__":
    main()
