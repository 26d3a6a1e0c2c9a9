"""Types that all modules share: arrays, kernels, layers, and tables of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, ValuesView
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from numpy.typing import NDArray

# An array of any library: NumPy, PyTorch, JAX, or whatever speaks DLPack.
Array: TypeAlias = Any

# Of results that are several arrays of one library: the array, and a sum over it; Any where an
# annotation does not say, as `Matching` alone.
if TYPE_CHECKING:
    import typing_extensions

    ResultT = typing_extensions.TypeVar("ResultT", default=Any)
    SumT = typing_extensions.TypeVar("SumT", default=Any)
else:  # no type variable has a default before Python 3.13
    ResultT, SumT = TypeVar("ResultT"), TypeVar("SumT")

# Sets of tokens, in one array or one for each input.
_T = TypeVar("_T")
InputsOf: TypeAlias = _T | Sequence[_T] | Iterator[_T] | ValuesView[_T]

# Representations of the same samples, by name or without.
LayersOf: TypeAlias = Mapping[Any, _T] | Iterable[tuple[Any, _T]] | Iterable[_T]

# A callable (done, total) that is told how far a call is, or None.
Report: TypeAlias = Callable[[int, int], object] | None


class Bandwidth(NamedTuple):
    """A checked bandwidth: a number, or a fraction of the median distance."""

    number: float
    of_median: bool


MEDIAN = Bandwidth(1.0, of_median=True)
WITH_BANDWIDTH = ("rbf", "laplacian", "laplacian_l2")


class Kernel(NamedTuple):
    """A checked kernel and its parameters, as the core wants them."""

    name: str
    bandwidth: Bandwidth
    gamma: float  # 0: one over the number of features
    degree: int
    coef0: float
    bandwidth_y: Bandwidth | None = None  # of the second side, where that has another

    @property
    def has_sides(self) -> bool:
        """Whether two sides have different kernels."""
        return self.bandwidth_y is not None and self.name in WITH_BANDWIDTH

    @property
    def of_y(self) -> Kernel:
        """The kernel of the second side."""
        if self.bandwidth_y is None:
            return self
        return self._replace(bandwidth=self.bandwidth_y, bandwidth_y=None)

    @property
    def needs_median(self) -> bool:
        """Whether a bandwidth has to be computed from the data."""
        if self.name not in WITH_BANDWIDTH:
            return False
        return self.bandwidth.of_median or self.of_y.bandwidth.of_median

    def for_core(self) -> dict[str, Any]:
        """Return it as the core's functions take it, but for the bandwidth."""
        return {
            "kernel": self.name,
            "gamma": self.gamma,
            "degree": self.degree,
            "coef0": self.coef0,
        }


class Layers(NamedTuple):
    """Representations of the same samples, with the names that messages give them."""

    names: list[str]
    arrays: list[NDArray[Any]]
    given: Sequence[tuple[Any, Array]] = ()  # the caller's arrays, by the keys of a mapping

    @property
    def samples(self) -> int:
        """Rows of every layer."""
        return len(self.arrays[0])

    @property
    def named(self) -> dict[str, NDArray[Any]]:
        """The layers by their names."""
        return dict(zip(self.names, self.arrays, strict=True))

    def named_with(self, others: Layers | None) -> dict[str, NDArray[Any]]:
        """Return these and the others, if there are others, by their names."""
        if others is None:
            return self.named
        names, arrays = self.names + others.names, self.arrays + others.arrays
        return dict(zip(names, arrays, strict=True))

    def for_core(self, others: Layers | None) -> dict[str, Any]:
        """Return these and the others, if there are others, as the core's functions take them."""
        return {
            "x_layers": self.arrays,
            "y_layers": None if others is None else others.arrays,
            "names_x": self.names,
            "names_y": [] if others is None else others.names,
        }


# HSIC and CKA of all pairs of layers, and the HSIC of each layer of `x` and of `y` with itself, in
# host memory; and the CKA once more, where the layers lie.
HsicTable: TypeAlias = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], Array]


class GbsTable(NamedTuple):
    """Similarities of all pairs of graphs, and how many nodes of each have no edges."""

    gbs: Array  # where the layers lie
    isolated_x: Sequence[int]
    isolated_y: Sequence[int]
