"""Debiased CKA of layers whose features are a sample too."""

from isogram._measures._measure import Measure
from isogram._statistics.sampled_features import feature_debiased_cka

measure = Measure(
    name="cka_feature_debiased",
    summary="linear CKA, debiased for samples and for features that are a sample of more, too",
    kind="similarity",
    range=(float("-inf"), float("inf")),
    invariances=frozenset({"permutation of features", "isotropic scaling", "translation"}),
    fewest=4,
    needs="sampled_features",
    value=feature_debiased_cka,
    cost="n² d",
    source="Chun et al. 2025",
)
