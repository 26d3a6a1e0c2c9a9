"""What stands in the way of targets that are missed, on the machines of the committed results.

Where "at the limit" in a table of targets is below the bound, the bound is out of that machine's
reach: no program could do the necessary work fast enough.
"""

from __future__ import annotations

Reasons = tuple[tuple[str, str, str], ...]  # case, target and reason; the first that fits counts

# An AVX-512 server core at 2.3 GHz of a shared host (Cascade Lake).
HALF_EACH = (
    "NumPy's OpenBLAS takes its AVX-512 kernels on this processor, and of x @ x.T it computes one "
    "triangle, as isogram does: both are bound by the same FMA peak and by the new result's memory"
)
SHARED_CORE = (
    "the micro-kernel takes 97 % of the peak at the best of times; at others multiply-adds in "
    "registers fall to 75 % of it and the micro-kernel to 47 %, even on 4 kB of data, as they "
    "would beside another guest on the core's second thread"
)
RESULT_MEMORY = (
    f"{SHARED_CORE}; packing the input (6 %), writing the result both ways (4 %) and the first "
    "touch of its memory (7 to 20 %, none with `out=`) come on top. Tried: wider tiles, other "
    "depths, unrolling, fewer prefetches, broadcasts within the multiply-adds; fetching the "
    "result's lines during the products was worth 8 to 20 % and is in"
)
PRODUCTS = (
    f"products take 70 % of the time, and {SHARED_CORE}; packing, exponentials and the sums in "
    "float64 that keep the digits take a tenth each. Tried: wider tiles, packing in one pass (no "
    "faster: it waits for memory)"
)
OTHER_PROCESSOR = (
    "the bounds come from a study on another processor; run here on the same problems, without "
    "checks or certificate, it takes 1.25 to 1.5 × isogram's time. At S = 49, C = 320, of 18,500 "
    "cycles of the time stamp counter sweeps take 8,000 (two ports could do their 8,700 vector "
    "operations in 4,350), searches 4,800 (chains of 65 cycles a step, which wider vectors do not "
    "shorten), copying, minima, greedy matching and certificate 5,400. Tried: sweeps in "
    "registers, other schedules, ε quartered, sparse sweeps, bounded row reduction, forests of "
    "searches, fetching the next problem ahead. Measured before columns were over-relaxed, large "
    "searches scanned two columns at a time and small problems took turns (here, 7 to 10 %); on "
    "Zen 4 all that is worth 20 to 35 %"
)
MATCHING_SHARE = (
    "affinities run at 80 % of the peak, and assignments take 8 to 12 µs a pair at S = 49, 135 of "
    "210 µs at S = 196 and 3.7 of 4.3 ms at S = 784, for the reasons given at match"
)
SHARED_HOST = (
    "both cores at once reach 1.97 × the FMA peak of one, but share the last cache and the memory "
    "with each other, and perhaps each its second thread with other guests: the same call measured "
    "again gives 1.5 to 2.1"
)
XEON: Reasons = (
    ("gram-linear", "NumPy", HALF_EACH),
    ("gram-linear", "FMA peak", RESULT_MEMORY),
    ("gram-", "two threads", "both threads write to the same memory, first touched in the call"),
    (
        "gram-rbf",
        "scikit-learn",
        "products at the peak and the new memory of the result, which the system zeroes for "
        "scikit-learn too, take 60 % of the time; exponentials and distances take a tenth",
    ),
    ("gram-laplacian", "avx2", "within what the host's other guests change from run to run"),
    ("center", "two threads", "one thread takes most of the memory's bandwidth"),
    (
        "compare-",
        "two threads",
        "sorting and ranking are cut into tasks, but wait for memory, which two cores share",
    ),
    ("", "two threads", SHARED_HOST),
    (
        "cka-linear-biased",
        "three lines",
        "the same three products at the same peak; isogram centres and sums in float64, for an "
        "error of 5e-10 instead of 2e-7",
    ),
    ("cka-", "×", PRODUCTS),
    ("gbs-full", "NumPy", PRODUCTS),
    ("match-real", "×", OTHER_PROCESSOR),
    (
        "rsm-s49c1280",
        "bfloat16",
        "this processor has no products of bfloat16 (AVX-512 BF16), which are multiplied as "
        "float32; int8, which it has, is in the table of the case",
    ),
    ("rsm-", "×", MATCHING_SHARE),
    (
        "growth",
        "time per pair",
        "no trend with the number of inputs: single calls take up to a minute, and the host's "
        "other guests change the speed by a fifth from one to the next",
    ),
)

# A Zen 4 server core at 3.6 GHz, two of which are a virtual machine. Vectors of 512 bits are
# computed in halves: AVX2 has 0.88 to 0.99 of the speed throughout.
FOUR_FIFTHS = (
    "products take four fifths of the time, at 0.92 to 0.97 of the FMA peak; in a profile of RBF "
    "CKA sums in float64, exponentials, distances, packing and new memory take 2 to 6 % each"
)
ZEN4_MATCHING = (
    "affinities take 14.1 of 19.2 µs a pair at S = 49, C = 320, and 80 of 153 at S = 196, C = 112: "
    "0.94 to 0.97 of this processor's FMA peak, which is half of that of the processor that the "
    "bounds come from. The bounds are 18.2 and 134 µs; affinities at the peak leave 4.9 and 59 of "
    "them for everything else, which takes 5.1 and 73. Affinities in half the time, for isogram "
    "and for NumPy, would make it 12.8 and 20.9 ×. Of the 73 µs searches take 21, sweeps 20, "
    "exponentials 10, the certificate 5, copying, minima and greedy matching 13. Tried: K in "
    "bfloat16, two columns a step of a small search, one search from all free rows at once (1.3 to "
    "5 times the steps), bounded row reduction, other orders of free rows, a certificate in "
    "float32 first, over-relaxed rows, 4 to 10 levels. Strassen's products would save an "
    "eighth, and lose the digits of small entries beside large ones"
)
ZEN4: Reasons = (
    ("gram-linear", "NumPy as", HALF_EACH),
    (
        "gram-rbf",
        "scikit-learn",
        "products at the peak and the result's new memory take 0.79 of the time; exponentials, "
        "distances and packing the rest",
    ),
    ("cka-linear-biased", "three lines", "the same three products at the same peak"),
    ("cka-", "×", FOUR_FIFTHS),
    ("gbs-full", "NumPy", FOUR_FIFTHS),
    (
        "rsm-s49c1280",
        "bfloat16",
        "products of bfloat16, at 0.95 of twice the FMA peak, take 28 of 47 µs a pair, matching 9, "
        "scoring the matched pairs in float32 7: their tokens, 0.5 MB a pair, come from the second "
        "cache. Tried: parts of 32 to 256 channels (no difference)",
    ),
    ("rsm-s49c1280", "×", "affinities alone, at the FMA peak, take longer than the bound"),
    ("rsm-", "×", ZEN4_MATCHING),
    (
        "",
        "two threads",
        "both cores at once reach twice the FMA peak of one, but share the last cache and the "
        "memory: within the spread of what was measured",
    ),
)

BY_PROCESSOR = {"Intel Xeon Processor @ 2.50GHz": XEON, "AMD EPYC": ZEN4}


def reason(processor: str, case: str, what: str) -> str:
    """Return why a target may be out of reach: the first entry whose names fit."""
    for of_case, of_target, why in BY_PROCESSOR.get(processor, ()):
        if case.startswith(of_case) and of_target in what:
            return why
    return ""
