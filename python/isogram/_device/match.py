"""Exact assignment on a GPU."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._device.device import Device, DeviceArray
from isogram._device.results import unset_index
from isogram._errors import PlaceError
from isogram._host.match import match as on_host
from isogram._types import Report


class _Found(NamedTuple):
    """The matchings of all problems of a batch."""

    columns: DeviceArray
    totals: DeviceArray
    gaps: DeviceArray
    is_proven: DeviceArray  # uint8: whether the gap is as small as on the host


def match(
    device: Device, problems: DeviceArray, maximize: bool, num_threads: int, progress: Report
) -> tuple[DeviceArray, Any, Any, int | None]:
    """See `Place`; what the GPU cannot prove is solved by the host."""
    most = device.kernels.most_matched()
    if max(problems.shape[-2:]) > most:
        raise PlaceError(
            ValueError,
            f"`similarity` must have at most {most} rows and columns on a GPU, "
            f"got shape {problems.shape}",
        )
    is_single = problems.ndim == 2
    batch = problems[np.newaxis] if is_single else problems
    found = _queued(device, batch, maximize)
    unproven = np.flatnonzero(device.to_host(found.is_proven) == 0)
    if is_single and unproven.size:
        columns, *rest = on_host(device.to_host(problems), maximize, num_threads, None)
        return device.copy_of(columns), *rest
    if is_single:
        total, gap = (float(device.to_host(values)[0]) for values in (found.totals, found.gaps))
        return found.columns[0], total, gap, None
    infinite = None
    if unproven.size:
        infinite = _solve_on_host(device, batch, maximize, num_threads, unproven, found)
    return *found[:3], infinite


def _solve_on_host(
    device: Device,
    batch: DeviceArray,
    maximize: bool,
    num_threads: int,
    unproven: NDArray[Any],
    found: _Found,
) -> int | None:
    """Let the host solve the problems that the GPU could not prove, or raise its error."""

    def solved(problems: DeviceArray) -> tuple[Any, Any, Any, int | None]:
        return on_host(device.to_host(problems), maximize, num_threads, None)

    try:
        *results, infinite = solved(batch[device.xp.asarray(unproven)])
    except PlaceError:
        unproven = np.arange(len(batch))
        *results, infinite = solved(batch)  # its error names a problem by its number in the batch
    where = device.xp.asarray(unproven)
    for array, values in zip(found[:3], results, strict=True):
        array[where] = device.xp.asarray(values)
    return None if infinite is None else int(unproven[infinite])


def _queued(device: Device, problems: DeviceArray, maximize: bool) -> _Found:
    """Match the rows and columns of every problem, without waiting; some are not proven."""
    count, rows, cols = problems.shape
    if problems.size == 0:
        xp = device.xp
        nothing = xp.zeros((count,))
        return _Found(
            xp.full((count, rows), -1, np.int32), nothing, nothing, xp.ones((count,), np.uint8)
        )
    found = _Found(
        device.empty((count, rows), np.int32),
        device.empty((count,)),
        device.empty((count,)),
        device.empty((count,), np.uint8),
    )
    scratch = device.empty(
        (device.kernels.match_scratch(problems=count, rows=rows, cols=cols),), np.uint8
    )
    not_finite = unset_index(device)  # a problem that is not finite is not proven: the host raises
    device.kernels.match(
        device.stream,
        problems,
        maximize=maximize,
        columns=found.columns,
        totals=found.totals,
        gaps=found.gaps,
        not_finite=not_finite,
        scratch=scratch,
        is_proven=found.is_proven,
    )
    return found
