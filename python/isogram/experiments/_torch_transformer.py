"""A vision transformer of PyTorch for grey pictures, trained here and kept on disk.

A sequence of children, as the convolutional networks are: "stem", which makes tokens of patches,
"block1" to "block4", whose outputs are (n, 1 + patches, channels) with the class token first, and
"logits", which are of the class token alone.
"""

from __future__ import annotations

from collections import OrderedDict
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isogram.experiments._classifiers import kept
from isogram.experiments._image_sets import ImageSet
from isogram.experiments._torch_classifiers import TorchClassifier, fit, load

PATCH = 5
_EDITION = 1  # raised when it would be trained otherwise from the same settings
_BLOCKS, _CHANNELS, _HEADS = 4, 64, 4
_EPOCHS = 8
_HIGHEST_RATE = 0.002


class _Patches(nn.Module):
    """A token for each patch, the class token before them, and a vector for each place."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, _CHANNELS, PATCH, PATCH)
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, _CHANNELS))
        self.places = nn.Parameter(0.02 * torch.randn(1, 1 + (side // PATCH) ** 2, _CHANNELS))

    def forward(self, pictures: Tensor) -> Tensor:
        patches = self.patches(pictures).flatten(2).transpose(1, 2)
        return torch.cat([self.class_token.expand(len(pictures), -1, -1), patches], 1) + self.places


class _ClassToken(nn.Module):
    """The first token."""

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens[:, 0]


class Transformer:
    """A transformer that is shown pictures (n, side, side)."""

    def __init__(self, images: ImageSet, seed: int) -> None:
        """Train it, or read the one that was trained before."""
        self._network = TorchClassifier(_trained(images, seed))

    def tokens(self, pictures: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the tokens after each block, the class token first."""
        layers = self._network.layers(pictures)
        return {name: layers[name].numpy() for name in layers if name.startswith("block")}

    def logits(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores of the classes."""
        return self._network.logits(pictures)


def _trained(images: ImageSet, seed: int) -> nn.Sequential:
    settings: dict[str, Any] = {
        "edition": _EDITION,
        "architecture": "vit",
        "images": images.name,
        "checksum": images.checksum,
        "seed": seed,
        "torch": version("torch"),
    }
    model = untrained(images, seed)
    weights = kept(settings, lambda: fit(model, images, seed, _EPOCHS, _HIGHEST_RATE))
    load(model, weights)
    return model


def untrained(images: ImageSet, seed: int) -> nn.Sequential:
    """Return a transformer with weights drawn at random."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        children: OrderedDict[str, nn.Module] = OrderedDict()
        children["stem"] = _Patches(images.pictures.shape[1])
        for i in range(1, _BLOCKS + 1):
            children[f"block{i}"] = nn.TransformerEncoderLayer(
                _CHANNELS, _HEADS, 2 * _CHANNELS, 0.0, "gelu", batch_first=True, norm_first=True
            )
        children["logits"] = nn.Sequential(
            _ClassToken(), nn.LayerNorm(_CHANNELS), nn.Linear(_CHANNELS, images.classes)
        )
        return nn.Sequential(children)
