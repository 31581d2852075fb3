"""What was drawn into an image: scale bars, boxes, black margins and text, told from what a lens can make.

A lens blurs, so a structure that reaches the end of the range has neighbours that nearly do. What a program has drawn
has one value up to a straight edge, and ordinary background right beside it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Plane = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

MOST_OF_PLANE = 0.25
"""An end of the range that more pixels have is the background itself (zeros after its subtraction)."""
SMALLEST_BAR = 24
"""Pixels of a bar or box; the largest exact rectangle at an end of the range in 422 clean fields has 16."""
SMALLEST_LETTER, FEWEST_LETTERS = 6, 3
"""Pixels of a letter and letters in a row: fewer are found in clean fields by chance."""
SHARP = 0.5
"""Median step over the outline, as a share of the step down to the image's median: a lens gives less."""
_MOST_PARTS = 2000


class Drawn(NamedTuple):
    """Something drawn: kind, extent in pixels, value."""

    kind: str
    y: int
    x: int
    height: int
    width: int
    value: float

    @property
    def text(self) -> str:
        """What it is and where."""
        return f"{self.kind} of {self.width} x {self.height} pixels, all {self.value:g}, at x {self.x}, y {self.y}"


def drawn_in(plane: Plane) -> Drawn | None:
    """The largest bar or box, or else a row of letters, that was drawn into a plane (Y, X) at an end of its range."""
    low, high = plane.min(), plane.max()
    if low == high:
        return None
    middle = float(np.median(plane))
    found = [part for value in (high, low) for part in _at(plane, value, middle)]
    return max(found, key=lambda part: (part.kind != "text", part.height * part.width), default=None)


def _at(plane: Plane, value: Any, middle: float) -> list[Drawn]:
    mask = plane == value
    n = int(np.count_nonzero(mask))
    step = abs(float(value) - middle)
    if not SMALLEST_BAR <= n <= MOST_OF_PLANE * plane.size or step == 0:
        return []
    parts, n_parts = ndimage.label(mask)
    if n_parts > _MOST_PARTS:
        return []
    letters: list[tuple[slice, slice]] = []
    found: list[Drawn] = []
    sizes = np.bincount(parts.ravel(), minlength=n_parts + 1)[1:]
    for number, (size, at) in enumerate(zip(sizes, ndimage.find_objects(parts), strict=True), start=1):
        height, width = (s.stop - s.start for s in at)
        is_bar = size == height * width >= SMALLEST_BAR and min(height, width) >= 2
        if (is_bar or size >= SMALLEST_LETTER) and _is_sharp(plane, parts, number, at, step):
            if is_bar:
                found.append(Drawn("a bar or box", at[0].start, at[1].start, height, width, float(value)))
            else:
                letters.append(at)
    # dark letters on a dark background look like its grains
    return found + (_rows(letters, float(value)) if float(value) > middle else [])


def _is_sharp(plane: Plane, parts: npt.NDArray[np.int32], number: int, at: tuple[slice, slice], step: float) -> bool:
    """Whether the values right outside of a part are mostly ordinary."""
    around = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in at)
    own: Mask = parts[around] == number
    outline = ndimage.binary_dilation(own) & (parts[around] == 0)
    if not outline.any():
        return False
    value = float(plane[around][own][0])
    return bool(np.median(np.abs(plane[around][outline].astype(np.float64) - value)) >= SHARP * step)


def _rows(letters: list[tuple[slice, slice]], value: float) -> list[Drawn]:
    """Letters of about one height, side by side on one line."""
    found = []
    for first in letters:
        height = first[0].stop - first[0].start
        row = [at for at in letters if _same_line(first[0], at[0]) and abs(at[1].start - first[1].start) < 12 * height]
        if len(row) >= FEWEST_LETTERS and height >= 4:
            top, left = min(at[0].start for at in row), min(at[1].start for at in row)
            bottom, right = max(at[0].stop for at in row), max(at[1].stop for at in row)
            found.append(Drawn("text", top, left, bottom - top, right - left, value))
    return found


def _same_line(a: slice, b: slice) -> bool:
    return bool(abs(a.start - b.start) <= 2 and abs(a.stop - b.stop) <= 2)
