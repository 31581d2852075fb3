"""What the numbers of one channel say about how it was exposed and stored."""

from __future__ import annotations

import math
from collections.abc import Iterator

from multiscope.quality.notice import Finding
from multiscope.quality.statistics import Statistics

LEAST_SATURATED = 1e-4
"""Share of pixels at the top of a detector's range that is told: 26 of a field of 512 x 512, a small spot."""
FEWEST_SATURATED = 5
"""The one brightest pixel of an image that was stretched to the full range is no loss."""
LEAST_PILED = 1e-3
"""Share at a maximum that is no detector's: some pixels of a dim image share it by chance."""
LEAST_CLIPPED = 0.01
PILE = 3.0
"""An end of the range is a pile where it has this many times the pixels of the next value. A tail has fewer than it."""
OFFSET = 2**15
DETECTOR_BITS = (8, 10, 11, 12, 14, 16)


def exposure(numbers: Statistics) -> Iterator[Finding]:
    """What is wrong with the exposure of a channel."""
    if numbers.n_not_finite:
        share = numbers.n_not_finite / numbers.n_pixels
        yield Finding("not_finite", f"{numbers.n_not_finite} pixels ({percent(share)}) are NaN or infinite", share)
    if math.isnan(numbers.minimum):
        return
    if numbers.minimum == numbers.maximum:
        yield Finding("constant", f"every pixel is {numbers.minimum:g}", 1)
        return
    if numbers.percentiles["p0_1"] == numbers.percentiles["p99_9"]:
        yield Finding("empty", f"99.8 % of its pixels or more are {numbers.percentiles['p50']:g}", 1)
        return
    yield from _ends(numbers)
    if offset := offset_of(numbers):
        span = f"its values lie between {numbers.minimum:g} and {numbers.maximum:g}"
        yield Finding("offset", f"{span}, as if {offset:g} were added to all", numbers.minimum)


def _ends(numbers: Statistics) -> Iterator[Finding]:
    n = numbers.n_pixels - numbers.n_not_finite
    top, bottom = numbers.n_at_maximum / n, numbers.n_at_minimum / n
    bits = full_bits(numbers)
    if bits and top >= LEAST_SATURATED and numbers.n_at_maximum >= FEWEST_SATURATED:
        seen = f"{percent(top)} of its pixels are {numbers.maximum:g}, the most that {bits} bits hold"
        yield Finding("saturated", seen, top)
    elif not bits and top >= LEAST_PILED and _is_pile(numbers.n_at_maximum, numbers.n_next_to_maximum):
        yield Finding("saturated", f"{percent(top)} of its pixels are {numbers.maximum:g}, where its values end", top)
    if bottom >= LEAST_CLIPPED and _is_pile(numbers.n_at_minimum, numbers.n_next_to_minimum):
        seen = f"{percent(bottom)} of its pixels are {numbers.minimum:g}, where its values begin"
        yield Finding("clipped", seen, bottom)


def _is_pile(n_at_end: int, n_next: int | None) -> bool:
    return n_next is None or n_at_end >= PILE * n_next


def offset_of(numbers: Statistics) -> float:
    """The constant that was added to every number, 0 where there is none that is known for certain."""
    is_shifted = numbers.dtype.itemsize > 1 and numbers.minimum >= OFFSET and numbers.maximum < 2 * OFFSET
    return float(OFFSET) if is_shifted else 0.0


def full_bits(numbers: Statistics) -> int:
    """The bits of the detector whose highest number is the maximum; 0 where there is none."""
    highest = _without_shift(numbers)
    return next((bits for bits in DETECTOR_BITS if highest == 2**bits - 1), 0)


def used_bits(numbers: Statistics) -> int:
    """Bits that the numbers need, without an offset and without common zeros at their end."""
    highest = _without_shift(numbers)
    return int(highest).bit_length() if highest >= 0 else 0


def _without_shift(numbers: Statistics) -> float:
    """The maximum without an offset, and as if bits that lie in the upper part of a number were moved down."""
    return (numbers.maximum - offset_of(numbers)) / (numbers.step & -numbers.step)


def percent(share: float) -> str:
    """A share with two digits that count, e.g. `0.034 %`."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
