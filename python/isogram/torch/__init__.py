"""From PyTorch models to measures of their layers (extra `torch`).

    record(model, batches)          {layer: features}, for every function of isogram
    compare_models(a, b, batches)   a measure of all pairs of layers, in one pass over the batches
    CKAMetric, GBSMetric            CKA, GBS in a loop of your own, over all processes
    from_cache, from_thingsvision, from_safetensors     layers that other tools extracted

Models are put into eval mode and run without gradients; hooks, modes and gradients are as before
when a call ends, also when it raises.
"""

from __future__ import annotations

try:
    import torch as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        "isogram.torch needs PyTorch: pip install 'isogram[torch]'", name="torch"
    ) from error

from isogram.torch._adapters import from_cache, from_safetensors, from_thingsvision
from isogram.torch._compare import Comparison, compare_models
from isogram.torch._metric import CKAMetric, GBSMetric
from isogram.torch._record import record
from isogram.torch._recording import Recording

__all__ = [
    "CKAMetric",
    "Comparison",
    "GBSMetric",
    "Recording",
    "compare_models",
    "from_cache",
    "from_safetensors",
    "from_thingsvision",
    "record",
]
