"""The deal of fields to training, validation and test: whole fields, protein by protein."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from multiscope.config import Split
from multiscope.data.seeding import stable_rng
from multiscope.errors import InputError

SPLITS = ("train", "val", "test")


def deal(fields: pd.DataFrame, split: Split, *, where: str) -> pd.Series[str]:
    """The side of each row of `fields` (columns `field_id`, `protein`), in its order: train, val or test.

    Each protein's fields are shuffled by a stream of its own, so another protein changes nothing, and no field is on
    two sides. Every side with a share gets at least one field of every protein; too few fields are an `InputError`
    that names `where` the fields are from.
    """
    if fields["field_id"].duplicated().any():
        raise ValueError(f"{where}: a field is listed twice")
    sides = pd.Series("", index=fields.index, dtype=object, name="split")
    for protein, rows in fields.groupby("protein", sort=True):
        names = rows["field_id"].sort_values()
        shares = _shares(len(names), split, protein=str(protein), where=where)
        dealt = [side for side, n in zip(SPLITS, shares, strict=True) for _ in range(n)]
        order = stable_rng(split.seed, "split", str(protein)).permutation(len(names))
        sides.loc[names.index[order]] = np.array(dealt, dtype=object)
    return sides


def _shares(n: int, split: Split, *, protein: str, where: str) -> tuple[int, int, int]:
    """Numbers of training, validation and test fields out of `n`."""
    needed = 3 if split.val else 2
    if n < needed:
        whose = f"protein '{protein}' has" if protein else "there are"
        raise InputError(
            f"{where}: {whose} {n} field{'s' * (n != 1)}; expected at least {needed}, one for each side of the split: "
            f"add fields{', leave the protein out' * bool(protein)}{' or set split.val to 0' * (n == 2)}"
        )
    # halves are rounded down: what is left over goes to the test side
    train = max(1, math.ceil(split.train * n - 0.5))
    val = max(1, math.ceil(split.val * n - 0.5)) if split.val else 0
    while train + val >= n:
        if train >= val:
            train -= 1
        else:
            val -= 1
    return train, val, n - train - val


def split_digest(field_ids: Sequence[str], sides: Sequence[str]) -> str:
    """A hash of who is on which side, whatever the order of the rows."""
    lines = sorted(f"{field_id}\t{side}\n" for field_id, side in zip(field_ids, sides, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
