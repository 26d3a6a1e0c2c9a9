"""Calls as type checkers see them; nothing runs them.

A call that must be refused is marked so: a mark that no error needs is an error itself.
"""

from collections.abc import Sequence
from typing import Any, assert_type

import isogram as ig
import numpy as np
from isogram import io
from isogram.typing import EstimatorName, KernelName, MatchingName
from numpy.typing import NDArray


class Tensor:
    """What isogram.typing knows PyTorch's by."""

    requires_grad: bool

    def __dlpack__(self, *, stream: int | None = None) -> Any:
        """Return a capsule."""

    def __array__(self) -> NDArray[np.float32]:
        """Return it as NumPy's."""
        raise NotImplementedError


class JaxArray:
    """What isogram.typing knows JAX's by."""

    def __dlpack__(self, *, copy: bool | None = None) -> Any:
        """Return a capsule."""

    @property
    def at(self) -> object:
        """Return what makes updated copies."""
        raise NotImplementedError


class Frame:
    """A frame of pandas, as isogram.typing knows it."""

    @property
    def iloc(self) -> object:
        """Return what reads rows by their places."""
        raise NotImplementedError

    def __array__(self) -> NDArray[np.float64]:
        """Return it as NumPy's."""
        raise NotImplementedError


class Sparse:
    """A sparse matrix of SciPy, as isogram.typing knows it."""

    def tocoo(self, copy: bool = True) -> Any:
        """Return it as lists of entries."""


def results_are_of_the_library_of_the_first_argument(
    x: NDArray[np.float16],
    images: np.memmap[Any, np.dtype[np.uint8]],
    some: NDArray[Any],
    t: Tensor,
    j: JaxArray,
) -> None:
    assert_type(ig.gram(x), NDArray[Any])
    assert_type(ig.gram(some), NDArray[Any])
    assert_type(ig.gram(j), JaxArray)
    assert_type(ig.gram(images), NDArray[Any])
    assert_type(ig.gram(x, kernel="rbf", bandwidth=2.0), NDArray[Any])
    assert_type(ig.gram(x, t), NDArray[Any])
    assert_type(ig.gram(t, t, kernel="polynomial", degree=2), Tensor)
    assert_type(ig.center(x, estimator="debiased"), NDArray[Any])
    assert_type(ig.center(k=t), Tensor)
    assert_type(ig.jsd(probabilities=x, num_threads=2), NDArray[Any])
    assert_type(ig.jsd(t, t), Tensor)
    assert_type(ig.graph(x), NDArray[Any])
    assert_type(ig.graph(t, center=True), Tensor)
    assert_type(ig.graph(x, k=5), ig.Csr)
    assert_type(ig.graph(t, k=5, metric="euclidean"), ig.Csr)
    assert_type(ig.graph(some), NDArray[Any])
    assert_type(ig.gram([[1.0, 2.0], [3.0, 4.0]]), NDArray[Any])


def of_layers(
    x: NDArray[np.float32], t: Tensor, named: dict[str, NDArray[Any]], opened: io.Layers
) -> None:
    assert_type(ig.cka_matrix(opened), NDArray[Any])
    assert_type(ig.cka_matrix([x, x]), NDArray[Any])
    assert_type(ig.cka_matrix(named, named, kernel="rbf", estimator="biased"), NDArray[Any])
    assert_type(ig.cka_matrix((t, t), progress=True), Tensor)
    assert_type(ig.gbs_matrix({"conv1": t}, k=5), Tensor)
    assert_type(ig.rdm(x, metric="mahalanobis", noise_covariance=x, condensed=True), NDArray[Any])
    assert_type(ig.rdm(t), Tensor)
    assert_type(ig.compare_rsms_matrix({"model": t}, [t], method="rho_a"), Tensor)
    assert_type(ig.compare_rsms_matrix(named, named["conv1"]), NDArray[Any])
    assert_type(ig.compare_rsms_matrix(x), NDArray[Any])
    assert_type(ig.gbs_matrix(named), NDArray[Any])
    assert_type(ig.gbs_matrix(named.items()), NDArray[Any])
    assert_type(ig.gbs_matrix(named.values()), NDArray[Any])
    assert_type(ig.gbs_matrix([("conv1", t), ("conv2", t)]), Tensor)
    assert_type(ig.gbs_matrix(layer for layer in (t, t)), Tensor)
    assert_type(ig.similarity_matrix(named, measure="procrustes"), NDArray[Any])
    assert_type(ig.similarity_matrix([t], measure="cka", kernel="cosine"), Tensor)
    ig.MinibatchCKA(kernel="rbf", bandwidth=1.0).update(named)
    cka = ig.MinibatchCKA(small_batches="skip")
    cka.update_grams(named, [x])
    assert_type(cka.merge(ig.MinibatchCKA()), ig.MinibatchCKA)
    assert_type(ig.MinibatchGBS(k=5).merge(ig.MinibatchGBS()).compute(), NDArray[np.float64])
    ig.MinibatchGBS(center=True, kernel="precomputed").update([t])


def of_tokens(x: NDArray[np.float32], t: Tensor, ragged: Sequence[NDArray[np.float32]]) -> None:
    assert_type(ig.semantic_rsm(x, matching="topk", topk=8, rank="auto"), NDArray[Any])
    assert_type(ig.semantic_rsm(ragged, ragged, kernel="rbf"), NDArray[Any])
    assert_type(ig.semantic_rsm(x for x in ragged), NDArray[Any])
    assert_type(ig.semantic_rsm({"t": t}.values()), Tensor)
    assert_type(ig.semantic_rsm(t, precision="int8", layout="nhwc"), Tensor)
    assert_type(ig.semantic_rsm(t, kernel=("linear", "rbf")), dict[str, Any])
    assert_type(ig.spatial_rsm(x, layout="nchw"), NDArray[Any])
    assert_type(ig.spatial_rsm([t, t]), Tensor)
    assert_type(ig.spatial_rsm([t, t], pairs=([0], [1])), Tensor)


def scalars(x: NDArray[np.float32], t: Tensor, labels: NDArray[np.int64]) -> None:
    assert_type(ig.cka(x, x, kernel="laplacian"), float)
    assert_type(ig.hsic(t, t, estimator="biased"), float)
    assert_type(ig.gbs(t, t, k=5), float)
    assert_type(ig.similarity(x, t, measure=ig.measures()["cka"]), float)
    assert_type(ig.compare_rsms(x, x, method="kendall"), float)
    assert_type(ig.bandwidth(x, rule="mean"), float)
    assert_type(ig.modularity(x, labels), float)
    assert_type(ig.motifs(x, labels), ig.Motifs)
    assert_type(ig.plan("gram", x), ig.Plan)
    assert_type(io.open("layers.npz", reduce="mean"), io.Layers)


def matchings(x: NDArray[np.float32], t: Tensor, frame: Frame, sparse: Sparse) -> ig.Matching:
    found = ig.match(t, maximize=False)
    assert_type(found, ig.Matching[Tensor])
    assert_type(found.columns, Tensor)
    assert_type(found.total, Tensor | float)
    assert_type(ig.match(x).columns, NDArray[Any])
    assert_type(ig.match([[1.0, 2.0], [3.0, 4.0]]), ig.Matching[NDArray[Any]])
    assert_type(ig.match(sparse), ig.Matching[NDArray[Any]])
    assert_type(ig.match(frame), ig.Matching[NDArray[Any]])
    columns, _, gap = ig.match(x, progress=True)
    assert_type(columns, NDArray[Any])
    assert_type(gap, NDArray[Any] | float)
    return ig.match(x)  # of any library, where nobody says which


def semantic_matchings(
    x: NDArray[np.float32], t: Tensor, ragged: Sequence[NDArray[np.float32]], i: NDArray[np.int64]
) -> ig.SemanticMatching:
    one = ig.semantic_matching(x, x, normalize="token")
    assert_type(one, ig.SemanticMatching[NDArray[Any], float])
    assert_type(one.contributions, NDArray[Any])
    assert_type(one.total, float)
    assert_type(ig.semantic_matching(t, t).columns, Tensor)
    assert_type(ig.semantic_matching(t, t).gap, float)
    many = ig.semantic_matching(ragged, pairs=(i, i), layout="nsc")
    assert_type(many, ig.SemanticMatching[NDArray[Any], NDArray[Any]])
    assert_type(ig.semantic_matching([t, t], pairs=(i, i)).total, Tensor)
    assert_type(ig.semantic_matching(t, t, pairs=(i, i)).contributions, Tensor)
    return one


def names_can_be_passed_on(
    x: NDArray[np.float32], kernel: KernelName, estimator: EstimatorName, matching: MatchingName
) -> float:
    ig.semantic_rsm(x, matching=matching)
    ig.gram(x, kernel=kernel)
    return ig.cka(x, x, kernel=kernel, estimator=estimator)


def wrong_names(x: NDArray[np.float32], t: Tensor) -> None:
    ig.gram(x, kernel="rbv")  # type: ignore[call-overload]
    ig.gram(t, kernel="rbv")  # type: ignore[call-overload]
    ig.gram(x, bandwidth="mean")  # type: ignore[call-overload]
    ig.gram(x, precision="int8")  # type: ignore[call-overload]
    ig.center(x, estimator="unbiased")  # type: ignore[call-overload]
    ig.cka(x, x, kernel="rbv")  # type: ignore[arg-type]
    ig.hsic(x, x, estimator="unbiased")  # type: ignore[arg-type]
    ig.cka_matrix([x], kernel="rbv")  # type: ignore[call-overload]
    ig.MinibatchCKA(kernel="rbv")  # type: ignore[arg-type]
    ig.MinibatchGBS(kernel="rbf")  # type: ignore[arg-type]
    ig.MinibatchGBS(small_batches="drop")  # type: ignore[arg-type]
    ig.MinibatchCKA().merge(ig.MinibatchGBS())  # type: ignore[arg-type]
    ig.bandwidth(x, rule="mode")  # type: ignore[arg-type]
    ig.compare_rsms(x, x, method="pearsonr")  # type: ignore[arg-type]
    ig.semantic_rsm(x, kernel="laplacian")  # type: ignore[arg-type]
    ig.semantic_rsm(x, kernel=("linear", "rbv"))  # type: ignore[arg-type]
    ig.semantic_rsm(x, matching="exakt")  # type: ignore[call-overload]
    ig.semantic_rsm(x, precision="tf32")  # type: ignore[call-overload]
    ig.semantic_rsm(x, rank="half")  # type: ignore[call-overload]
    ig.semantic_rsm(x, normalize="rows")  # type: ignore[call-overload]
    ig.semantic_matching(x, x, kernel="rbf")  # type: ignore[call-overload]
    ig.spatial_rsm(x, layout="hwc")  # type: ignore[call-overload]
    ig.measures(kind="angle")  # type: ignore[arg-type]
    ig.plan("cka", x)  # type: ignore[arg-type]
    io.open("layers.npz", reduce="max")  # type: ignore[arg-type]


def wrong_arrays(x: NDArray[np.float32]) -> None:
    ig.gram(object())  # type: ignore[call-overload]
    ig.match(object())  # type: ignore[call-overload]
    ig.semantic_matching(x)  # type: ignore[call-overload]


def wrong_options(x: NDArray[np.float32]) -> None:
    ig.gram(x, sigma=1.0)  # type: ignore[call-overload]
    ig.gbs_matrix([x], k="all")  # type: ignore[call-overload]
    ig.semantic_rsm(x, windows=3)  # type: ignore[call-overload]
    ig.graph(x, k=2.5)  # type: ignore[call-overload]
    ig.match(x, maximise=True)  # type: ignore[call-overload]
