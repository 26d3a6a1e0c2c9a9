"""HSIC and CKA of Gram matrices that are given."""

from __future__ import annotations

from typing import Any

from isogram._arithmetic import usual_arithmetic
from isogram._statistics.centred_products import CentredProducts, centred_rsms
from isogram._statistics.given_grams import of_grams
from isogram._statistics.layer_pairs import LayerPairs
from isogram._statistics.moments import Hsic, cka, in_own_units, known
from isogram._types import Kernel


def hsic_of_grams(pairs: LayerPairs, kernel: Kernel, *, is_debiased: bool) -> tuple[Any, ...]:
    """Return the fields of a `CkaTable`: matrices are centred before they are multiplied."""
    pairs = of_grams(pairs)
    place, xp, n = pairs.place, pairs.place.xp, pairs.x.samples
    divisor = n * (n - 3) if is_debiased else (n - 1) ** 2
    with place.entered(), usual_arithmetic():
        grams = centred_rsms(pairs, kernel, "debiased" if is_debiased else "double")
        sums = CentredProducts(*(values / divisor for values in grams.products()))
        of_x, of_y = n**2 * sums.rounding_x, n**2 * sums.rounding_y
        hsic = known(xp, Hsic(*sums[:3]), of_x, of_y, n, is_symmetric=pairs.y is None)
        values = cka(xp, hsic)
        hsic = in_own_units(xp, hsic, *pairs.sides(grams.exponents))
    cross, self_x, self_y = map(place.to_host, hsic)
    names = pairs.x.names, pairs.names_y
    return cross, place.to_host(values), self_x, self_y, values, *names
