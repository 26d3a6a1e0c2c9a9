"""CKA of one pair and of all pairs of layers, against packages and plain NumPy."""

from __future__ import annotations

from typing import Any

import isogram as ig
import numpy as np

from benchmarks import data, errors
from benchmarks.baselines import cka as baseline
from benchmarks.baselines import gram
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

#: Samples and features of flattened maps.
FEW_SAMPLES = ((16, 500_000), (64, 200_000), (4, 2_000_000), (100, 50_000))


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    d = settings.size(512, 48)
    pair, rbf_rows = settings.size(5000, 400), settings.size(4000, 300)
    small, count = settings.size(1000, 200), settings.size(24, 4)
    return [
        Case(
            "cka-linear-debiased",
            "cka",
            "linear CKA of one pair, debiased",
            {"n": pair, "d": d},
            lambda _: linear_debiased(*data.layers(2, pair, d)),
            data="correlated",
            measure_memory=True,
        ),
        Case(
            "cka-linear-biased",
            "cka",
            "linear CKA of one pair, biased",
            {"n": pair, "d": d},
            lambda _: linear_biased(*data.layers(2, pair, d)),
            data="correlated",
        ),
        Case(
            "cka-linear-small",
            "cka",
            "linear CKA of one pair, biased, with packages that are too slow for more samples",
            {"n": small, "d": d},
            lambda _: linear_biased(*data.layers(2, small, d), everybody=True),
            data="correlated",
            levels=False,
        ),
        Case(
            "cka-rbf-debiased",
            "cka",
            "RBF CKA of one pair, debiased",
            {"n": rbf_rows, "d": d},
            lambda _: rbf_debiased(*data.layers(2, rbf_rows, d)),
            data="correlated",
            measure_memory=True,
        ),
        Case(
            "cka-matrix",
            "cka",
            "linear CKA of all pairs of layers, debiased",
            {"layers": count, "n": rbf_rows, "d": d},
            lambda _: matrix(data.layers(count, rbf_rows, d)),
            data="correlated",
            measure_memory=True,
            levels=False,
        ),
        *(few_samples(n, settings.size(d, 6000)) for n, d in FEW_SAMPLES),
    ]


def few_samples(n: int, d: int) -> Case:
    """Return the case of n samples with long features."""
    return Case(
        f"cka-linear-n{n}",
        "cka",
        "linear CKA of one pair, biased, few samples with long features",
        {"n": n, "d": d},
        lambda _: linear_of_few(data.normal(n, d), data.normal(n, d, 1)),
    )


def debiased_truth(x: Any, y: Any) -> float:
    """Return the debiased linear CKA in float64."""
    grams = [z @ z.T for z in (centred(x), centred(y))]
    return baseline.gram_debiased(*grams)


def centred(x: Any) -> Any:
    """Return x less its column means, in float64."""
    x = x.astype(np.float64)
    return x - x.mean(axis=0)


def linear_debiased(x: Any, y: Any) -> Workload:
    """Return debiased CKA; the packages build Gram matrices."""
    workload = Workload(
        compute=lambda x, y, threads: ig.cka(x, y, num_threads=threads),
        inputs=(x, y),
        rivals={
            "NumPy, Gram matrices": lambda: baseline.gram_debiased(gram.linear(x), gram.linear(y)),
            "NumPy, feature space": lambda: baseline.linear_debiased(x, y),
        },
        error=errors.of_scalar(lambda: debiased_truth(x, y)),
        work=feature_space_flops(x, y),
    )
    for name, adapter in (
        ("pytorch-cka", "pytorch_cka"),
        ("ckatorch", "ckatorch"),
        ("torch-cka", "torch_cka"),
    ):
        workload.add_rival(name, adapter, lambda module: lambda: module.linear_debiased(x, y))
    workload.add_rival(
        "dcor",
        "dcor",
        lambda module: lambda: module.debiased(gram.linear(x), gram.linear(y)),
    )
    return workload


def linear_biased(x: Any, y: Any, *, everybody: bool = False) -> Workload:
    """Return biased CKA, which has a short formula in feature space."""
    workload = Workload(
        compute=lambda x, y, threads: ig.cka(x, y, estimator="biased", num_threads=threads),
        inputs=(x, y),
        rivals={"NumPy, three lines": lambda: baseline.linear_biased(x, y)},
        error=errors.of_scalar(lambda: baseline.linear_biased(centred(x), centred(y))),
        work=feature_space_flops(x, y),
    )
    if everybody:
        for name in ("rsatoolbox", "repsim"):
            workload.add_rival(name, name, lambda module: lambda: module.linear_biased(x, y))
    return workload


def linear_of_few(x: Any, y: Any) -> Workload:
    """Return biased CKA of fewer samples than features."""
    n, d = x.shape
    return Workload(
        compute=lambda x, y, threads: ig.cka(x, y, estimator="biased", num_threads=threads),
        inputs=(x, y),
        rivals={"NumPy, three lines": lambda: baseline.gram_biased(x, y)},
        error=errors.of_scalar(lambda: baseline.gram_biased(centred(x), centred(y))),
        work={"fma32": 2 * n * (n + 1.0) * d},
    )


def rbf_debiased(x: Any, y: Any) -> Workload:
    """Return debiased RBF CKA with one bandwidth for x and y, which not every package can choose.

    For ckatorch, which has a fraction of the median instead, y is scaled so that one fraction
    gives the same bandwidths.
    """
    y = scaled_like(x, y)
    bandwidth = ig.bandwidth(x)
    workload = Workload(
        compute=lambda x, y, threads: ig.cka(
            x, y, kernel="rbf", bandwidth=bandwidth, num_threads=threads
        ),
        inputs=(x, y),
        rivals={
            "NumPy": lambda: baseline.gram_debiased(gram.rbf(x, bandwidth), gram.rbf(y, bandwidth))
        },
        error=errors.of_scalar(
            lambda: baseline.gram_debiased(
                *(gram.rbf(z.astype(np.float64), bandwidth) for z in (x, y))
            )
        ),
        work={"fma32": 2 * len(x) * (len(x) + 1.0) * x.shape[1]},
    )
    workload.add_rival(
        "hyppo", "hyppo", lambda module: lambda: module.rbf_debiased(x, y, bandwidth)
    )
    workload.add_rival(
        "dcor",
        "dcor",
        lambda module: lambda: module.debiased(gram.rbf(x, bandwidth), gram.rbf(y, bandwidth)),
    )

    def bind_ckatorch(module: Any) -> Any:
        fraction = module.fraction_for(gram.squared_distances(x), bandwidth)
        return lambda: module.rbf_debiased(x, y, fraction)

    workload.add_rival("ckatorch", "ckatorch", bind_ckatorch)
    return workload


def scaled_like(x: Any, y: Any) -> Any:
    """Return y scaled to the median distance of x."""
    ratio = np.median(gram.squared_distances(x)) / np.median(gram.squared_distances(y))
    return y * np.float32(np.sqrt(ratio))


def matrix(layers: tuple[Any, ...]) -> Workload:
    """Return the debiased CKA of all pairs of layers."""
    workload = Workload(
        compute=lambda *layers, threads: ig.cka_matrix(layers, num_threads=threads),
        inputs=layers,
        rivals={
            "NumPy, Gram matrices": lambda: baseline.matrix_debiased(layers),
            "NumPy, feature space": lambda: baseline.feature_matrix_debiased(layers),
        },
        error=errors.of_corner(lambda: matrix_truth(layers)),
        work=matrix_flops(layers),
    )
    workload.add_rival(
        "pytorch-cka", "pytorch_cka", lambda module: lambda: module.matrix_debiased(layers)
    )
    return workload


def feature_space_flops(x: Any, y: Any) -> dict[str, float]:
    """Return the flops of XᵀY, XᵀX and YᵀY, of the latter two the distinct entries only."""
    n, d = x.shape
    other = y.shape[1]
    return {"fma32": n * (2.0 * d * other + d * (d + 1) + other * (other + 1))}


def matrix_flops(layers: tuple[Any, ...]) -> dict[str, float]:
    """Return the flops of all Gram matrices, and of the float64 sums over the products of any two.

    Distinct entries only.
    """
    count, (n, d) = len(layers), layers[0].shape
    entries = n * (n + 1.0) / 2
    return {"fma32": count * entries * 2 * d, "fma64": count * (count + 1) / 2 * entries * 2}


def matrix_truth(layers: tuple[Any, ...]) -> Any:
    """Return the first row of the matrix in float64."""
    return np.array([[debiased_truth(layers[0], layer) for layer in layers]])
