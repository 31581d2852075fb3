"""The worst restorations, as pictures: of each method the test image that gained least."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multiscope.report import pictures
from multiscope.report.album import WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Plot
from multiscope.report.inputs import Folder, child, read_table
from multiscope.report.pictures import Plane
from multiscope.report.restoration import INPUT
from multiscope.report.restoration_tables import signed
from multiscope.stores import fields

_PANEL = 1.75


@dataclass(frozen=True)
class Place:
    """Where an image `<field_id>/<channel>` lies in the stores of a data set."""

    path: str
    channel: int


def places(data: Folder) -> dict[str, Place]:
    """All images of a data set of fields by their ids."""
    table = read_table(data.path / "fields.parquet", ["field_id", "path"]).astype(str)
    if table.empty:
        return {}
    channels = fields.channel_names(child(data.path / "clean.zarr", table["path"].iloc[0]))
    return {
        f"{field_id}/{name}": Place(path, index)
        for field_id, path in zip(table["field_id"], table["path"], strict=True)
        for index, name in enumerate(channels)
    }


def lowest_gains(scores: pd.DataFrame, *, dataset: str, defect: str) -> pd.DataFrame:
    """Of each method the image and seed that gained least in PSNR under the rule `fixed`: the lowest gain first.

    Columns `method`, `image_id`, `seed`, `gain`.
    """
    chosen = scores[
        (scores["dataset"] == dataset)
        & (scores["defect"] == defect)
        & (scores["metric"] == "psnr")
        & (scores["rule"] == "fixed")
    ]
    before = chosen[chosen["method"] == INPUT].set_index("image_id")["value"]
    after = chosen[chosen["method"] != INPUT].copy()
    with np.errstate(invalid="ignore"):
        after["gain"] = after["value"] - after["image_id"].map(before)
    known: pd.DataFrame = after[np.isfinite(after["gain"])].sort_values(["gain", "method", "image_id", "seed"])
    return known.loc[~known["method"].duplicated(), ["method", "image_id", "seed", "gain"]].reset_index(drop=True)


def worst_cases(
    album: Album, data: Folder, restored: Sequence[Folder], scores: pd.DataFrame, pixel_size_um: float | None
) -> list[Plot]:
    """A figure a defect, a row a method: clean, degraded, restored, and both errors in one scale."""
    folders = {(folder.name, folder.seed): folder for folder in restored}
    known = places(data)
    plots = []
    for defect in sorted(scores.loc[scores["dataset"] == data.name, "defect"].unique()):
        cases = [
            case
            for row in lowest_gains(scores, dataset=data.name, defect=defect).to_dict("records")
            if (folder := folders.get((row["method"], int(row["seed"])))) is not None
            if (case := _case(data, folder, defect, row, known)) is not None
        ]
        if cases:
            plots.append(_figure(album, data.name, defect, cases, pixel_size_um))
    return plots


@dataclass(frozen=True)
class _Case:
    method: str
    image_id: str
    seed: int
    gain: float
    planes: dict[str, Plane]
    window: tuple[float, float]

    def error(self, source: str) -> Plane:
        return np.abs(self.planes[source] - self.planes["clean"])


def _case(
    data: Folder, folder: Folder, defect: str, row: Mapping[Hashable, Any], known: dict[str, Place]
) -> _Case | None:
    place = known.get(str(row["image_id"]))
    if place is None:
        return None
    stores: dict[str, Path] = {
        source: pictures.store_of(data, named, {folder.name: folder})
        for source, named in (("clean", "clean"), ("degraded", defect), ("restored", f"{folder.name}/{defect}"))
    }
    planes = {source: pictures.read_plane(store, place.path, place.channel) for source, store in stores.items()}
    whole = {source: plane for source, plane in planes.items() if plane is not None}
    if len(whole) < len(planes):
        return None
    corner = pictures.liveliest_tile(np.abs(whole["restored"] - whole["clean"]))
    tiles = {source: pictures.tile(plane, corner) for source, plane in whole.items()}
    window = pictures.window_of(whole["clean"])
    return _Case(folder.name, str(row["image_id"]), int(row["seed"]), float(row["gain"]), tiles, window)


def _figure(album: Album, data: str, defect: str, cases: list[_Case], pixel_size_um: float | None) -> Plot:
    scale = max(float(np.percentile(case.error("degraded"), 99.5)) for case in cases) or 1.0
    titles = ("clean", "degraded", "restored", "error, degraded", "error, restored")
    panel = min(_PANEL, (WIDTH - 1.6) / len(titles))
    with look():
        figure = new_figure(panel * len(titles) + 1.6, len(cases) * (panel + 0.04) + 0.3)
        axes = figure.subplots(len(cases), len(titles), squeeze=False)
        for line, case in zip(axes, cases, strict=True):
            for axis, source in zip(line, titles[:3], strict=False):
                pictures.show_image(axis, case.planes[source], case.window)
            for axis, source in zip(line[3:], ("degraded", "restored"), strict=True):
                error = case.error(source)
                shown = pictures.show_map(axis, error, scale, note=f"mean {error.mean():.3g}")
            words = [short(case.method, 24), short(case.image_id, 26), f"seed {case.seed}, {signed(case.gain, 2)} dB"]
            line[0].set_ylabel("\n".join(words), fontsize=8)
            pictures.scale_bar(line[0], case.planes["clean"].shape, pixel_size_um)
        for axis, title in zip(axes[0], titles, strict=True):
            axis.set_title(title, fontsize=9.5)
        pictures.bare(axes)
        pictures.colour_bar(figure, shown, axes[:, -1].tolist(), "|difference to clean| (counts)")
        table = pd.DataFrame(
            {
                "method": case.method,
                "image_id": case.image_id,
                "seed": case.seed,
                "defect": defect,
                "psnr_gain": case.gain,
                **{f"mean_abs_error_{source}": case.error(source).mean() for source in ("degraded", "restored")},
            }
            for case in cases
        )
        said = "; ".join(f"{case.method} {signed(case.gain, 2)} dB ({case.image_id})" for case in cases)
        return album.add(
            f"worst_{data}_{defect}",
            figure,
            table,
            title=f"Worst cases: {defect}",
            alt=f"Of each method the test image with the defect {defect} that gained least in PSNR: {said}.",
            caption=f"Change of PSNR, lowest first: {said}. Of large fields the part with the most uneven error.",
        )
