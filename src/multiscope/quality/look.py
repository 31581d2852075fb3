"""One image looked at: its numbers, and what single images can show to be wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.quality.annotation import drawn_in
from multiscope.quality.duplicates import SIDE, pixel_digest, thumbnail
from multiscope.quality.exposure import exposure, offset_of
from multiscope.quality.hot_pixels import ALONE, Spike, spikes_of
from multiscope.quality.illumination import Grid, background_of
from multiscope.quality.jpeg_grid import has_jpeg_grid
from multiscope.quality.label_image import is_label_image
from multiscope.quality.notice import Finding
from multiscope.quality.statistics import Statistics, Tally

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ChannelLook:
    """What was seen in one channel of one image.

    Statistics and digests are those of all its pixels; what needs a plane looks at the middle one of the first time.
    """

    channel: str
    statistics: Statistics
    digests: tuple[str, ...]
    """One a time point; empty text for one that is constant."""
    shape: tuple[int, int]
    thumbnail: npt.NDArray[np.float16]
    background: Grid | None
    spikes: tuple[Spike, ...]
    findings: tuple[Finding, ...]

    @property
    def offset(self) -> float:
        """What its numbers begin at, where a constant was added."""
        return offset_of(self.statistics)


@dataclass(frozen=True)
class Look:
    """What was seen in one image."""

    name: str
    channels: tuple[ChannelLook, ...]


def look_at(name: str, time_points: Iterable[Array], *, channels: Sequence[str], where: str = "") -> Look:
    """Look at an image, its time points one after another: arrays (C, Z, Y, X) or (C, Y, X).

    Without names, `channels` are numbered. May be called in threads. Complex numbers are an `InputError`.
    """
    tallies: list[Tally] = []
    digests: list[list[str]] = []
    planes: list[Array] = []
    for pixels in time_points:
        stacks = [stack.reshape(-1, *stack.shape[-2:]) for stack in pixels]
        if not tallies:
            tallies = [Tally(where=where or name) for _ in stacks]
            digests = [[] for _ in stacks]
            planes = [stack[len(stack) // 2].copy() for stack in stacks]
        for stack, tally, found in zip(stacks, tallies, digests, strict=True):
            tally.add(stack)
            found.append("" if stack.min() == stack.max() else pixel_digest(stack))
    names = list(channels) if len(channels) == len(planes) else [str(number) for number in range(len(planes))]
    parts = zip(names, tallies, digests, planes, strict=True)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers near the largest float are absurd, but no fault here
        return Look(name, tuple(_channel(name, t.result(), tuple(d), plane) for name, t, d, plane in parts))


def _channel(name: str, statistics: Statistics, digests: tuple[str, ...], plane: Array) -> ChannelLook:
    plane = plane.view(np.uint8) if plane.dtype.kind == "b" else plane
    if statistics.n_not_finite:
        plane = np.nan_to_num(plane, posinf=0.0, neginf=0.0)
    shape = (int(plane.shape[0]), int(plane.shape[1]))
    if is_label_image(plane):
        findings = (Finding("label_image", f"its values are 0 to {statistics.maximum:g}, in even patches", 1),)
        nothing = np.zeros(SIDE * SIDE, np.float16)
        return ChannelLook(name, statistics, digests, shape, nothing, None, (), findings)
    spikes = tuple(spikes_of(plane))
    return ChannelLook(
        name,
        statistics,
        digests,
        shape,
        thumbnail(plane).astype(np.float16),
        background_of(plane),
        spikes,
        (*exposure(statistics), *_drawn(plane), *_hot(spikes)),
    )


def _drawn(plane: Array) -> Iterator[Finding]:
    if drawn := drawn_in(plane):
        yield Finding("annotation", drawn.text, drawn.height * drawn.width)
    if has_jpeg_grid(plane):
        yield Finding("jpeg_grid", "brightness steps at every eighth pixel, the blocks of JPEG", 1)


def _hot(spikes: Sequence[Spike]) -> Iterator[Finding]:
    alone = [spike for spike in spikes if spike.rise >= ALONE]
    if alone:
        first = max(alone, key=lambda spike: spike.rise)
        number = f"{len(alone)} pixels rise" if len(alone) > 1 else "one pixel rises"
        seen = f"{number} far above all neighbours, to {first.value:g} at x {first.x}, y {first.y}"
        yield Finding("hot_pixels", seen, first.rise)
