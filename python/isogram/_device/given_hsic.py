"""HSIC and CKA of Gram matrices that are given, on a GPU."""

from __future__ import annotations

from isogram._arithmetic import usual_arithmetic
from isogram._device.device import Device
from isogram._statistics.centred_products import CentredProducts, centred_rsms
from isogram._statistics.given_grams import of_grams
from isogram._statistics.layer_pairs import LayerPairs
from isogram._statistics.moments import Hsic, cka, in_own_units, known
from isogram._types import MEDIAN, HsicTable, Kernel

_GIVEN = Kernel("precomputed", MEDIAN, 0.0, 1, 0.0)


def hsic_table_of_grams(device: Device, pairs: LayerPairs, debiased: bool) -> HsicTable:
    """See `Place`; matrices are centred before they are multiplied."""
    pairs = of_grams(pairs)
    xp, n = device.xp, pairs.x.samples
    divisor = n * (n - 3) if debiased else (n - 1) ** 2
    with usual_arithmetic():
        grams = centred_rsms(pairs, _GIVEN, "debiased" if debiased else "double")
        sums = CentredProducts(*(values / divisor for values in grams.products()))
        of_x, of_y = n**2 * sums.rounding_x, n**2 * sums.rounding_y
        hsic = known(xp, Hsic(*sums[:3]), of_x, of_y, n, is_symmetric=pairs.y is None)
        values = cka(xp, hsic)
        hsic = in_own_units(xp, hsic, *pairs.sides(grams.exponents))
    cross, self_x, self_y = map(device.to_host, hsic)
    return cross, device.to_host(values), self_x, self_y, values
