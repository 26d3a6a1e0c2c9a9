"""Comparison of RSMs on a GPU."""

from __future__ import annotations

import sys

import numpy as np

from isogram import _core
from isogram._device.device import Device, DeviceArray
from isogram._device.results import fetched
from isogram._device.tiles import upper_triangle
from isogram._entries import widened
from isogram._errors import PlaceError, missing_in_one, not_finite_entry
from isogram._statistics.centring import shifts
from isogram._statistics.cosines import cosines
from isogram._statistics.rsm_entries import (
    FEWEST_PAIRS,
    expected_spearman,
    scaled,
    standardised,
)


def compare_rsms(
    device: Device, rsm_a: DeviceArray, rsm_b: DeviceArray, method: str, num_threads: int
) -> float:
    """See `Place`."""
    part = "off_diagonal" if method in ("cka", "gbs") else "above_diagonal"
    queued = _similarity(device, rsm_a, rsm_b, method)
    rsms = {"rsm_a": rsm_a, "rsm_b": rsm_b}
    try:
        return float(fetched(device, rsms, queued, part=part)[0])
    except PlaceError:
        if method in ("cka", "gbs"):
            raise
        kept = _kept_pairs(device, rsms)
    return float(device.to_host(_similarity(device, rsm_a, rsm_b, method, kept)))


def rank_entries(device: Device, rsm: DeviceArray, num_threads: int) -> DeviceArray:
    """See `Place`."""
    return _ranks(device, _tied_triangle(device, rsm))


def _kept_pairs(device: Device, rsms: dict[str, DeviceArray]) -> DeviceArray:
    """Return the places of pairs that are not NaN; wait. Raise where one alone is NaN."""
    triangles = {name: device.to_host(upper_triangle(device, x)) for name, x in rsms.items()}
    missing = {name: np.isnan(values) for name, values in triangles.items()}
    rows, cols = np.triu_indices(len(rsms["rsm_a"]), 1)
    for name, values in triangles.items():
        for place in np.flatnonzero(np.isinf(values))[:1]:
            raise not_finite_entry(name, float(values[place]), (int(rows[place]), int(cols[place])))
    for place in np.flatnonzero(missing["rsm_a"] != missing["rsm_b"])[:1]:
        raise missing_in_one(missing["rsm_a"][place], (int(rows[place]), int(cols[place])))
    kept = np.flatnonzero(~missing["rsm_a"])
    if len(kept) < FEWEST_PAIRS:
        raise PlaceError(
            ValueError,
            f"`rsm_a` must have at least {FEWEST_PAIRS} pairs that are not NaN, got {len(kept)}",
        )
    return device.xp.asarray(kept)


def _similarity(
    device: Device, a: DeviceArray, b: DeviceArray, method: str, kept: DeviceArray | None = None
) -> DeviceArray:
    """Return one double; NaN where a matrix is constant. `kept` are the pairs that count."""
    if method in ("cka", "gbs"):
        a, b = (_as_doubles(device, rsm) for rsm in (a, b))
        return (_cka if method == "cka" else _gbs)(device, a, b)
    triangle = _kept_triangle if method in ("pearson", "cosine") else _tied_triangle
    a, b = (triangle(device, rsm, kept) for rsm in (a, b))
    if method in ("spearman", "rho_a"):
        a, b = (_ranks(device, values) for values in (a, b))
    if method == "rho_a":
        mean = (len(a) + 1) / 2
        return expected_spearman(((a - mean) * (b - mean)).sum(), len(a))
    if method in ("kendall", "kendall_a", "kendall_b"):
        return _kendall(device, a, b, of_all_pairs=method == "kendall_a")
    if method != "cosine":
        a, b = (standardised(device.xp, values) for values in (a, b))
    return _cosine(device, scaled(device.xp, a), scaled(device.xp, b))


def _as_doubles(device: Device, rsm: DeviceArray) -> DeviceArray:
    return widened(rsm).astype(np.float64)


def _kept_triangle(
    device: Device, rsm: DeviceArray, kept: DeviceArray | None = None
) -> DeviceArray:
    values = upper_triangle(device, rsm)
    return values if kept is None else values[kept]


def _tied_triangle(
    device: Device, rsm: DeviceArray, kept: DeviceArray | None = None
) -> DeviceArray:
    """Return the upper triangle, with one value for all that only rounding separates.

    The rule and its reasons stand in isogram/compare.hpp, and the host's code in ties.hpp.
    """
    if rsm.dtype not in (np.float32, np.float64):
        return _kept_triangle(device, rsm, kept)
    eps, n = float(np.finfo(rsm.dtype).eps), len(rsm)
    rsm = device.xp.where(device.xp.triu(device.xp.ones((n, n), bool), 1), rsm, 0.0)
    rsm = rsm.astype(np.float64)
    if kept is not None:
        rsm = device.xp.where(device.xp.isnan(rsm), 0.0, rsm)
    values, scale = _settled_sums(device, rsm, eps, kept)
    ordered, first, _ = _groups(device, values, eps, scale)
    return ordered[first][device.xp.searchsorted(ordered, values)]


def _settled_sums(
    device: Device, k: DeviceArray, eps: float, kept: DeviceArray | None
) -> tuple[DeviceArray, DeviceArray]:
    """Return the triangle, with 0 for sums that only rounding keeps from 0, and their terms' scale.

    Of a matrix that shows no such scale, the triangle as it is, and 0. `k` is 0 on and below its
    diagonal.
    """
    xp, rule, size = device.xp, _core.TIE_RULE, device.xp.abs(k)
    reach = xp.maximum(size.max(axis=0), size.max(axis=1))
    are_cosines = xp.abs(reach.max() - 1) <= rule["spread"] * eps
    scale = xp.where(are_cosines, 1.0, xp.sort(reach)[len(k) // 2])
    zero = rule["zero"] * eps
    of_sample = zero * xp.where(reach <= zero * scale, scale, xp.minimum(reach, scale))
    zeros = xp.minimum(of_sample[:, None], of_sample)
    is_zero = size <= zeros
    is_hardly_larger = ~is_zero & (size <= rule["isolation"] / rule["spread"] * zeros)
    zeros_are_left = (is_zero & (size > 0)).any() & ~is_hardly_larger.any()
    has_levels = _are_levels(device, _kept_triangle(device, k, kept), eps, scale)
    is_shown = (
        (k < 0).any()
        & (are_cosines | (zeros_are_left & has_levels))
        & _are_of_many_samples(device, k, scale)
    )
    settled = xp.where(is_shown & zeros_are_left & is_zero, 0.0, k)
    return _kept_triangle(device, settled, kept), xp.where(is_shown, scale, 0.0)


def _are_of_many_samples(device: Device, k: DeviceArray, scale: DeviceArray) -> DeviceArray:
    xp = device.xp
    counts = (xp.abs(k) * _core.TIE_RULE["same_scale"]) >= scale
    degrees = xp.sort(counts.sum(axis=0) + counts.sum(axis=1))
    few = len(k) // _core.TIE_RULE["few"]
    return degrees[len(k) - few :].sum() < counts.sum()


def _are_levels(device: Device, values: DeviceArray, eps: float, scale: DeviceArray) -> DeviceArray:
    ordered, first, last = _groups(device, values, eps, scale)
    is_entry = device.xp.abs(ordered[first]) > _core.TIE_RULE["zero"] * eps * scale
    shared = (is_entry & (first < last)).sum()
    rounded = is_entry & (ordered[first] < ordered[last])
    return (2 * shared >= is_entry.sum()) & rounded.any()


def _groups(
    device: Device, values: DeviceArray, eps: float, scale: DeviceArray
) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
    """Return the sorted values and, of each, the places of the first and last of its ties."""
    xp, n, rule = device.xp, len(values), _core.TIE_RULE
    ordered = xp.sort(values)
    unit = eps * xp.maximum(xp.abs(ordered), scale * (rule["zero"] / rule["spread"]))
    gaps = xp.full((n + 1,), np.inf)
    gaps[1:n] = ordered[1:] - ordered[:-1]
    is_isolated = xp.ones((n,), bool)
    is_isolated[1:] = gaps[1:n] > rule["isolation"] * xp.maximum(unit[1:], unit[:-1])
    group = xp.cumsum(is_isolated)
    first = xp.searchsorted(group, group, side="left")
    last = xp.searchsorted(group, group, side="right") - 1
    width = rule["spread"] * xp.maximum(unit[first], unit[last])
    span = ordered[-1] - ordered[0]
    magnitude = xp.maximum(xp.maximum(ordered[first], -ordered[last]), 0.0)
    room = xp.minimum(xp.minimum(gaps[first], gaps[last + 1]), xp.minimum(span / n, magnitude))
    others = xp.minimum(last - first, rule["largest_power"])
    share = xp.where(room > width, width, 1.0) / xp.where(room > width, room, 1.0)
    has_room = n * share**others <= rule["by_chance"]
    is_group = (ordered[last] - ordered[first] <= width) & (has_room | (span <= width))
    return (
        ordered,
        xp.where(is_group, first, xp.searchsorted(ordered, ordered, side="left")),
        xp.where(is_group, last, xp.searchsorted(ordered, ordered, side="right") - 1),
    )


def _cosine(device: Device, a: DeviceArray, b: DeviceArray) -> DeviceArray:
    sums = ((a * b).sum(), (a * a).sum(), (b * b).sum())
    return cosines(device.xp, *sums, undefined=np.nan)


def _ranks(device: Device, values: DeviceArray) -> DeviceArray:
    """Ranks from 1 on; equal values share the mean of theirs."""
    first, end = _places(device, values)
    return (first + end + 1) / 2


def _places(device: Device, values: DeviceArray) -> tuple[DeviceArray, DeviceArray]:
    """For every value, how many are smaller, and how many are not larger."""
    xp = device.xp
    ordered = xp.sort(values)
    return (
        xp.searchsorted(ordered, values, side="left"),
        xp.searchsorted(ordered, values, side="right"),
    )


def _kendall(device: Device, a: DeviceArray, b: DeviceArray, *, of_all_pairs: bool) -> DeviceArray:
    """tau-b, or of all pairs tau-a, from exact counts (Knight 1966), in m log m."""
    xp, m = device.xp, len(a)
    first_a, end_a = _places(device, a)
    first_b, end_b = _places(device, b)
    # In the order of (a, b), a pair is discordant if its second entry has the smaller b.
    keys = first_a * m + first_b
    in_order = first_b[xp.argsort(keys, kind="stable")].astype(np.float64)
    discordant = device.zeros((1,), np.uint64)
    device.kernels.count_inversions(device.stream, in_order, device.empty((m,)), discordant)
    discordant = discordant.view(np.int64)[0]

    def ties(first: DeviceArray, end: DeviceArray) -> DeviceArray:
        return (end - first - 1).sum() // 2

    pairs = m * (m - 1) // 2
    ties_a, ties_b = ties(first_a, end_a), ties(first_b, end_b)
    concordant = pairs - ties_a - ties_b + ties(*_places(device, keys)) - discordant
    counts = (concordant - discordant, pairs - ties_a, pairs - ties_b)
    agreeing, of_a, of_b = (count.astype(np.float64) for count in counts)
    if of_all_pairs:
        return agreeing / pairs
    return cosines(xp, agreeing, of_a, of_b, undefined=np.nan)


def _cka(device: Device, a: DeviceArray, b: DeviceArray) -> DeviceArray:
    """Debiased CKA; HSIC is the inner product of the U-centred matrices over n(n - 3)."""
    xp, n = device.xp, len(a)
    a, b = (_u_centred(device, k) for k in (a, b))
    aa, bb = (a * a).sum(), (b * b).sum()
    # Matrices that centring takes to 0, constant ones among them, leave rounding of entries ≤ 1.
    vanishing = (n * 16 * sys.float_info.epsilon) ** 2
    similarity = cosines(xp, (a * b).sum(), aa, bb, undefined=np.nan)
    return xp.where((aa <= vanishing) | (bb <= vanishing), np.nan, similarity)


def _u_centred(device: Device, k: DeviceArray) -> DeviceArray:
    """U-centre a symmetric matrix, see `center`, in units of its own spread."""
    xp, n = device.xp, len(k)
    is_diagonal = xp.eye(n, dtype=bool)
    high = xp.where(is_diagonal, -np.inf, k).max()
    low = xp.where(is_diagonal, np.inf, k).min()
    # A constant added off the diagonal changes nothing, so the middle comes off first: nothing
    # cancels, nor overflows.
    k = scaled(device.xp, xp.where(is_diagonal, 0.0, k - (low / 2 + high / 2)))
    taken = shifts(k.sum(axis=1), hollow=True)
    return xp.where(is_diagonal, 0.0, k - taken[:, None] - taken)


def _gbs(device: Device, a: DeviceArray, b: DeviceArray) -> DeviceArray:
    """Mean cosine of the rows without their diagonals; a zero row gives 0."""
    xp = device.xp
    is_diagonal = xp.eye(len(a), dtype=bool)
    a, b = (scaled(device.xp, xp.where(is_diagonal, 0.0, rsm), axis=1) for rsm in (a, b))
    return cosines(xp, *((r * s).sum(axis=1) for r, s in ((a, b), (a, a), (b, b)))).mean()
