"""What every reader of fields offers, and tables they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.errors import InputError
from multiscope.images.image import ImageInfo
from multiscope.stores.pixel_size import PixelSize

Array = npt.NDArray[Any]
PLACE = ("plate", "well", "site", "stack", "time")
"""Columns of a table of fields that say where each was taken; empty, and time 0, where that is not known."""


@dataclass(frozen=True)
class FieldPixels:
    """One field as read."""

    image: Array
    """(C, Y, X), or (C, Z, Y, X) for a stack, channels in the order of the config."""
    labels: npt.NDArray[np.uint32] | None
    """(Y, X) or (Z, Y, X), 0 is background."""
    where: str
    """Where it was read, for messages."""
    degraded: Mapping[str, Array] = field(default_factory=dict)
    """Images of the same field with a defect, by its name, where real pairs are read."""


@dataclass(frozen=True)
class Count:
    """How many of one thing were kept, and how many dropped for which reason."""

    kept: int
    dropped: Mapping[str, int]


class FieldReader(Protocol):
    """Fields that can be read one by one, from several threads."""

    where: str
    channels: list[str]
    pixel_size: PixelSize
    inputs: dict[str, Path]
    """Foreign files and folders read, as the manifest names them."""
    counts: dict[str, Count]
    remarks: list[str]
    """What the user should know about the files."""
    fields: pd.DataFrame
    """`field_id` (unique, safe as a name of a Zarr group), `protein`, `PLACE`, and, empty where they are not given,
    `split` and `defect` (of real pairs)."""
    proteins: pd.DataFrame
    """`protein`, `symbol`, `localization`, one row a protein."""

    def read(self, number: int) -> FieldPixels:
        """Read the field of row `number`."""

    def info(self, number: int) -> ImageInfo | None:
        """Metadata of the image that the field of row `number` is from, if it is from a file."""

    def write_standards(self, folder: Path) -> None:
        """Write the standards that come with the data, if any, into the new folder `folder`."""


@runtime_checkable
class CropsReader(Protocol):
    """Crops that are read in pieces."""

    where: str
    channels: list[str]
    pixel_size_um: float | None
    inputs: dict[str, Path]
    counts: dict[str, Count]
    cells: pd.DataFrame
    """`cell_id` (unique), `field_id`, `protein`, one row a cell."""
    proteins: pd.DataFrame
    """As of a `FieldReader`."""

    def pieces(self) -> Iterator[Mapping[str, Array]]:
        """All crops, some at a time, in the order of `cells`, of one size and type: `image` (n, C, S, S).

        Where they are known, `mask` (n, 1, S, S) of the cell, and `clean` (n, C, S, S), the image without noise.
        """

    def write_standards(self, folder: Path) -> None:
        """Write the standards that come with the data, if any, into the new folder `folder`."""


def fields_table(ids: list[str], proteins: list[str], **columns: list[Any]) -> pd.DataFrame:
    """A table of fields with the columns every reader offers; what is not given is unknown."""
    table = pd.DataFrame({"field_id": ids, "protein": proteins}, dtype=object)
    for name in ("plate", "well", "site"):
        table[name] = pd.Series(columns.get(name, [""] * len(ids)), dtype=object)
    table["stack"] = pd.Series(columns.get("stack", ids), dtype=object)
    table["time"] = pd.Series(columns.get("time", [0] * len(ids)), dtype="int64")
    for name in ("split", "defect"):
        table[name] = pd.Series(columns.get(name, [""] * len(ids)), dtype=object)
    return table


def proteins_table(names: Iterable[str], localization: Mapping[str, str], *, where: str) -> pd.DataFrame:
    """Proteins with the compartments that the config gives them; the symbol is the name itself.

    Places for proteins that are not there are fine (a list for a whole screen), unless none of them is.
    """
    proteins = sorted(set(names))
    if localization and not set(localization) & set(proteins):
        raise InputError(
            f"{where}: none of the proteins under 'localization' is there ({_few(localization)}); "
            f"expected names as in the files ({_few(proteins)}): mend the names, or the pattern"
        )
    places = [localization.get(name, "") for name in proteins]
    return pd.DataFrame({"protein": proteins, "symbol": proteins, "localization": places}, dtype=object)


def _few(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:3]) + (", ..." if len(listed) > 3 else "") if listed else "none"
