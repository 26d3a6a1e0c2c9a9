"""Divergences of predictions, to hold an RSM against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import distributions_of, no_distributions, threads
from isogram._arrays import Output
from isogram._errors import PlaceError
from isogram._labels import of_samples
from isogram._memory import FEWER_SAMPLES, PASS_OUT
from isogram._progress import Progress, reporting
from isogram._types import Array

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import ArrayT, JsdOptions


@overload
def jsd(
    probabilities: ArrayT, other: Array | None = None, **options: Unpack[JsdOptions]
) -> ArrayT: ...
@overload
def jsd(
    probabilities: ArrayLike, other: Array | None = None, **options: Unpack[JsdOptions]
) -> NDArray[Any]: ...
def jsd(
    probabilities: Array,
    other: Array | None = None,
    *,
    out: Array | None = None,
    num_threads: int | None = None,
    progress: Progress = False,
) -> Array:
    """Return the Jensen-Shannon divergences, in bits, of all pairs of distributions.

    JSD(p, q) = H((p + q)/2) - (H(p) + H(q))/2 with H the entropy to base 2: 0 for equal
    distributions, 1 for disjoint ones. An RSM, of similarities, is compared with 1 - JSD.

    Parameters
    ----------
    probabilities : array of shape (n, c)
        Distributions in rows: not negative, each summing to 1 within 1e-3 (float16 and bfloat16:
        1e-2), such as a network's softmax. Sums are made exact in float64.
    other : array of shape (m, c), optional
        Other distributions; by default `probabilities` again.
    out : array of shape (n, n) or (n, m), optional
        Where to write the result: of its type, any strides, not overlapping the inputs.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in pairs.

    Returns
    -------
    array of shape (n, n) or (n, m)
        In the library of `probabilities`, from 0 to 1; of frames of pandas as for `gram`. Of one
        set: exactly symmetric, with a zero diagonal.

    Raises
    ------
    ValueError
        A negative entry, a row that does not sum to 1, a NaN or infinity, whose index is named; a
        wrong shape.
    TypeError
        Types that are neither floats nor integers nor booleans.
    MemoryError
        A result larger than the memory, of the machine or of the GPU.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32; any float64 input → float64. Integers as for
    `gram`. Cost: c logarithms per pair. Memory: the result and one packed copy of the inputs. The
    call does not wait for a GPU: a row that is no distribution gives NaN, not an error. Source: Lin
    1991.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> ig.jsd(np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([[0., 1.],
           [1., 0.]])
    """
    workers = threads("jsd", num_threads)
    inputs = distributions_of("jsd", probabilities, other)
    rows, cols = inputs["probabilities"], inputs.get("other")
    shape = (len(rows), len(rows if cols is None else cols))
    advice = f"{PASS_OUT}, or {FEWER_SAMPLES}"
    result = Output("jsd", out, shape, inputs, probabilities, advice)
    try:
        with reporting("jsd", progress) as report:
            result.place.jsd(rows, cols, result.array, workers, report)
    except PlaceError as error:
        raise no_distributions("jsd", error, inputs) from None
    matrix = result.give()
    return (
        matrix
        if type(probabilities) is np.ndarray
        else of_samples(matrix, probabilities, other, out)
    )
