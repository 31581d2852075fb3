"""The values of groups of cells, read from a matrix on disk with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from multiscope.data.cells import Rows
from multiscope.stores.matrix import Values

BUDGET = 2**27
"""Bytes of values that are in memory at once."""


class Blocks(Protocol):
    """A matrix (N, d) that is read block by block."""

    shape: tuple[int, int]
    block_rows: int

    def block(self, number: int) -> Values:
        """Rows from `number * block_rows` on, (block_rows, d) or fewer at the end."""


def read_groups(matrix: Blocks, groups: Sequence[Rows], *, budget: int = BUDGET) -> Iterator[tuple[int, slice, Values]]:
    """The number of a group, which features, and their values (n, features), of every group in some order.

    Groups that begin near to each other are read together, so that cells in the order of their fields are read about
    once. A group of more than `budget` bytes comes in several pieces, all its cells with some features each.
    """
    n_features = matrix.shape[1]
    for bundle in _bundles(groups, budget // (4 * n_features)):
        rows = np.concatenate([groups[number] for number in bundle])
        ends = np.cumsum([len(groups[number]) for number in bundle])
        width = n_features if len(bundle) > 1 else max(1, min(n_features, budget // (4 * len(rows))))
        for start in range(0, n_features, width):
            features = slice(start, min(start + width, n_features))
            values = _read(matrix, rows, features)
            for number, part in zip(bundle, np.split(values, ends[:-1]), strict=True):
                yield number, features, part


def _bundles(groups: Sequence[Rows], most: int) -> Iterator[list[int]]:
    """Numbers of groups, ordered by their first cell, with `most` cells together or one group of more."""
    bundle: list[int] = []
    n = 0
    for number in sorted(range(len(groups)), key=lambda number: int(groups[number].min())):
        if bundle and n + len(groups[number]) > most:
            yield bundle
            bundle, n = [], 0
        bundle.append(number)
        n += len(groups[number])
    if bundle:
        yield bundle


def _read(matrix: Blocks, rows: Rows, features: slice) -> Values:
    """Values of `rows`, in any order; each block is read once."""
    found = np.empty((len(rows), features.stop - features.start), dtype=np.float32)
    block = rows // matrix.block_rows
    order = np.argsort(block, kind="stable")
    numbers, starts = np.unique(block[order], return_index=True)
    for number, here in zip(numbers, np.split(order, starts[1:]), strict=True):
        found[here] = matrix.block(int(number))[rows[here] - number * matrix.block_rows, features]
    return found
