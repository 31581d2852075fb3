"""Restoring an image of any size in overlapping tiles.

Instance normalization takes its statistics from what it is shown: a network trained on patches full of cells misjudges
brightness when it is shown a whole field, most of it background. Tiles of the training size keep the statistics alike,
bound the memory, and are blended so that no seam is seen. A network whose outputs see only so far needs no blending:
blocks that overlap by what an output sees give what the whole image would, to the last border.

Tiles lie on one grid over the whole plane and go through the network once each, from top to bottom. What is above the
next row of tiles is finished, so a plane comes out in bands of rows, and only a few rows of tiles are in memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Plane = npt.NDArray[np.float32]
Predict = Callable[[Tensor], Tensor]
"""A batch (N, 1, tile, tile) on the device to its like."""
ReadRows = Callable[[int, int], Plane]
"""Rows from the first to before the second, (n, X) float32; the first ones only ever grow."""

# a processor's cache is small; a graphics card is slow unless it has much to do at once
_BATCH_PIXELS = {"cpu": 2**16, "cuda": 2**19}
_ELSEWHERE = 2**18
_BLOCK = 768
_SMALLEST = 4


@dataclass(frozen=True)
class Axis:
    """Tiles along one axis, in the order in which they are laid over one another."""

    size: int
    """Pixels of the image."""
    tile: int
    """Pixels of a tile."""
    starts: tuple[int, ...]
    """First pixel of each tile; the last ones may reach beyond the image, which is then reflected."""
    shares: Tensor
    """(n, tile) float32: weight of a tile beside those before it, 1 where it replaces them, 0 where it is hidden."""
    borders: tuple[int, ...]
    """Pixels of the image that differ from the one before in the tiles that made them."""

    @property
    def padded(self) -> int:
        """Pixels that the tiles cover, `size` or more."""
        return self.starts[-1] + self.tile


@dataclass(frozen=True)
class Layout:
    """The grid of tiles of a plane (Y, X)."""

    y: Axis
    x: Axis

    @property
    def n_tiles(self) -> int:
        """Tiles of the plane, each of which goes through the network once."""
        return len(self.y.starts) * len(self.x.starts)


def blended_axis(size: int, tile: int) -> Axis:
    """Tiles spread evenly from border to border; neighbours share a quarter or more, and fade into one another there.

    A tile's weight is 1 in its middle, falls linearly over its outer quarters and is nowhere 0.
    """
    if tile < _SMALLEST:
        raise ValueError(f"tile is {tile}; expected {_SMALLEST} pixels or more")
    n = max(1, -(-(size - tile) // (3 * tile // 4)) + 1)
    starts = [round(float(start)) for start in np.linspace(0, max(size - tile, 0), n)]
    # laid one over the other, each as a share of the weight there is so far: equal tiles give themselves, exactly
    edge = np.arange(1, tile + 1)
    ramp = np.minimum(np.minimum(edge, edge[::-1]), tile // 4) / (tile // 4)
    total = np.zeros(starts[-1] + tile)
    shares = []
    for start in starts:
        total[start : start + tile] += ramp
        shares.append(ramp / total[start : start + tile])
    borders = sorted({edge for start in starts for edge in (start, start + tile) if 0 < edge < size})
    return Axis(size, tile, tuple(starts), torch.tensor(np.stack(shares), dtype=torch.float32), tuple(borders))


def exact_axis(size: int, *, margin: int, multiple: int, block: int = _BLOCK) -> Axis:
    """Blocks of up to about `block` pixels, of which the outer `margin` is not used but at the image's borders.

    All begin at multiples of `multiple`, so that a network which halves its input sees the same pairs of pixels as in
    the whole image. `margin` is what an output sees.
    """
    margin, padded = (-(-pixels // multiple) * multiple for pixels in (margin, size))
    # a margin larger than half of the block would be mostly margin
    inner = max(block - 2 * margin, 2 * margin, multiple)
    if padded <= inner + 2 * margin:
        return Axis(size, padded, (0,), torch.ones(1, padded), ())
    n = -(-(padded - 2 * margin) // inner)
    step = -(-(padded - 2 * margin) // (n * multiple)) * multiple
    tile = step + 2 * margin
    starts = [min(i * step, padded - tile) for i in range(n)]
    shares = torch.ones(n, tile)
    # the end of a block is hidden by the next one, its beginning by nothing
    shares[1:, :margin] = 0
    return Axis(size, tile, tuple(starts), shares, tuple(start + margin for start in starts[1:]))


@torch.no_grad()
def restore_bands(predict: Predict, read: ReadRows, layout: Layout, *, device: torch.device) -> Iterator[Plane]:
    """Bands (n, X) of a restored plane from top to bottom, n as it comes; together they have all rows."""
    batch = max(1, _BATCH_PIXELS.get(device.type, _ELSEWHERE) // (layout.y.tile * layout.x.tile))
    made = _predicted(predict, _tiles(read, layout, device), batch=batch)
    share_x, share_y = (axis.shares.to(device) for axis in (layout.x, layout.y))
    height, width = layout.y.size, layout.x.size
    window = torch.zeros(layout.y.tile, layout.x.padded, device=device)
    row = torch.zeros_like(window)
    for number, (start, following) in enumerate(pairwise((*layout.y.starts, layout.y.padded))):
        for share, x in zip(share_x, layout.x.starts, strict=True):
            row[:, x : x + layout.x.tile].lerp_(next(made), share)
        window.lerp_(row, share_y[number][:, None])
        finished = following - start
        yield window[: min(following, height) - start, :width].cpu().numpy()
        window = window.roll(-finished, dims=0)


def _tiles(read: ReadRows, layout: Layout, device: torch.device) -> Iterator[Tensor]:
    """The tiles, row by row: views of their row on the device."""
    y, x = layout.y, layout.x
    for start in y.starts:
        rows = read(start, min(start + y.tile, y.size))
        beyond = (y.tile - len(rows), x.padded - rows.shape[1])
        if any(beyond):
            rows = np.pad(rows, [(0, beyond[0]), (0, beyond[1])], mode="reflect")
        strip = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
        for column in x.starts:
            yield strip[:, column : column + x.tile]


def _predicted(predict: Predict, tiles: Iterable[Tensor], *, batch: int) -> Iterator[Tensor]:
    """What the network makes of each tile."""
    waiting = iter(tiles)
    while together := list(itertools.islice(waiting, batch)):
        yield from predict(torch.stack(together)[:, None])[:, 0]


def seam_ratio(image: npt.NDArray[np.generic], layout: Layout) -> float:
    """Mean absolute difference of neighbours across the borders of tiles, over that of all other neighbours.

    About 1 where no border is seen; 1 where there is no border, or nothing differs.
    """
    across: list[Plane] = []
    elsewhere: list[Plane] = []
    for axis, borders in ((0, layout.y.borders), (1, layout.x.borders)):
        steps = np.moveaxis(np.abs(np.diff(image.astype(np.float32), axis=axis)), axis, 0)
        at_border = np.isin(np.arange(1, len(steps) + 1), borders)
        across.append(steps[at_border].ravel())
        elsewhere.append(steps[~at_border].ravel())
    at, away = (_mean(parts) for parts in (across, elsewhere))
    if at is None or away is None or at == away:
        return 1.0
    return at / away if away else float("inf")


def _mean(parts: Sequence[Plane]) -> float | None:
    values = np.concatenate(parts)
    return float(values.mean(dtype=np.float64)) if values.size else None
