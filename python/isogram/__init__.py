"""How alike two neural representations are: Gram matrices, CKA, GBS and semantic RSMs.

Arrays are NumPy, CuPy, PyTorch, JAX or anything with DLPack, in the memory of the host or of a CUDA
GPU; results come back in the library of the first argument, where that lies. Gradients do not flow
through: a tensor that requires one is read as if it were detached. `show_config()` tells what runs.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from isogram import simd
from isogram._config import (
    config,
    get_cmake_dir,
    get_include,
    get_num_threads,
    set_num_threads,
    show_config,
)
from isogram._core import build_info as _build_info
from isogram._errors import CudaError
from isogram._loading import loaded as _loaded
from isogram._measures import measures, register_measure
from isogram._operations.bandwidth import bandwidth
from isogram._operations.center import center
from isogram._operations.cka import cka, cka_matrix, hsic
from isogram._operations.communities import Motifs, modularity, motifs
from isogram._operations.compare import compare_rsms
from isogram._operations.gbs import gbs, gbs_matrix
from isogram._operations.gram import gram
from isogram._operations.graph import Csr, graph
from isogram._operations.jsd import jsd
from isogram._operations.match import Matching, match
from isogram._operations.plan import Plan, Tile, plan
from isogram._operations.rsm import semantic_rsm, spatial_rsm
from isogram._operations.semantic_matching import SemanticMatching, semantic_matching
from isogram._operations.similarity import similarity, similarity_matrix
from isogram._rows import Rows, rows

if TYPE_CHECKING:
    from isogram._inference.bootstrap import Bootstrap, bootstrap
    from isogram._inference.calibration import Calibration, calibrate
    from isogram._inference.differences import Difference
    from isogram._inference.jackknife import Jackknife, jackknife
    from isogram._inference.noise_ceiling import NoiseCeiling, noise_ceiling
    from isogram._inference.permutation import PermutationTest, permutation_test
    from isogram._measures import Measure
    from isogram._operations.compare_matrix import compare_rsms_matrix
    from isogram._operations.index import Hits, SemanticIndex
    from isogram._operations.minibatch_cka import MinibatchCKA
    from isogram._operations.minibatch_gbs import MinibatchGBS
    from isogram._operations.rdm import rdm
    from isogram._operations.regress import RsmRegression, regress_rsm
    from isogram._operations.retrieval import Retrieval, retrieve

compare = compare_rsms  # its former name

# At import, because threadpoolctl looks only at libraries that it was told of before it is asked,
# and nobody tells us when that will be. It is one small module without dependencies (6 ms where
# NumPy takes 150), and those who have not installed it, or only an old one without controllers of
# others, pay nothing.
with suppress(ImportError, AttributeError):
    from isogram import _threadpoolctl as _threadpoolctl

__version__: str = _build_info()["version"]

__all__ = [
    "Bootstrap",
    "Calibration",
    "Csr",
    "CudaError",
    "Difference",
    "Hits",
    "Jackknife",
    "Matching",
    "Measure",
    "MinibatchCKA",
    "MinibatchGBS",
    "Motifs",
    "NoiseCeiling",
    "PermutationTest",
    "Plan",
    "Retrieval",
    "Rows",
    "RsmRegression",
    "SemanticIndex",
    "SemanticMatching",
    "Tile",
    "__version__",
    "bandwidth",
    "bootstrap",
    "calibrate",
    "center",
    "cka",
    "cka_matrix",
    "compare_rsms",
    "compare_rsms_matrix",
    "config",
    "gbs",
    "gbs_matrix",
    "get_cmake_dir",
    "get_include",
    "get_num_threads",
    "gram",
    "graph",
    "hsic",
    "jackknife",
    "jsd",
    "match",
    "measures",
    "modularity",
    "motifs",
    "noise_ceiling",
    "permutation_test",
    "plan",
    "rdm",
    "register_measure",
    "regress_rsm",
    "retrieve",
    "rows",
    "semantic_matching",
    "semantic_rsm",
    "set_num_threads",
    "show_config",
    "simd",
    "similarity",
    "similarity_matrix",
    "spatial_rsm",
]

# Public names of modules that `import isogram` does not load.
_MODULES = {
    "RsmRegression": "isogram._operations.regress",
    "rdm": "isogram._operations.rdm",
    "regress_rsm": "isogram._operations.regress",
    "Bootstrap": "isogram._inference.bootstrap",
    "Difference": "isogram._inference.differences",
    "Jackknife": "isogram._inference.jackknife",
    "compare_rsms_matrix": "isogram._operations.compare_matrix",
    "Measure": "isogram._measures._measure",
    "MinibatchCKA": "isogram._operations.minibatch_cka",
    "MinibatchGBS": "isogram._operations.minibatch_gbs",
    "Calibration": "isogram._inference.calibration",
    "NoiseCeiling": "isogram._inference.noise_ceiling",
    "PermutationTest": "isogram._inference.permutation",
    "bootstrap": "isogram._inference.bootstrap",
    "calibrate": "isogram._inference.calibration",
    "jackknife": "isogram._inference.jackknife",
    "noise_ceiling": "isogram._inference.noise_ceiling",
    "permutation_test": "isogram._inference.permutation",
    "Hits": "isogram._operations.index",
    "Retrieval": "isogram._operations.retrieval",
    "SemanticIndex": "isogram._operations.index",
    "retrieve": "isogram._operations.retrieval",
}


def _public(value: Any) -> Any:
    """Return a function or class that says it is of `isogram`: in pickles, and to readers."""
    value.__module__ = __name__
    return value


for _name in set(__all__) - _MODULES.keys() - {"__version__", "simd"}:
    _public(globals()[_name])


def __getattr__(name: str) -> Any:
    """Return what one of `_MODULES` defines, loaded when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = _public(getattr(_loaded(_MODULES[name])[0], name))
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _MODULES.keys())
