"""Types of overloads, for type checkers alone: nothing imports this module when it runs.

A function returns arrays of the library of its first argument. Its overloads say so, a line each;
the function itself says what its options are by default.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypedDict, TypeVar

from isogram._progress import Progress
from isogram._types import Array, LayersOf
from isogram.typing import (
    BandwidthLike,
    BandwidthsLike,
    EstimatorName,
    GraphKernelName,
    GraphMetricName,
    KernelName,
    LayerKernelName,
    LayoutName,
    MatchingName,
    MeasureKind,
    NormalizationName,
    PrecisionName,
    RdmMetricName,
    RsmMethodName,
    RsmPrecisionName,
)


# Arrays of other libraries, each told from NumPy's by what these lack.
class _Exchanged(Protocol):
    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...


class TorchTensor(_Exchanged, Protocol):
    """A tensor of PyTorch."""

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are recorded."""


class CupyArray(_Exchanged, Protocol):
    """An array of CuPy."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Return a copy in host memory."""


class JaxArray(_Exchanged, Protocol):
    """An array of JAX."""

    @property
    def at(self) -> Any:
        """What makes updated copies."""


class PandasFrame(Protocol):
    """A frame of pandas: results have its labels."""

    @property
    def iloc(self) -> Any:
        """What reads rows by their places."""


# An array of another library than NumPy, first among overloads: an NDArray[Any] is none of them,
# and so matches one overload only.
ArrayT = TypeVar("ArrayT", bound=TorchTensor | CupyArray | JaxArray | PandasFrame)
# The same where results have no labels: of a frame they are NumPy's.
TensorT = TypeVar("TensorT", bound=TorchTensor | CupyArray | JaxArray)


class SparseMatrix(Protocol):
    """A sparse matrix of SciPy."""

    def tocoo(self, copy: bool = ...) -> Any:
        """Return it as lists of entries."""


class _Threads(TypedDict, total=False):
    num_threads: int | None


class _Progress(_Threads, total=False):
    progress: Progress


class _KernelParameters(TypedDict, total=False):
    gamma: float | None
    degree: int
    coef0: float


class GramOptions(_KernelParameters, _Threads, total=False):
    """Options of `gram`."""

    kernel: KernelName
    bandwidth: BandwidthLike
    precision: PrecisionName
    out: Array | None


class CenterOptions(_Threads, total=False):
    """Options of `center`."""

    estimator: EstimatorName
    out: Array | None


class CkaMatrixOptions(_KernelParameters, _Progress, total=False):
    """Options of `cka_matrix`."""

    kernel: LayerKernelName
    bandwidth: BandwidthsLike
    estimator: EstimatorName
    precision: PrecisionName
    given: LayersOf[Any] | None


class GbsMatrixOptions(_Progress, total=False):
    """Options of `gbs_matrix`."""

    k: int | None
    center: bool
    kernel: GraphKernelName
    precision: PrecisionName


class GraphOptions(_Threads, total=False):
    """Options of `graph`, but for `k`, which decides what it returns."""

    metric: GraphMetricName
    center: bool
    symmetrize: bool
    precision: PrecisionName


class CompareRsmsMatrixOptions(_Threads, total=False):
    """Options of `compare_rsms_matrix`."""

    method: RsmMethodName
    kinds: tuple[MeasureKind, MeasureKind] | None
    sigma_k: Array | None
    given: LayersOf[Array] | None


class RdmOptions(_Threads, total=False):
    """Options of `rdm`."""

    metric: RdmMetricName
    noise_covariance: Array | None
    condensed: bool


class JsdOptions(_Progress, total=False):
    """Options of `jsd`."""

    out: Array | None


class MatchOptions(_Progress, total=False):
    """Options of `match`."""

    maximize: bool


class SemanticMatchingOptions(_Progress, total=False):
    """Options of `semantic_matching`, but for `pairs`, which decides what totals are."""

    kernel: Literal["cosine", "linear"]
    normalize: NormalizationName
    layout: LayoutName
    lengths: Any
    other_lengths: Any
    mask: Any
    other_mask: Any


class RetrieveOptions(_Progress, total=False):
    """Options of `retrieve`."""

    candidates: int | Array | None
    checked: int
    kernel: Literal["cosine", "linear"]
    normalize: NormalizationName
    layout: LayoutName
    lengths: Any
    gallery_lengths: Any
    mask: Any
    gallery_mask: Any
    job: str | os.PathLike[str] | None


class SpatialRsmOptions(_Progress, total=False):
    """Options of `spatial_rsm`, but for `kernel`, which decides how many RSMs it returns."""

    pairs: tuple[Any, Any] | None
    normalize: NormalizationName
    layout: LayoutName
    lengths: Any
    other_lengths: Any
    bandwidth: BandwidthLike
    out: Array | None
    gpus: int | Sequence[int] | None
    memory_limit: int | None


class SemanticRsmOptions(SpatialRsmOptions, total=False):
    """Options of `semantic_rsm`, but for `kernel`."""

    matching: MatchingName
    window: int | None
    topk: int | None
    precision: RsmPrecisionName
    rank: int | Literal["auto"] | None
    mean_loss: float | None
    mask: Any
    other_mask: Any
    loss: Array | None
