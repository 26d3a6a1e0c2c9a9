"""Measures as other packages compute them: where they agree with isogram, and why where not.

    python -m benchmarks.agreement            # prints the table
    python -m benchmarks.agreement --write    # puts it into docs/measures.md

Needs `pip install repsim rsatoolbox dcor hyppo`; on real features and on random ones.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import isogram as ig
import numpy as np

from benchmarks import invariances
from benchmarks.numerics import row, with_tables

Array = Any
Value = Callable[[Array, Array], float]

PAGE = invariances.PAGE
AGREE = 1e-9  # at most this apart
ROOTS = 1e-6  # where a package takes roots of rounded eigenvalues
DIFFER = 1e-3  # at least this of real features, where a reason is given


class Row(NamedTuple):
    """A function of another package, what it is in isogram, and why the two differ, if they do."""

    package: str
    name: str
    theirs: Value
    name_here: str
    ours: Value
    why: str = ""
    within: float = AGREE


# Other packages, imported when called -------------------------------------------------------------


def repsim(function: str, x: Array, y: Array, **options: str) -> float:
    return float(getattr(import_module("repsim"), function)([x, y], **options)[0, 1])


def rsatoolbox(distance: str, method: str, x: Array, y: Array) -> float:
    data, rdm = import_module("rsatoolbox.data"), import_module("rsatoolbox.rdm")
    rdms = [rdm.calc_rdm(data.Dataset(a), method=distance) for a in (x, y)]
    return float(np.ravel(rdm.compare(*rdms, method=method))[0])


def dcor(function: str, x: Array, y: Array) -> float:
    return float(getattr(import_module("dcor"), function)(x, y))


def hyppo(test: str, x: Array, y: Array, **options: bool) -> float:
    return float(getattr(import_module("hyppo.independence"), test)(**options).statistic(x, y))


def here(measure: str, **options: Any) -> Value:
    return lambda x, y: ig.similarity(x, y, measure=measure, **options)


MIXED = "debiased HSIC over norms of the biased: no CKA of either kind"
ROWS = [
    Row("repsim", '`cka`, "linear", "gretton"', partial(repsim, "cka", kernel_type="linear",
        estimator="gretton"), "`cka_biased`", here("cka_biased")),
    Row("repsim", '`cka`, "rbf", "gretton"', partial(repsim, "cka", kernel_type="rbf",
        estimator="gretton"), '`cka_rbf`, `estimator="biased"`',
        here("cka_rbf", estimator="biased")),
    Row("repsim", '`cka`, "linear", "song"', partial(repsim, "cka", kernel_type="linear",
        estimator="song"), "`cka`", here("cka"), MIXED),
    Row("repsim", '`cka`, "linear", "lange"', partial(repsim, "cka", kernel_type="linear",
        estimator="lange"), "`cka`", here("cka"), MIXED),
    Row("repsim", '`cca`, "pillai"', partial(repsim, "cca", summary_type="pillai"), "`cca`",
        here("cca")),
    Row("repsim", '`cca`, "yanai"', partial(repsim, "cca", summary_type="yanai"),
        "`cca_squared`", here("cca_squared")),
    Row("repsim", "`pwcca`", partial(repsim, "pwcca"), "`pwcca`", here("pwcca"),
        "the mean of both orders; here the directions of `x` have the weights"),
    Row("repsim", '`svcca`, "pillai"', partial(repsim, "svcca", summary_type="pillai"),
        "`svcca`", here("svcca"),
        "leaves no direction out: of centred features it is its `cca`; others it does not centre"),
    Row("rsatoolbox", '`compare` of "correlation", "corr"', partial(rsatoolbox, "correlation",
        "corr"), "`rsa_pearson`", here("rsa_pearson")),
    Row("rsatoolbox", '`compare` of "correlation", "spearman"', partial(rsatoolbox, "correlation",
        "spearman"), "`rsa_spearman`", here("rsa_spearman")),
    Row("rsatoolbox", '`compare` of "correlation", "cosine"', partial(rsatoolbox, "correlation",
        "cosine"), '`rsa_cosine`, `kernel="correlation"`',
        here("rsa_cosine", kernel="correlation"),
        "cosine of distances 1 − r; here of the correlations r themselves"),
    Row("rsatoolbox", '`compare` of "euclidean", "cosine_cov"', partial(rsatoolbox, "euclidean",
        "cosine_cov"), "`cka_biased`", here("cka_biased")),
    Row("rsatoolbox", '`compare` of "euclidean", "bures"', partial(rsatoolbox, "euclidean",
        "bures"), "`bures`", here("bures"), within=ROOTS),
    Row("dcor", "`distance_correlation`", partial(dcor, "distance_correlation"),
        "`distance_correlation`", here("distance_correlation")),
    Row("dcor", "`u_distance_correlation_sqr`", partial(dcor, "u_distance_correlation_sqr"),
        "`distance_correlation_debiased`", here("distance_correlation_debiased")),
    Row("hyppo", "`Dcorr`, `bias=True`", partial(hyppo, "Dcorr", bias=True),
        "`distance_correlation`", here("distance_correlation")),
    Row("hyppo", "`Dcorr`", partial(hyppo, "Dcorr"), "`distance_correlation_debiased`",
        here("distance_correlation_debiased")),
    Row("hyppo", "`Hsic`", partial(hyppo, "Hsic"), "`cka_rbf`", here("cka_rbf"),
        "the bandwidth of `x` serves both"),
]  # fmt: skip


# Inputs and the table -----------------------------------------------------------------------------


def real() -> tuple[Array, Array]:
    x, y = (a.mean(axis=(1, 2)) for a in invariances.layers("mean"))
    return x, y


def drawn() -> tuple[Array, Array]:
    """Return random features of different widths, in a relation that is not linear."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 10))
    return x, np.tanh(x[:, :7]) + rng.standard_normal((200, 7)) / 2


INPUTS = {"real": real, "random": drawn}


def table() -> str:
    """Return the values of both sides on all inputs, in Markdown."""
    heads = [f"{name}: {whose}" for name in INPUTS for whose in ("theirs", "isogram")]
    lines = [row(["package", "function", "isogram", *heads, "why"]), "|---" * 8 + "|"]
    for of in ROWS:
        values = [f(*make()) for make in INPUTS.values() for f in (of.theirs, of.ours)]
        cells = [f"{value:.4f}" for value in values]
        lines.append(row([of.package, of.name, of.name_here, *cells, of.why]))
    return "\n".join(lines)


def main() -> None:
    """Compare, and print or write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agreement")
    parser.add_argument("--write", action="store_true", help="into docs/measures.md")
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages
        text = table()
    if options.write:
        PAGE.write_text(with_tables(PAGE.read_text(), {"agreement": text}))
    else:
        print(text)


if __name__ == "__main__":
    main()
