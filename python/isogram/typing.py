"""Names that arguments take, for annotations: a type checker refuses the name of no kernel."""

from __future__ import annotations

from typing import Literal, TypeAlias

KernelName: TypeAlias = Literal[
    "linear", "cosine", "correlation", "rbf", "laplacian", "laplacian_l2", "polynomial"
]
LayerKernelName: TypeAlias = Literal[KernelName, "precomputed"]  # of functions that compare layers
GraphKernelName: TypeAlias = Literal["cosine", "precomputed"]
GraphMetricName: TypeAlias = Literal["cosine", "correlation", "euclidean"]
SmallBatches: TypeAlias = Literal["error", "skip"]
BandwidthRule: TypeAlias = Literal["median", "mean"]
# A number, by a rule, or a fraction of that; or one for each side.
BandwidthLike: TypeAlias = float | Literal["median"] | tuple[Literal["median"], float]
BandwidthsLike: TypeAlias = BandwidthLike | tuple[BandwidthLike, BandwidthLike]
EstimatorName: TypeAlias = Literal["biased", "debiased"]
PrecisionName: TypeAlias = Literal["float32", "tf32", "bfloat16"]

RsmKernelName: TypeAlias = Literal["linear", "cosine", "rbf"]
RsmPrecisionName: TypeAlias = Literal["float32", "bfloat16", "int8"]
MatchingName: TypeAlias = Literal["exact", "window", "topk", "greedy", "none"]
NormalizationName: TypeAlias = Literal["input", "token"]
LayoutName: TypeAlias = Literal["nsc", "nhwc", "nchw"]
RsmMethodName: TypeAlias = Literal[
    "pearson",
    "spearman",
    "rho_a",
    "kendall",
    "kendall_a",
    "kendall_b",
    "cosine",
    "cka",
    "gbs",
    "whitened_cosine",
    "whitened_pearson",
]

CeilingMethodName: TypeAlias = Literal[
    "spearman", "rho_a", "kendall", "kendall_a", "kendall_b", "pearson", "cosine", "cka"
]
CeilingKernelName: TypeAlias = Literal[LayerKernelName, "distance"]
IntervalName: TypeAlias = Literal["bca", "percentile"]  # of a bootstrap
ResampledName: TypeAlias = Literal["inputs", "features"]
RdmMetricName: TypeAlias = Literal[
    "correlation", "cosine", "euclidean", "sqeuclidean", "mahalanobis"
]

MeasureKind: TypeAlias = Literal["similarity", "distance"]
AggregateName: TypeAlias = Literal["max", "mean"]  # of all pairs of layers
NullName: TypeAlias = Literal["permutations", "moments"]  # how a null distribution is known
ExchangeName: TypeAlias = Literal["samples", "groups"]  # what permutations move
ReductionName: TypeAlias = Literal["flatten", "mean", "mean_nchw"]  # of layers in files
LayerReductionName: TypeAlias = Literal[ReductionName, "positions", "positions_nchw"]
OutputReductionName: TypeAlias = Literal["flatten", "mean", "tokens"]  # of outputs of modules
TokenReductionName: TypeAlias = Literal["mean", "last"]  # of tokens of requests
LinkageName: TypeAlias = Literal[
    "average", "complete", "single", "weighted", "ward", "centroid", "median"
]
OperationName: TypeAlias = Literal[
    "cka_matrix", "gbs_matrix", "gram", "graph", "jsd", "retrieve", "semantic_rsm", "spatial_rsm"
]
