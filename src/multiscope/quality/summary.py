"""Many images looked at one by one, and what only all of them together can show."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.quality.duplicates import near_duplicates
from multiscope.quality.exposure import percent, used_bits
from multiscope.quality.hot_pixels import Recurring
from multiscope.quality.illumination import Shading
from multiscope.quality.look import ChannelLook, Look
from multiscope.quality.notice import MOST_EXAMPLES, Findings, Notice, notice

MOST_COMPARED = 20_000
"""Images whose pictures are compared: 40 MB a channel, and half a minute."""
_DIM_BITS, _USUAL_BITS = 8, 10
_FEW_BITS = 12
_MOST_SAID = 4


class Quality:
    """Gathers looks at images; its memory grows by a row and a thumbnail an image."""

    def __init__(self, *, fields: bool = True) -> None:
        """`fields`: whether these are whole fields of view, whose background tells of the illumination."""
        self._fields = fields
        self._n = 0
        self._rows: list[dict[str, Any]] = []
        self._findings: dict[str, Findings] = {}
        self._first: dict[str, str] = {}
        self._copies: list[tuple[str, str]] = []
        self._copied: set[str] = set()
        self._names: list[str] = []
        self._digests: list[frozenset[str]] = []
        self._thumbnails: dict[str, dict[int, npt.NDArray[np.float16]]] = defaultdict(dict)
        self._shading: dict[str, Shading] = defaultdict(Shading)
        self._recurring: dict[str, Recurring] = defaultdict(Recurring)
        self._bits: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        self._dim: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, look: Look) -> None:
        """Add a look; the order of looks is that of examples and rows."""
        number, self._n = self._n, self._n + 1
        if number < MOST_COMPARED:
            self._names.append(look.name)
            self._digests.append(frozenset(d for part in look.channels for d in part.digests) - {""})
        for part in look.channels:
            self._rows.append({"name": look.name, "channel": part.channel, **part.statistics.row()})
            for finding in part.findings:
                found = self._findings.setdefault(finding.code, Findings(finding.code, []))
                found.add(look.name, part.channel, finding)
            self._compare(look.name, part)
            if number < MOST_COMPARED and part.thumbnail.any():
                self._thumbnails[part.channel][number] = part.thumbnail
            self._shading[part.channel].add(part.background, offset=part.offset)
            self._recurring[part.channel].add(part.shape, list(part.spikes))
            self._count_bits(look.name, part)

    def _compare(self, name: str, part: ChannelLook) -> None:
        for time, digest in enumerate(part.digests):
            if not digest:
                continue
            label = f"{name!r}, channel {part.channel!r}" + (f", time {time}" if len(part.digests) > 1 else "")
            if (first := self._first.setdefault(digest, label)) != label:
                self._copied.add(name)
                if len(self._copies) < MOST_EXAMPLES:
                    self._copies.append((first, label))

    def _count_bits(self, name: str, part: ChannelLook) -> None:
        is_label = any(finding.code == "label_image" for finding in part.findings)
        if is_label or part.statistics.dtype.kind not in "ui" or part.statistics.dtype.itemsize < 2:
            return
        key, bits = (part.channel, str(part.statistics.dtype)), used_bits(part.statistics)
        self._bits[key][bits] += 1
        if bits <= _DIM_BITS and len(self._dim[key]) < MOST_EXAMPLES:
            self._dim[key].append(name)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row an image and channel, in the order they were added."""
        return self._rows

    def notices(self) -> list[Notice]:
        """All that a user should know, warnings first."""
        singles = [found.notice(self._n) for found in self._findings.values() if found.code != "hot_pixels"]
        together = (self._hot, self._duplicates, self._pictures, self._uneven, self._ranges)
        return ordered([*singles, *(told for tell in together for told in tell())])

    def _hot(self) -> Iterator[Notice]:
        again = [(n, channel, y, x) for channel, found in self._recurring.items() for y, x, n in found.pixels()]
        if again:
            n, channel, y, x = max(again)
            several = "the same pixel rises" if len(again) == 1 else f"the same {len(again)} pixels rise"
            where = f"that at x {x}, y {y} of channel {channel!r} in {n} of {self._n}"
            yield notice("hot_pixels", f"{several} far above all neighbours in image after image, {where}", n)
        elif found := self._findings.get("hot_pixels"):
            yield found.notice(self._n)

    def _duplicates(self) -> Iterator[Notice]:
        if self._copies:
            first, second = self._copies[0]
            n = len(self._copied)
            times = "1 image has" if n == 1 else f"{n} images have"
            seen = f"{times} the very same pixels as another or as another of its channels, e.g. {first} and {second}"
            yield notice("duplicate", seen, n, [f"{a} = {b}" for a, b in self._copies])

    def _pictures(self) -> Iterator[Notice]:
        pairs = self._near_pairs()
        if pairs:
            (a, b), alike = max(pairs.items(), key=lambda pair: pair[1])
            among = f" among the first {MOST_COMPARED}" if self._n > MOST_COMPARED else ""
            n = "1 pair of images shows" if len(pairs) == 1 else f"{len(pairs)} pairs of images show"
            most = f"most {self._names[a]!r} and {self._names[b]!r} (correlation {alike:.2f})"
            examples = [f"{self._names[a]!r} ~ {self._names[b]!r}" for a, b in pairs]
            yield notice("near_duplicate", f"{n} nearly the same picture{among}, {most}", len(pairs), examples)

    def _near_pairs(self) -> dict[tuple[int, int], float]:
        """Pairs of images with like pictures in a channel, but not the same pixels, and their correlation."""
        found: dict[tuple[int, int], float] = {}
        for thumbnails in self._thumbnails.values():
            numbers, stacked = list(thumbnails), np.stack(list(thumbnails.values()))
            for i, j in near_duplicates(stacked):
                pair = numbers[i], numbers[j]
                if not self._digests[pair[0]] & self._digests[pair[1]]:
                    found[pair] = float(stacked[i].astype(np.float32) @ stacked[j].astype(np.float32))
        return found

    def _uneven(self) -> Iterator[Notice]:
        falls = {channel: shading.fall() for channel, shading in self._shading.items() if self._fields}
        uneven = {channel: fall for channel, fall in falls.items() if fall}
        if uneven:
            said = _listed([f"{percent(fall)} in channel {channel!r}" for channel, fall in uneven.items()])
            n = max(self._shading[channel].n for channel in uneven)
            mean = f"in the mean of {n} fields" if n > 1 else "in one field"
            seen = f"{mean} the background falls from its brightest to its darkest place by {said}"
            yield notice("uneven_illumination", seen, n)

    def _ranges(self) -> Iterator[Notice]:
        few = {key: max(bits) for key, bits in self._bits.items() if max(bits) <= _FEW_BITS}
        if few:
            said = _listed(
                [f"{bits} of {_bits(dtype)} bits in channel {name!r}" for (name, dtype), bits in few.items()]
            )
            n = max(self._bits[key].total() for key in few)
            yield notice("unused_bits", f"the values use only {said}", n)
        for key, bits in self._bits.items():
            usual = sorted(bits.elements())[bits.total() // 2]
            dim = sum(count for value, count in bits.items() if value <= _DIM_BITS)
            if dim and usual > _USUAL_BITS:
                seen = f"{dim} of {bits.total()} images stay below 256, the others reach up to {2**usual - 1}"
                yield notice("mixed_range", f"channel {key[0]!r}: {seen}", dim, self._dim[key])


def ordered(notices: list[Notice]) -> list[Notice]:
    """Warnings first, each kind in its order."""
    return sorted(notices, key=lambda told: told.level != "warning")


def _bits(dtype: str) -> int:
    return 8 * np.dtype(dtype).itemsize


def _listed(parts: list[str]) -> str:
    more = f" and {len(parts) - _MOST_SAID} more" if len(parts) > _MOST_SAID else ""
    return ", ".join(parts[:_MOST_SAID]) + more
