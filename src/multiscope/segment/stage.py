"""The stage `segment`: label images of the cells in the clean fields of a data set."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import zarr

from multiscope.config import Segment
from multiscope.errors import InputError
from multiscope.folders.manifest import StageRun, stage_output, verify
from multiscope.images.flatten import flatten
from multiscope.progress import track
from multiscope.segment import STAGE_VERSION
from multiscope.segment.methods import Method, open_method, remove_small
from multiscope.stores.fields import read_field, read_pixel_size, write_label_image


def run(*, data: Path, out: Path, config: Segment) -> None:
    """Find the cells of the data set of fields at `data`: `labels.zarr/<path>`, and counts in `cells.parquet`.

    One label image (Y, X) a field; stacks are flattened before. A field without cells gets an empty one.
    """
    notes = verify(data, made_by=["data"])["notes"]
    if notes.get("kind") != "fields":
        raise InputError(f"{data}: holds no fields; name a folder that stage 'data' made from fields")
    channel = _channel(notes["channels"], config)
    method = open_method(config)
    described = config.model_dump(mode="json")
    with stage_output(out, stage="segment", version=STAGE_VERSION, config=described, inputs={"data": data}) as made:
        for key in ("dataset", "channels", "pixel_size_um"):
            made.note(key, notes[key])
        made.note("channel", notes["channels"][channel])
        _write(made, data, config, channel, method)


def _channel(names: list[str], config: Segment) -> int:
    if config.channel is None:
        return 0
    if config.channel not in names:
        raise InputError(f"segment.channel: no channel '{config.channel}'; have {', '.join(names)}")
    return names.index(config.channel)


def _write(made: StageRun, data: Path, config: Segment, channel: int, method: Method) -> None:
    fields = pd.read_parquet(data / "fields.parquet").to_dict("records")
    zarr.open_group(made.path / "labels.zarr", mode="a", zarr_format=3)
    rows = [
        _find(made, data, config, channel, method, field)
        for field in track(fields, what="segment: fields", total=len(fields))
    ]
    table = pd.DataFrame(rows)
    n_cells = int(table["n_cells"].sum())
    if n_cells == 0:
        raise InputError(
            f"{data}: no cells were found in channel '{made.notes['channel']}' of any field; choose another "
            "segment.channel, or smaller segment.min_area and segment.sigma"
        )
    table.to_parquet(made.path / "cells.parquet", compression="zstd")
    made.count("cells", n_cells, {"small": int(table["n_small"].sum())})
    empty = int((table["n_cells"] == 0).sum())
    made.count("fields", len(table) - empty, {"no cell": empty})


def _find(
    made: StageRun, data: Path, config: Segment, channel: int, method: Method, field: Mapping[Hashable, Any]
) -> dict[str, Any]:
    """Write the label image of one field, and count its cells."""
    path = str(field["path"])
    with made.unit(f"field {path}") as unit:
        if not unit.finished:
            image = read_field(data / "clean.zarr" / path)
            plane = flatten(image[channel : channel + 1], config.z)[0]
            labels, n_small = remove_small(method(plane), config.min_area)
            pixel_size = read_pixel_size(data / "clean.zarr" / path)
            write_label_image(unit.path(f"labels.zarr/{path}"), labels, pixel_size=pixel_size)
            unit.facts = {"n_small": n_small, **_described(labels)}
        return {"field_id": field["field_id"], "path": path, **unit.facts}


def _described(labels: npt.NDArray[np.uint32]) -> dict[str, Any]:
    """Number of cells, their median area in pixels, and the share of the field that they cover."""
    area = np.bincount(labels.ravel())[1:]
    median = float(np.median(area)) if len(area) else None
    return {"n_cells": len(area), "median_area": median, "covered": float((labels > 0).mean())}
