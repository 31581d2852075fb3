"""Whether images agree in what their metadata say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from multiscope.images.image import ImageInfo
from multiscope.quality.notice import MOST_EXAMPLES, Notice, notice

LEAST_UM, MOST_UM = 0.01, 2.0
"""A pixel of a light microscope's image of cells shows between these: 100x lenses 0.04 to 0.16 um, 4x about 1.6 um."""

_UNKNOWN = (None, None)


class Consistency:
    """Gathers the metadata of images; keeps counts and a few names."""

    def __init__(self) -> None:
        """Start with no image."""
        self.n = 0
        self._counts: dict[str, Counter[Hashable]] = {}
        self._names: dict[tuple[str, Hashable], list[str]] = {}

    def add(self, info: ImageInfo) -> None:
        """Add one image."""
        self.n += 1
        for what, value_of in _VALUES.items():
            value = value_of(info)
            self._counts.setdefault(what, Counter())[value] += 1
            names = self._names.setdefault((what, value), [])
            if len(names) < MOST_EXAMPLES:
                names.append(info.name)

    def notices(self) -> list[Notice]:
        """What does not agree or is missing."""
        return [*self._mixed(), *self._flagged()]

    def _mixed(self) -> Iterator[Notice]:
        for code, what in _MIXED.items():
            counts = Counter({value: n for value, n in self._counts.get(what, Counter()).items() if value != _UNKNOWN})
            if len(counts) < 2:
                continue
            (first, n), *others = counts.most_common()
            differ = counts.total() - n
            few = ", ".join(f"{_said(value)} ({m})" for value, m in others[:3])
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            seen = f"{n} of {self.n} images have the {what} {_said(first)}, others {few}{more}"
            yield notice(code, seen, differ, self._names[what, others[0][0]])

    def _flagged(self) -> Iterator[Notice]:
        for code, (what, value, said) in _FLAGGED.items():
            if n := self._counts.get(what, Counter())[value]:
                yield notice(code, f"{n} of {self.n} images {said}", n, self._names[what, value])
        yield from self._implausible()
        for remark, n in self._counts.get("remark", Counter()).most_common(10):
            if remark:
                yield notice("remark", f"{n} of {self.n} images: {remark}", n, self._names["remark", remark])

    def _implausible(self) -> Iterator[Notice]:
        what = "implausible pixel size"
        counts = Counter({size: n for size, n in self._counts.get(what, Counter()).items() if size is not None})
        if counts:
            (size, n), more = counts.most_common(1)[0], counts.total()
            others = f", {more - n} others of other such sizes" if more > n else ""
            seen = f"{n} of {self.n} images say that a pixel is {size:g} um large{others}"
            yield notice("implausible_pixel_size", seen, more, self._names[what, size])


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return " x ".join(
            "?" if part is None else f"{part:g}" if isinstance(part, float) else str(part) for part in value
        )
    return str(value)


def _rounded(size: float | None) -> float | None:
    return None if size is None else float(f"{size:.5g}")


def _names(info: ImageInfo) -> str:
    return ", ".join(map(repr, info.channels)) if info.channels else f"{info.shape[1]} unnamed"


def _has_plane_size(info: ImageInfo) -> bool:
    return info.pixel_size.y is not None and info.pixel_size.x is not None


def _implausible(info: ImageInfo) -> float | None:
    """The side of a pixel that cannot be the sample's."""
    sides = [side for side in (info.pixel_size.y, info.pixel_size.x) if side is not None]
    return next((_rounded(side) for side in sides if not LEAST_UM <= side <= MOST_UM), None)


_VALUES: dict[str, Callable[[ImageInfo], Hashable]] = {
    "type": lambda info: str(info.dtype),
    "shape": lambda info: tuple(size for axis, size in zip("tczyx", info.shape, strict=True) if axis in "zyx"),
    "pixel size": lambda info: tuple(map(_rounded, info.pixel_size[1:])),
    "channels": _names,
    "has a pixel size": _has_plane_size,
    "is square": lambda info: not _has_plane_size(info) or info.pixel_size.plane_um is not None,
    "implausible pixel size": _implausible,
    "lossy": lambda info: info.lossy,
    "bits": lambda info: 8 * info.dtype.itemsize,
    "remark": lambda info: "; ".join(info.remarks),
}
_MIXED = {
    "mixed_dtype": "type",
    "mixed_channels": "channels",
    "mixed_pixel_size": "pixel size",
    "mixed_shape": "shape",
}
_FLAGGED: dict[str, tuple[str, Hashable, str]] = {
    "anisotropic": ("is square", False, "have pixels that are not square"),
    "jpeg": ("lossy", True, "are compressed with loss (JPEG)"),
    "eight_bit": ("bits", 8, "have 8 bits"),
    "no_pixel_size": ("has a pixel size", False, "do not say how large a pixel is"),
}
