"""How alike two neural representations are: Gram matrices, CKA, GBS and semantic RSMs.

Arrays are NumPy, CuPy, PyTorch, JAX or anything with DLPack, in the memory of the host or of a CUDA
GPU; results come back in the library of the first argument, where that lies. Gradients do not flow
through: a tensor that requires one is read as if it were detached. `show_config()` tells what runs.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from isogram import simd
from isogram._core import build_info as _build_info
from isogram._errors import CudaError
from isogram._loading import loaded as _loaded
from isogram.bandwidth import bandwidth
from isogram.center import center
from isogram.cka import cka, cka_matrix, hsic
from isogram.communities import Motifs, modularity, motifs
from isogram.compare import compare_rsms
from isogram.config import (
    config,
    get_cmake_dir,
    get_include,
    get_num_threads,
    set_num_threads,
    show_config,
)
from isogram.gbs import gbs, gbs_matrix
from isogram.gram import gram
from isogram.graph import Csr, graph
from isogram.jsd import jsd
from isogram.match import Matching, match
from isogram.measures import measures
from isogram.plan import Plan, Tile, plan
from isogram.rsm import semantic_rsm, spatial_rsm
from isogram.similarity import similarity, similarity_matrix

if TYPE_CHECKING:
    from isogram.minibatch import MinibatchCKA

compare = compare_rsms  # its former name

# At import, because threadpoolctl looks only at libraries that it was told of before it is asked,
# and nobody tells us when that will be. It is one small module without dependencies (6 ms where
# NumPy takes 150), and those who have not installed it, or only an old one without controllers of
# others, pay nothing.
with suppress(ImportError, AttributeError):
    from isogram import _threadpoolctl as _threadpoolctl

__version__: str = _build_info()["version"]

__all__ = [
    "Csr",
    "CudaError",
    "Matching",
    "MinibatchCKA",
    "Motifs",
    "Plan",
    "Tile",
    "__version__",
    "bandwidth",
    "center",
    "cka",
    "cka_matrix",
    "compare_rsms",
    "config",
    "gbs",
    "gbs_matrix",
    "get_cmake_dir",
    "get_include",
    "get_num_threads",
    "gram",
    "graph",
    "hsic",
    "jsd",
    "match",
    "measures",
    "modularity",
    "motifs",
    "plan",
    "semantic_rsm",
    "set_num_threads",
    "show_config",
    "simd",
    "similarity",
    "similarity_matrix",
    "spatial_rsm",
]

# Public names of modules that `import isogram` does not load.
_MODULES = {"MinibatchCKA": "isogram.minibatch"}


def __getattr__(name: str) -> Any:
    """Return what one of `_MODULES` defines, loaded when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(_loaded(_MODULES[name])[0], name)
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _MODULES.keys())
