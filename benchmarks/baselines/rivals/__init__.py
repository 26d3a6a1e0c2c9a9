"""Packages that do a part of what isogram does, one small adapter each.

An adapter imports its package when it is imported itself, so that `load` can say what is missing.
Every function takes NumPy arrays, of float32 unless it says otherwise, and the number of threads
where the package wants to be told; the harness limits BLAS and OpenMP for all of them.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType

# adapter → the distribution that it needs
PACKAGES = {
    "calibrated_similarity": "calibrated-similarity",
    "ckatorch": "ckatorch",
    "dcor": "dcor",
    "faiss": "faiss-cpu",
    "fastlap": "fastlap",
    "hyppo": "hyppo",
    "lapcpp": "lapcpp",
    "lapjv": "lapjv",
    "lapx": "lapx",
    "networkx": "networkx",
    "openblas": "numpy",
    "pot": "POT",
    "pytorch_cka": "pytorch-cka",
    "repsim": "repsim",
    "rsatoolbox": "rsatoolbox",
    "scikit_learn": "scikit-learn",
    "torch": "torch",
    "torch_cka": "torch-cka",
    "torch_linear_assignment": "torch-linear-assignment",
    "torchmatch": "torchmatch",
}


@dataclass(frozen=True)
class Unavailable:
    """Why a rival cannot take part."""

    reason: str


def load(name: str) -> ModuleType | Unavailable:
    """Return the adapter called `name`, or why there is none."""
    try:
        return importlib.import_module(f"{__name__}.{name}_adapter")
    except ImportError as error:
        return Unavailable(f"{PACKAGES[name]} is not installed: {error}")
    except (OSError, RuntimeError, AttributeError, ValueError) as error:
        reason = str(error).partition("\n")[0][:300]  # a failed compilation goes on for pages
        return Unavailable(f"{PACKAGES[name]} does not import: {reason}")
