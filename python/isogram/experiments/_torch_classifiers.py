"""Convolutional networks of PyTorch: plain, and with residual blocks.

Both are sequences of children: a first convolution, three stages of as many layers each as `depth`
says, the first of which halves the maps, and "logits". So the children up to one are the bottom of
a network and the others its top.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from isogram.experiments._classifiers import Classifier
from isogram.experiments._image_sets import ImageSet
from isogram.torch import record

_BATCH = 64
_WIDTHS = (16, 32, 64)
_HIGHEST_RATE = 0.01
_Floats = NDArray[np.float32]


class _Residual(nn.Module):
    """Two convolutions, whose output is added to the input."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(channels, width, stride)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )
        same = stride == 1 and channels == width
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, width, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.second(self.first(x)) + self.shortcut(x))


def _convolution(channels: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )


def untrained(architecture: str, images: ImageSet, seed: int, depth: int) -> nn.Sequential:
    """Return a network with weights drawn at random."""
    layer = {"cnn": _convolution, "resnet": _Residual}[architecture]
    side = images.pictures.shape[1]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        children: OrderedDict[str, nn.Module] = OrderedDict()
        children["stem"] = _convolution(1, _WIDTHS[0], 2 if side > 16 else 1)
        channels = _WIDTHS[0]
        for stage, width in enumerate(_WIDTHS, 1):
            for i in range(1, depth + 1):
                stride = 2 if stage > 1 and i == 1 else 1
                children[f"stage{stage}_{i}"] = layer(channels, width, stride)
                channels = width
        children["logits"] = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, images.classes)
        )
        return nn.Sequential(children)


def fit(
    model: nn.Sequential,
    images: ImageSet,
    seed: int,
    epochs: int,
    highest_rate: float = _HIGHEST_RATE,
) -> dict[str, Any]:
    """Train a network and return its weights; without epochs only the norms see the pictures."""
    pictures, labels = as_input(images.pictures), torch.from_numpy(images.labels)
    steps = max(1, epochs) * -(-len(labels) // _BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-3)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, highest_rate, total_steps=steps)
    draws = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(max(1, epochs)):
        for batch in torch.randperm(len(labels), generator=draws).split(_BATCH):
            with torch.set_grad_enabled(epochs > 0):
                loss = functional.cross_entropy(model(pictures[batch]), labels[batch])
            if epochs > 0:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                rates.step()
    return {name: tensor.numpy() for name, tensor in model.eval().state_dict().items()}


def load(model: nn.Module, weights: dict[str, Any]) -> None:
    """Put weights into a network."""
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    model.eval().requires_grad_(False)


def as_input(pictures: _Floats) -> Tensor:
    """Return pictures as maps of one channel."""
    return torch.from_numpy(np.ascontiguousarray(pictures))[:, None]


class TorchClassifier:
    """A `Classifier` of PyTorch."""

    def __init__(self, model: nn.Sequential) -> None:
        """Take the model."""
        self.model = model

    def layers(self, pictures: _Floats) -> dict[str, Any]:
        """Return the maps of all children, recorded by `isogram.torch`."""
        return record(self.model, as_input(pictures).split(256), reduce=lambda maps: maps)

    def logits(self, pictures: _Floats) -> _Floats:
        """Return the scores of the classes."""
        with torch.no_grad():
            batches = [self.model(batch) for batch in as_input(pictures).split(256)]
        scores: _Floats = torch.cat(batches).numpy()
        return scores

    def gradient(self, pictures: _Floats, labels: NDArray[np.int64]) -> _Floats:
        """Return the gradient of the cross-entropy of each picture."""
        x = as_input(pictures).requires_grad_()
        classes = torch.from_numpy(labels)
        loss = functional.cross_entropy(self.model(x), classes, reduction="sum")
        gradient: _Floats = torch.autograd.grad(loss, x)[0][:, 0].numpy()
        return gradient


def stitched_accuracies(
    bottom: Classifier,
    top: Classifier,
    fitted: _Floats,
    pictures: _Floats,
    labels: NDArray[np.int64],
) -> list[float]:
    """Return the accuracy of the bottom up to each layer, a linear map and the top of another.

    The map is a convolution of 1 × 1 with bias, the least squares from the maps of one network to
    those of the other on the pictures to fit. After "logits" it maps scores to scores.
    """
    of_bottom, of_top = bottom.layers(fitted), top.layers(fitted)
    tested = bottom.layers(pictures)
    rates = []
    for i, name in enumerate(of_bottom):
        weights = np.linalg.lstsq(_rows(of_bottom[name]), _rows(of_top[name], 0), rcond=None)[0]
        mapped = torch.from_numpy(_rows(tested[name]) @ weights)
        shape = tested[name].shape
        if len(shape) == 4:  # back from rows of channels to (n, c, h, w)
            mapped = mapped.reshape(shape[0], *shape[2:], -1).permute(0, 3, 1, 2)
        with torch.no_grad():
            scores = _model_of(top)[i + 1 :](mapped)
        rates.append(float(np.mean(scores.argmax(1).numpy() == labels)))
    return rates


def _model_of(network: Classifier) -> nn.Sequential:
    assert isinstance(network, TorchClassifier)
    return network.model


def _rows(maps: Tensor, ones: int = 1) -> _Floats:
    """Return a row of channels for each position, and a column of ones for a bias."""
    rows = maps.movedim(1, -1).flatten(0, -2) if maps.ndim == 4 else maps
    array: _Floats = np.pad(rows.numpy(), ((0, 0), (0, ones)), constant_values=1)
    return array


def removable(network: Classifier) -> list[str]:
    """Return the residual blocks whose maps come out of the size that goes in."""
    blocks = _model_of(network).named_children()
    return [
        name
        for name, block in blocks
        if isinstance(block, _Residual) and isinstance(block.shortcut, nn.Identity)
    ]


def without(
    network: Classifier, blocks: Sequence[str], images: ImageSet, seed: int, epochs: int
) -> TorchClassifier:
    """Return a copy without some blocks, trained for some epochs more."""
    kept = [
        (name, child) for name, child in _model_of(network).named_children() if name not in blocks
    ]
    model = copy.deepcopy(nn.Sequential(OrderedDict(kept)))
    if epochs:
        fit(model.requires_grad_(True), images, seed, epochs)
    return TorchClassifier(model.eval().requires_grad_(False))
