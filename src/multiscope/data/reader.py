"""What every reader of fields offers, and tables they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.errors import InputError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class FieldPixels:
    """One field as read."""

    image: Array
    """(C, Y, X), channels in the order of the config."""
    labels: npt.NDArray[np.uint32] | None
    """(Y, X), 0 is background."""
    where: str
    """Where it was read, for messages."""


@dataclass(frozen=True)
class Count:
    """How many of one thing were kept, and how many dropped for which reason."""

    kept: int
    dropped: Mapping[str, int]


class FieldReader(Protocol):
    """Fields that can be read one by one, from several threads."""

    where: str
    channels: list[str]
    pixel_size_um: float | None
    inputs: dict[str, Path]
    """Foreign files and folders read, as the manifest names them."""
    counts: dict[str, Count]
    fields: pd.DataFrame
    """`field_id` (unique, safe as a name of a Zarr group) and `protein`, one row a field."""
    proteins: pd.DataFrame
    """`protein`, `symbol`, `localization`, one row a protein."""

    def read(self, number: int) -> FieldPixels:
        """Read the field of row `number`."""

    def write_standards(self, folder: Path) -> None:
        """Write the standards that come with the data, if any, into the new folder `folder`."""


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
