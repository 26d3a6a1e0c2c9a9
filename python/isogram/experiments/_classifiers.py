"""Small networks that classify pictures, trained here and kept on disk.

`trained(architecture, images, seed)` trains a network, or reads the one that was trained before.
"cnn" and "resnet" are of PyTorch; "mlp" is trained by scikit-learn and computed in NumPy.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isogram._output import replacing
from isogram.experiments._image_sets import ImageSet

# Raised when networks would be trained otherwise from the same settings.
_EDITION = 1

# Of an architecture: layers in each of its three parts, and passes over the pictures.
_DEPTH = {"mlp": 2, "cnn": 3, "resnet": 3}
_EPOCHS = {"mlp": 30, "cnn": 6, "resnet": 6}
_MLP_WIDTH = 128

_Floats = NDArray[np.float32]


class Classifier(Protocol):
    """A classifier of pictures (n, height, width)."""

    def layers(self, pictures: _Floats) -> dict[str, Any]:
        """Return all layers: features (n, c), or maps (n, c, h, w)."""
        ...

    def logits(self, pictures: _Floats) -> _Floats:
        """Return the scores of the classes, (n, classes)."""
        ...

    def gradient(self, pictures: _Floats, labels: NDArray[np.int64]) -> _Floats:
        """Return the gradient of the cross-entropy of each picture, of the shape of `pictures`."""
        ...


def accuracy(network: Classifier, pictures: _Floats, labels: NDArray[np.int64]) -> float:
    """Return the share of pictures whose class is predicted."""
    return float(np.mean(network.logits(pictures).argmax(axis=1) == labels))


def require_several(seeds: Sequence[int]) -> None:
    """Raise unless there are two networks of an architecture to compare."""
    if len(seeds) < 2:
        raise ValueError("run: `seeds` must be at least 2, whose networks are compared, got 1")


def trained(
    architecture: str,
    images: ImageSet,
    seed: int,
    *,
    depth: int | None = None,
    epochs: int | None = None,
) -> Classifier:
    """Return a network, trained here or read from the cache.

    Parameters
    ----------
    architecture
        "mlp", "cnn" or "resnet".
    images
        Pictures to train on.
    seed
        Of weights and batches.
    depth
        Layers in each of three stages; by default 3, and 2 of an mlp.
    epochs
        Passes over the pictures; by default 6, and 30 of an mlp. With 0 weights stay as drawn.
    """
    depth = _DEPTH[architecture] if depth is None else depth
    epochs = _EPOCHS[architecture] if epochs is None else epochs
    library = "scikit-learn" if architecture == "mlp" else "torch"
    settings = {
        "edition": _EDITION,
        "architecture": architecture,
        "images": images.name,
        "checksum": images.checksum,
        "seed": seed,
        "depth": depth,
        "epochs": epochs,
        library: version(library),
    }
    if architecture == "mlp":
        return Mlp(kept(settings, lambda: _fit_mlp(images, seed, depth, epochs)))
    from isogram.experiments import _torch_classifiers as of_torch

    model = of_torch.untrained(architecture, images, seed, depth)
    of_torch.load(model, kept(settings, lambda: of_torch.fit(model, images, seed, epochs)))
    return of_torch.TorchClassifier(model)


def kept(settings: dict[str, Any], train: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the weights of settings from the folder of the cache, after training them into it."""
    from safetensors.numpy import load_file, save

    name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:20]
    path = cache_folder() / f"{settings['architecture']}-{name}.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {key: np.ascontiguousarray(value) for key, value in train().items()}
        with replacing(path) as new:
            new.write(save(arrays, {key: str(value) for key, value in settings.items()}))
    weights: dict[str, Any] = load_file(path)
    return weights


def cache_folder() -> Path:
    """Return where trained networks are kept: $ISOGRAM_CACHE, or isogram in the user's cache."""
    if folder := os.environ.get("ISOGRAM_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "isogram"


class Mlp:
    """Fully connected layers with ReLU, in NumPy."""

    def __init__(self, weights: dict[str, Any]) -> None:
        """Take the weights w0, w1, … and b0, b1, …, inputs in rows."""
        depth = len(weights) // 2
        self.weights = [(weights[f"w{i}"], weights[f"b{i}"]) for i in range(depth)]

    def layers(self, pictures: _Floats) -> dict[str, Any]:
        """Return the outputs of all layers."""
        outputs = self._outputs(pictures)
        names = [f"layer{i + 1}" for i in range(len(outputs) - 1)]
        return dict(zip([*names, "logits"], outputs, strict=True))

    def logits(self, pictures: _Floats) -> _Floats:
        """Return the scores of the classes."""
        return self._outputs(pictures)[-1]

    def gradient(self, pictures: _Floats, labels: NDArray[np.int64]) -> _Floats:
        """Return the gradient of the cross-entropy of each picture."""
        outputs = self._outputs(pictures)
        scores = np.exp(outputs[-1] - outputs[-1].max(axis=1, keepdims=True))
        back = scores / scores.sum(axis=1, keepdims=True)
        back[np.arange(len(labels)), labels] -= 1
        for output, (weight, _) in zip(outputs[-2::-1], self.weights[:0:-1], strict=True):
            back = (back @ weight.T) * (output > 0)
        gradient: _Floats = (back @ self.weights[0][0].T).reshape(pictures.shape)
        return gradient

    def _outputs(self, pictures: _Floats) -> list[_Floats]:
        outputs: list[_Floats] = []
        x = pictures.reshape(len(pictures), -1)
        for i, (weight, bias) in enumerate(self.weights):
            x = x @ weight + bias
            if i < len(self.weights) - 1:
                x = np.maximum(x, 0)
            outputs.append(x)
        return outputs


def _fit_mlp(images: ImageSet, seed: int, depth: int, epochs: int) -> dict[str, Any]:
    """Return the weights of a network that scikit-learn trains."""
    flat = images.pictures.reshape(len(images.pictures), -1)
    sizes = (flat.shape[1], *[_MLP_WIDTH] * (3 * depth), images.classes)
    if not epochs:
        return _drawn(sizes, seed)
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    model = MLPClassifier(sizes[1:-1], batch_size=64, max_iter=epochs, random_state=seed, tol=0)
    # Products are so small that a second thread only waits.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as many epochs as were asked for
        model.fit(flat, images.labels)
    weights = {f"w{i}": w.astype(np.float32) for i, w in enumerate(model.coefs_)}
    return weights | {f"b{i}": b.astype(np.float32) for i, b in enumerate(model.intercepts_)}


def _drawn(sizes: tuple[int, ...], seed: int) -> dict[str, Any]:
    """Return random weights that keep the size of features after ReLU (He et al. 2015)."""
    generator = np.random.default_rng(seed)
    weights: dict[str, Any] = {}
    for i, (rows, columns) in enumerate(pairwise(sizes)):
        drawn = generator.standard_normal((rows, columns)) * np.sqrt(2 / rows)
        weights |= {f"w{i}": drawn.astype(np.float32), f"b{i}": np.zeros(columns, np.float32)}
    return weights
