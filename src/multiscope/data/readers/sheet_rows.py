"""The rows of a sample sheet: checked, and put together by field."""

from __future__ import annotations

from dataclasses import dataclass

from multiscope.config import SampleSheet
from multiscope.data.readers.plate_map import normal_well
from multiscope.data.readers.reader import Count
from multiscope.data.split import SPLITS
from multiscope.errors import InputError
from multiscope.images.table import Row, Table, read_table

_KEY = ("plate", "well", "site", "field")
_OPTIONAL = ("channel", "labels", "protein", "plate", "well", "site", "localization", "split")
_SHARED = ("protein", "labels", "localization", "split")
"""What all rows of a field must agree in."""


@dataclass(frozen=True)
class SheetField:
    """The rows of one field, by channel; one row under the empty channel where the channels are inside its file."""

    key: tuple[str, ...]
    by_channel: dict[str, Row]

    @property
    def first(self) -> Row:
        """The row that comes first."""
        return next(iter(self.by_channel.values()))


@dataclass(frozen=True)
class Sheet:
    """What a sample sheet says."""

    fields: list[SheetField]
    """In the order of the sheet."""
    localization: dict[str, str]
    """Places of the proteins for which it names one."""
    counts: dict[str, Count]


def read_sheet(config: SampleSheet) -> Sheet:
    """Read the table; whatever is missing, doubled or contradicts itself is an `InputError` that names the line.

    The images that it names are not opened, but they have to be there.
    """
    table = read_table(config.sheet, required=["field", "image"], optional=_OPTIONAL)
    _check_columns(config, table)
    fields, n_other = _grouped(config, table)
    for group in fields[: config.max_fields]:
        _check_files(config, group)
    counts = {
        "rows": Count(len(table.rows) - n_other, {"channel not used": n_other}),
        "columns": Count(len(table.columns), {f"not used: {name!r}": 1 for name in table.unused}),
    }
    return Sheet(fields, _localization(config, table), counts)


def _check_columns(config: SampleSheet, table: Table) -> None:
    if ("labels" in table.columns) != config.labelled:
        has = "has a column" if "labels" in table.columns else "has no column"
        raise InputError(
            f"{table.path}: {has} 'labels', but 'labelled' is {str(config.labelled).lower()}; mend one of them"
        )
    for column in ("channel", "labels", "split"):
        empty = [row for row in table.rows if column in table.columns and not row[column]]
        if empty and (column != "split" or len(empty) < len(table.rows)):
            raise InputError(f"{empty[0].where}: has nothing in the column '{column}'; fill it in every row")
    for row in table.rows:
        if row["split"] and row["split"] not in SPLITS:
            raise InputError(f"{row.where}: has the side {row['split']!r}; expected {', '.join(SPLITS)}")


def _grouped(config: SampleSheet, table: Table) -> tuple[list[SheetField], int]:
    """Fields in the order of the sheet, and how many rows are of channels that are not used."""
    by_channel = "channel" in table.columns
    found: dict[tuple[str, ...], dict[str, Row]] = {}
    n_other = 0
    for row in table.rows:
        if by_channel and row["channel"] not in config.channels:
            n_other += 1
            continue
        rows = found.setdefault(_key(row), {})
        if row["channel"] in rows:
            of = f" and channel {row['channel']!r}" if by_channel else ""
            raise InputError(
                f"{row.where}: is field {row['field']!r}{of} again, after {_line(rows[row['channel']])}; expected one "
                "row: remove one, or tell them apart by plate, well or site"
            )
        rows[row["channel"]] = row
    groups = [SheetField(key, rows) for key, rows in found.items()]
    for group in groups:
        _check_group(config, group, by_channel)
    if not groups:
        raise InputError(f"{table.path}: no row is of the channels {', '.join(config.channels)}; mend 'channels'")
    return groups, n_other


def _check_group(config: SampleSheet, group: SheetField, by_channel: bool) -> None:
    missing = [channel for channel in config.channels if channel not in group.by_channel] if by_channel else []
    if missing:
        raise InputError(
            f"{group.first.where}: there is no row of field {group.first['field']!r} and channel '{missing[0]}'; "
            f"expected one for each of {', '.join(config.channels)}: add it, or mend 'channels'"
        )
    for row in group.by_channel.values():
        for column in _SHARED:
            _expect_same(column, group.first, row, f"field {row['field']!r}")


def _check_files(config: SampleSheet, group: SheetField) -> None:
    for row in group.by_channel.values():
        for column in ("image", "labels"):
            path = config.sheet.parent / row[column]
            if row[column] and not path.exists():
                raise InputError(f"{row.where}: {column} {str(path)!r} does not exist; paths are relative to the sheet")


def _localization(config: SampleSheet, table: Table) -> dict[str, str]:
    """Places of the proteins, by the sheet; the config may name the same."""
    rows: dict[str, Row] = {}
    for row in table.rows:
        if not row["localization"]:
            continue
        if not row["protein"]:
            raise InputError(f"{row.where}: has a localization, but no protein; fill the column 'protein'")
        _expect_same("localization", rows.setdefault(row["protein"], row), row, f"protein {row['protein']!r}")
        configured = config.localization.get(row["protein"], row["localization"])
        if configured != row["localization"]:
            raise InputError(
                f"{row.where}: has protein {row['protein']!r} in {row['localization']!r}, the config in "
                f"{configured!r}; expected one of them: mend it"
            )
    return {protein: row["localization"] for protein, row in rows.items()}


def _expect_same(column: str, first: Row, row: Row, what: str) -> None:
    if first[column] != row[column]:
        raise InputError(
            f"{row.where}: has {row[column]!r} in the column '{column}', but {_line(first)}, of the same {what}, has "
            f"{first[column]!r}; expected the same"
        )


def _key(row: Row) -> tuple[str, ...]:
    return tuple(normal_well(row[part]) if part == "well" else row[part] for part in _KEY)


def _line(row: Row) -> str:
    return row.where.rpartition(": ")[2]
