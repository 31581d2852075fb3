"""What was in each well, from a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from multiscope.errors import InputError
from multiscope.images.table import read_table
from multiscope.stores.plates import row_and_column

_FEW = 3


class PlateMap:
    """Proteins by plate and well."""

    def __init__(self, path: Path, proteins: Mapping[tuple[str, str], str]) -> None:
        """`proteins` by plate (empty where the table names none: it then counts for every plate) and well."""
        self.path, self._proteins = path, dict(proteins)
        self._plates = sorted({plate for plate, _ in proteins})

    def protein(self, plate: str, well: str) -> str:
        """The protein in a well, empty where the table leaves it so; a well that it does not list is an `InputError`.

        Where the files do not tell the plate, a table of one plate counts for it.
        """
        if not well:
            raise InputError(
                f"{self.path}: says what is in each well, but the images do not tell their wells; expected {{well}} in "
                "the pattern, or the column 'well': add it, or leave plate_map out"
            )
        if self._plates == [""] or (not plate and len(self._plates) == 1):
            plate = self._plates[0]
        try:
            return self._proteins[plate, normal_well(well)]
        except KeyError:
            raise InputError(self._lacks(plate, well)) from None

    def _lacks(self, plate: str, well: str) -> str:
        of = f" of plate {plate!r}" if plate else ""
        wells = sorted(w for p, w in self._proteins if p == plate)
        plates = [repr(plate) for plate in self._plates]
        there = f"its wells are {_few(wells)}" if wells else f"its plates are {_few(plates)}"
        return (
            f"{self.path}: has no row for well {normal_well(well)!r}{of}, of which there are images ({there}); add it, "
            "with an empty protein where there is none"
        )


def read_plate_map(path: Path) -> PlateMap:
    """Read a table with the columns `well` and `protein`, perhaps `plate`; a well named twice is an `InputError`."""
    table = read_table(path, required=["well", "protein"], optional=["plate"], may_be_empty=["protein"])
    proteins: dict[tuple[str, str], str] = {}
    lines: dict[tuple[str, str], str] = {}
    for row in table.rows:
        if "plate" in table.columns and not row["plate"]:
            raise InputError(f"{row.where}: has nothing in the column 'plate'; fill it in every row, or remove it")
        place = row["plate"], normal_well(row["well"])
        if place in lines:
            raise InputError(f"{row.where}: names well {place[1]!r} again, after {lines[place]}; remove one of them")
        proteins[place], lines[place] = row["protein"], row.where.rpartition(": ")[2]
    return PlateMap(path, proteins)


def normal_well(name: str) -> str:
    """A well as row and column of two digits: `b3`, `B-3`, `B/3` and `r02c03` are `B03`, `aa7` is `AA07`.

    Names of another kind, e.g. `007020`, stay as they are.
    """
    place = row_and_column(name.strip())
    return f"{place[0]}{int(place[1]):02d}" if place else name.strip()


def _few(names: list[str]) -> str:
    return ", ".join(names[:_FEW]) + (", ..." if len(names) > _FEW else "")
