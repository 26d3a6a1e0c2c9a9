"""rsatoolbox: comparisons of dissimilarity matrices; `cosine_cov` is biased linear CKA."""

from __future__ import annotations

from typing import Any

import numpy as np
from rsatoolbox.data import Dataset
from rsatoolbox.inference import eval_bootstrap_pattern
from rsatoolbox.model import ModelFixed
from rsatoolbox.rdm import RDMs, calc_rdm
from rsatoolbox.rdm import compare as compare_rdms


def linear_biased(x: Any, y: Any) -> float:
    """Return biased linear CKA."""
    rdms = [calc_rdm(Dataset(z), method="euclidean") for z in (x, y)]
    return float(compare_rdms(*rdms, method="cosine_cov")[0, 0])


def compare(a: Any, b: Any, method: str) -> float:
    """Return `corr`, `spearman`, `kendall` or `cosine` of two RSMs' upper triangles."""
    upper = np.triu_indices(len(a), k=1)
    rdms = [RDMs(rsm[upper][None]) for rsm in (a, b)]
    return float(compare_rdms(*rdms, method=method)[0, 0])


def compare_many(rows: Any, cols: Any, method: str) -> Any:
    """Return a method of rsatoolbox, such as `rho-a`, of all pairs of condensed RSMs."""
    return compare_rdms(RDMs(rows), RDMs(cols), method=method)


def bootstrap(models: Any, subjects: Any, method: str, resamples: int) -> Any:
    """Return a method of all pairs of condensed RSMs, after that of models in all resamples."""
    fixed = [ModelFixed(str(i), rsm) for i, rsm in enumerate(models)]
    eval_bootstrap_pattern(fixed, RDMs(subjects), method=method, N=resamples, boot_noise_ceil=False)
    return compare_many(models, subjects, method)
