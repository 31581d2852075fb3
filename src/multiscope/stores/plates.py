"""Where the fields of a store lie, and the metadata by which other tools find them: plates, or a collection."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import zarr

from multiscope.stores.ome_metadata import OME_VERSION
from multiscope.stores.ome_xml import write_ome_xml

_WELL = re.compile(r"([A-Za-z]{1,2})[-_/ ]?([0-9]{1,4})")
_WELL_BY_NUMBERS = re.compile(r"[rR]([0-9]{1,2})[cC]([0-9]{1,4})")
_COLLECTION_METADATA = "OME"
_LONGEST = 200


def field_paths(
    field_ids: Sequence[str], *, plates: Sequence[str], wells: Sequence[str], sites: Sequence[str]
) -> list[str]:
    """Where each field of a data set lies in its stores; the ids are unique and safe as names of groups.

    If every field has a well: `<row>/<column>/<site>`, e.g. `B/3/0`, below `<plate>/` where there are several plates.
    The site is its number, or where the sites of a well are no distinct numbers, the place in the order of the well's
    fields. Else: its id.
    """
    positions = [row_and_column(well) for well in wells]
    if not all(positions):
        return list(_group_names(field_ids).values())
    plate_names = _group_names(sorted(set(plates)))
    several = len(plate_names) > 1
    of_well: dict[str, list[int]] = defaultdict(list)
    for number, (plate, position) in enumerate(zip(plates, positions, strict=True)):
        of_well["/".join([*([plate_names[plate]] if several else []), *position])].append(number)
    paths = [""] * len(field_ids)
    for well, numbers in of_well.items():
        for number, site in zip(numbers, _site_numbers([sites[n] for n in numbers]), strict=True):
            paths[number] = f"{well}/{site}"
    return paths


def row_and_column(well: str) -> tuple[str, str] | tuple[()]:
    """Row and column of a well: `B03`, `b-3`, `B/3` and `r02c03` are (`B`, `3`); empty for names of another kind."""
    if found := _WELL.fullmatch(well):
        return found[1].upper(), str(int(found[2]))
    if (found := _WELL_BY_NUMBERS.fullmatch(well)) and 1 <= int(found[1]) <= 52:
        high, low = divmod(int(found[1]) - 1, 26)
        return ("A" if high else "") + chr(ord("A") + low), str(int(found[2]))
    return ()


def _site_numbers(sites: Sequence[str]) -> list[int]:
    numbers = [int(site) for site in sites if re.fullmatch(r"[0-9]{1,9}", site)]
    return numbers if len(set(numbers)) == len(sites) else list(range(len(sites)))


def _group_names(names: Sequence[str]) -> dict[str, str]:
    """A name of a group for each of `names`, unlike the others and the one that collections need."""
    found: dict[str, str] = {}
    taken = {_COLLECTION_METADATA, "zarr.json"}
    for name in names:
        safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:_LONGEST]
        if not safe or safe.startswith((".", "__")):
            safe = f"plate{safe}"
        while safe in taken:
            safe += "_"
        taken.add(safe)
        found[name] = safe
    return found


def describe_store(store: Path, paths: Iterable[str], *, plate: str = "") -> None:
    """Write the groups of `store` above its images at `paths` (of `field_paths`), so that other tools find them.

    A store of wells becomes a plate named `plate`; with several plates each becomes one. Any other store, and the one
    above several plates, becomes a collection in bioformats2raw's layout, which lists its images.
    """
    listed = [path.split("/") for path in paths]
    depth = {len(parts) for parts in listed}
    if depth == {3}:
        _write_plate(store, listed, name=plate)
        return
    _write_collection(store, ["/".join(parts) for parts in listed])
    if depth == {4}:
        for name in sorted({parts[0] for parts in listed}):
            _write_plate(store / name, [parts[1:] for parts in listed if parts[0] == name], name=name)


def _write_collection(store: Path, paths: list[str]) -> None:
    _write_group(store, {"version": OME_VERSION, "bioformats2raw.layout": 3})
    _write_group(store / _COLLECTION_METADATA, {"version": OME_VERSION, "series": paths})
    write_ome_xml(store / _COLLECTION_METADATA / "METADATA.ome.xml", store, paths)


def _write_plate(store: Path, images: Sequence[Sequence[str]], *, name: str) -> None:
    """A plate with `images`, each (row, column, site)."""
    rows = sorted({row for row, _, _ in images}, key=lambda row: (len(row), row))
    columns = sorted({column for _, column, _ in images}, key=int)
    sites: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row, column, site in images:
        sites[row, column].append(site)
    places = sorted(sites, key=lambda well: (rows.index(well[0]), columns.index(well[1])))
    plate = {
        "version": OME_VERSION,
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "wells": [
            {"path": f"{row}/{column}", "rowIndex": rows.index(row), "columnIndex": columns.index(column)}
            for row, column in places
        ],
        "field_count": max(map(len, sites.values())),
    }
    _write_group(store, {"version": OME_VERSION, "plate": plate | ({"name": name} if name else {})})
    for row in rows:
        _write_group(store / row, None)
    for row, column in places:
        listed = [{"path": site} for site in sorted(sites[row, column], key=int)]
        _write_group(store / row / column, {"version": OME_VERSION, "well": {"images": listed}})


def _write_group(path: Path, ome: dict[str, object] | None) -> None:
    """Make the group, or describe the one that is there; what it contains stays."""
    group = zarr.open_group(path, mode="a", zarr_format=3)
    if ome is not None:
        group.attrs["ome"] = ome  # type: ignore[assignment]
