"""The deal of fields (or cells) to training, validation and test: whole units, group by group."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Literal

import pandas as pd

from multiscope.config import Split, SplitUnit
from multiscope.data.seeding import stable_rng
from multiscope.errors import InputError

SPLITS = ("train", "val", "test")
_COLUMNS: dict[SplitUnit, tuple[str, ...]] = {
    "cell": ("cell_id",),
    "field": ("field_id",),
    "stack": ("stack",),
    "well": ("plate", "well"),
    "plate": ("plate",),
    "protein": ("protein",),
}


def deal(
    rows: pd.DataFrame, split: Split, *, where: str, few: Literal["refuse", "train"] = "refuse", stratifies: bool = True
) -> pd.Series[str]:
    """The side of each row of `rows`, fields or cells, in its order: train, val or test.

    What the column `split` says already is kept; a unit that it puts on two sides is an `InputError`. Else whole units
    (`split.by`) are dealt, and each group of units (`split.stratify`) is shuffled by a stream of its own, so another
    protein changes nothing. Every side with a share gets at least one unit of every group; too few are an `InputError`
    that names `where` the rows are from. With `few` "train" a group too small for all sides has no validation side, and
    one of a single unit is on the training side. `stratifies`: whether `split.stratify` is the user's to set, and may
    be advised.
    """
    units = units_of(rows, split.by, where=where)
    if "split" in rows and (rows["split"] != "").any():
        return _as_given(rows, units, split.by, where=where)
    sides: dict[str, str] = {}
    kind = "defect" if _are_pairs(rows) else _stratum(split)
    for group, names in groups_of(rows, units, split).items():
        if few == "train" and len(names) < _needed(split):
            shares = (max(1, len(names) - 1), 0, len(names) - max(1, len(names) - 1))
        else:
            named = f"{kind} '{group}'" if group else ""
            shares = _shares(len(names), split, group=named, where=where, stratifies=stratifies)
        dealt = [side for side, n in zip(SPLITS, shares, strict=True) for _ in range(n)]
        order = stable_rng(split.seed, "split", group).permutation(len(names))
        sides |= {names[place]: side for place, side in zip(order, dealt, strict=True)}
    return units.map(sides).rename("split")


def _as_given(rows: pd.DataFrame, units: pd.Series[str], by: SplitUnit, *, where: str) -> pd.Series[str]:
    given = rows["split"]
    unknown = sorted(set(given) - set(SPLITS))
    if unknown:
        what = "no side" if unknown == [""] else f"the side '{next(u for u in unknown if u)}'"
        raise InputError(f"{where}: some rows name {what}; expected train, val or test in every row, or in none")
    for side in ("train", "test"):
        if side not in set(given):
            raise InputError(f"{where}: no row is on the {side} side; expected some: mend the column 'split'")
    torn = given.groupby(units).nunique() > 1
    if torn.any():
        name = str(torn.idxmax()).strip("/")  # without a plate, a well begins with the sign that parts the two
        raise InputError(
            f"{where}: the column 'split' has {by} '{name}' on two sides; expected each {by} on one, as split.by says: "
            "mend one of them"
        )
    return given.astype(object)


def units_of(rows: pd.DataFrame, by: SplitUnit, *, where: str) -> pd.Series[str]:
    """The name of each row's unit."""
    columns = _COLUMNS[by]
    if any(column not in rows for column in columns) or (rows[columns[-1]] == "").any():
        raise InputError(
            f"{where}: split.by is '{by}', but the {by} is not known of every image; expected it in the file names, "
            f"the metadata or the sheet: add it, or split by '{'cell' if by == 'field' else 'field'}'"
        )
    return rows[list(columns)].agg("/".join, axis=1) if len(columns) > 1 else rows[columns[0]]


def groups_of(rows: pd.DataFrame, units: pd.Series[str], split: Split) -> dict[str, list[str]]:
    """Names of the units of each group, sorted; a unit of several proteins is grouped with those of the same ones.

    Real pairs, of no protein, are dealt defect by defect.
    """
    columns = [name for name in ("defect" if _are_pairs(rows) else _stratum(split),) if name in rows]
    values = rows[columns].agg("".join, axis=1) if columns else pd.Series("", index=rows.index)
    kinds = values.groupby(units).agg(lambda found: "+".join(sorted(set(found))))
    return {str(kind): sorted(names) for kind, names in kinds.groupby(kinds, sort=True).groups.items()}


def _are_pairs(rows: pd.DataFrame) -> bool:
    return "defect" in rows and bool((rows["defect"] != "").all())


def _stratum(split: Split) -> str:
    """The column whose values make groups; a protein dealt as a whole is one of its localization."""
    return "localization" if split.by == "protein" and split.stratify == "protein" else split.stratify


def _needed(split: Split) -> int:
    """Units of a group that are one for each side."""
    return 3 if split.val else 2


def _shares(n: int, split: Split, *, group: str, where: str, stratifies: bool) -> tuple[int, int, int]:
    """Numbers of training, validation and test units out of the `n` of `group`, as a message names it."""
    needed = _needed(split)
    if n < needed:
        there, out = (f"{group} has", f", leave the {group.split()[0]} out") if group else ("there are", "")
        raise InputError(
            f"{where}: {there} {n} {split.by}{'s' * (n != 1)}; expected at least {needed}, one for each side of the "
            f"split: add {split.by}s{out}{' or set split.val to 0' * (n == 2)}"
            f"{', or set split.stratify to none' * (bool(group) and stratifies)}"
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


def split_digest(ids: Sequence[str], sides: Sequence[str]) -> str:
    """A hash of who is on which side, whatever the order of the rows."""
    lines = sorted(f"{name}\t{side}\n" for name, side in zip(ids, sides, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
