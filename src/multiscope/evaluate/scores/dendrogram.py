"""Hierarchical clustering, and what every cut of a dendrogram has, from one pass.

Leaves are put in the order in which a dendrogram is drawn, so that every cluster is a range of places and every merge
closes one gap between two places. Two leaves join at the latest merge among the gaps between them; the largest number
in a range, asked for many ranges at once, replaces the walk from merge to merge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.cluster import hierarchy

from multiscope.errors import InputError
from multiscope.evaluate.scores.ranking import Bools, Floats, Ints, cosines, unit_rows

Linkage = Literal["average", "single", "complete"]
Distance = Literal["cosine", "euclidean"]
_BLOCK = 2**22
_DECIMALS = 10


@dataclass(frozen=True)
class Dendrogram:
    """A binary tree over n leaves, numbered by rows; merge k = 0 ... n - 2 makes cluster n + k, by rising height."""

    heights: npt.NDArray[np.float64]
    """Of merges (n - 1,), to 10 decimals, so that equal distances tie in whatever order they were averaged."""
    children: npt.NDArray[np.int64]
    """The two clusters that a merge joins, (n - 1, 2); those below n are leaves."""
    sizes: npt.NDArray[np.int64]
    """Leaves of each cluster, (2n - 1,)."""

    @property
    def n(self) -> int:
        """Number of leaves."""
        return len(self.heights) + 1

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """First place of each cluster in the order of leaves, (2n - 1,)."""
        n, sizes, children = self.n, self.sizes.tolist(), self.children.tolist()
        starts = [0] * (2 * n - 1)
        for merge in range(n - 2, -1, -1):
            left, right = children[merge]
            starts[left] = starts[n + merge]
            starts[right] = starts[left] + sizes[left]
        return np.array(starts)

    @cached_property
    def places(self) -> npt.NDArray[np.int64]:
        """Place of each leaf, (n,)."""
        return self.starts[: self.n]

    @cached_property
    def bounds(self) -> tuple[Ints, Ints, Ints]:
        """Where the left cluster of each merge starts, where the right one starts, and where that ends, (n - 1,)."""
        left, right = self.children.T
        return self.starts[left], self.starts[right], self.starts[right] + self.sizes[right]

    @cached_property
    def gaps(self) -> npt.NDArray[np.int64]:
        """The merge that closes the gap after each place, (n - 1,)."""
        gaps = np.empty(self.n - 1, dtype=np.int64)
        gaps[self.bounds[1] - 1] = np.arange(self.n - 1)
        return gaps

    @cached_property
    def _latest(self) -> list[npt.NDArray[np.int64]]:
        """Largest of the 1, 2, 4, ... gaps that begin at each place."""
        levels = [self.gaps]
        while 2 ** len(levels) < self.n:
            step = 2 ** (len(levels) - 1)
            levels.append(np.maximum(levels[-1][:-step], levels[-1][step:]))
        return levels

    def joining(self, first: Ints, second: Ints) -> Ints:
        """The merge that brings two leaves together, for pairs of different leaves (p,), (p,)."""
        a, b = self.places[first], self.places[second]
        start, stop = np.minimum(a, b), np.maximum(a, b)
        level = np.frexp((stop - start).astype(np.float64))[1] - 1
        merge = np.empty(len(start), dtype=np.int64)
        for number, latest in enumerate(self._latest):
            at = np.flatnonzero(level == number)
            merge[at] = np.maximum(latest[start[at]], latest[stop[at] - 2**number])
        return merge

    def merges_at(self, heights: Floats) -> Ints:
        """How many merges a cut at each of `heights` applies: all of at most that height."""
        return np.searchsorted(self.heights, heights, side="right")

    @property
    def cuts(self) -> Ints:
        """Numbers of merges that a cut can apply, rising: at ends of ties, and none unless some are at height 0."""
        last_of_ties = np.append(self.heights[1:] != self.heights[:-1], True) if self.n > 1 else np.empty(0, np.bool_)
        ends = np.flatnonzero(last_of_ties) + 1
        return ends if self.n > 1 and self.heights[0] <= 0 else np.append(0, ends)

    def labels(self, merges: int) -> Ints:
        """Cluster of each leaf (n,) after `merges` merges, numbered by place."""
        return np.append(0, np.cumsum(self.gaps >= merges))[self.places]

    def counts(self, chosen: Bools) -> tuple[Ints, Ints]:
        """How many of the `chosen` leaves (n,) are in the left and the right cluster of each merge, (n - 1,)."""
        by_place = np.empty(self.n, dtype=np.int64)
        by_place[self.places] = chosen
        before = np.append(0, np.cumsum(by_place))
        start, middle, stop = self.bounds
        return before[middle] - before[start], before[stop] - before[middle]

    def shares(self, modules: Ints) -> tuple[Ints, Ints, Ints]:
        """Each time that parts of one of `modules` (n,) come together: the merge, and how many from either side.

        A module of size b does so b - 1 times: at the merges that join its neighbours in the order of leaves.
        """
        order = np.lexsort((self.places, modules))
        module, place = modules[order], self.places[order]
        same = module[1:] == module[:-1]
        merge = self.joining(order[:-1][same], order[1:][same])
        key, base = module * self.n + place, module[1:][same] * self.n
        start, middle, stop = (np.searchsorted(key, base + bound[merge]) for bound in self.bounds)
        return merge, middle - start, stop - middle

    def totals(self, cuts: Ints, of_size: Callable[[Ints], npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Sum over clusters of `of_size(their sizes)` after each of `cuts` (rising numbers of merges).

        `of_size` is asked only for sizes that clusters have at one of the cuts.
        """
        parent = np.full(2 * self.n - 1, self.n - 1)
        parent[self.children] = np.arange(self.n - 1)[:, None]
        made = np.append(np.full(self.n, -1), np.arange(self.n - 1))
        first, end = np.searchsorted(cuts, made + 1), np.searchsorted(cuts, parent + 1)
        seen = first < end
        sizes, which = np.unique(self.sizes[seen], return_inverse=True)
        values = of_size(sizes)[which]
        steps = np.bincount(first[seen], values, len(cuts) + 1) - np.bincount(end[seen], values, len(cuts) + 1)
        return np.cumsum(steps[:-1])


def dendrogram(distances: npt.NDArray[np.float64], linkage: Linkage) -> Dendrogram:
    """Cluster n things by their condensed `distances` (n (n - 1) / 2,), as SciPy orders them."""
    if not len(distances):
        return Dendrogram(np.empty(0), np.empty((0, 2), dtype=np.int64), np.ones(1, dtype=np.int64))
    merges = hierarchy.linkage(distances, linkage)
    n = len(merges) + 1
    sizes = np.append(np.ones(n), merges[:, 3]).astype(np.int64)
    return Dendrogram(np.round(merges[:, 2], _DECIMALS) + 0.0, merges[:, :2].astype(np.int64), sizes)


def condensed_distances(x: Floats, names: npt.ArrayLike, distance: Distance) -> npt.NDArray[np.float64]:
    """Distances of the rows of `x` (n, d), condensed as SciPy wants them; equal rows are at distance 0.

    `cosine` is 1 - cosine, in [0, 2], to 12 decimals; rows of zeros are an `InputError`. `euclidean` is in units of
    the root mean square distance, and its squares are to 12 decimals. Values that are not finite are an `InputError`.
    """
    rows = unit_rows(x, names, what="the profile of protein") if distance == "cosine" else _usual_distance_one(x, names)
    measure = _cosine_distances if distance == "cosine" else _euclidean_distances
    n = len(rows)
    condensed = np.empty(n * (n - 1) // 2)
    size, at = max(1, _BLOCK // max(n, 1)), 0
    for start in range(0, n, size):
        for number, line in enumerate(measure(rows[start : start + size], rows[start:])):
            condensed[at : at + len(line) - number - 1] = line[number + 1 :]
            at += len(line) - number - 1
    return condensed


def _cosine_distances(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.maximum(1 - cosines(a, b), 0))


def _euclidean_distances(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    squares = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b) - 2 * (a @ b.T)
    return np.asarray(np.sqrt(np.maximum(np.round(squares, 12), 0)))


def _usual_distance_one(x: Floats, names: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Rows of `x` less their mean, in units of their root mean square distance unless all are equal."""
    rows = np.asarray(x, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise InputError(
            f"the profile of protein '{np.asarray(names)[bad[0]]}' has values that are not finite ({len(bad)} such), "
            "so it has no distance; embed it again"
        )
    if np.all(rows == rows[:1]):
        return np.zeros_like(rows)
    rows = rows / np.abs(rows).max()  # so that squares neither overflow nor vanish
    rows = rows - rows.mean(axis=0)
    return np.asarray(rows / np.sqrt(2 * np.square(rows).sum() / (len(rows) - 1)))
