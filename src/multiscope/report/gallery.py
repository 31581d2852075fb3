"""Pictures of cells: some that were cut, some that were dropped with the reason, and where they lie in their fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import Normal, withStroke
from scipy.ndimage import binary_dilation
from skimage.measure import label
from skimage.segmentation import find_boundaries

from multiscope.config import Crop
from multiscope.crop.choice import REASONS
from multiscope.crop.source import Source
from multiscope.crop.window import corners
from multiscope.report.album import WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Plot
from multiscope.report.inputs import Folder, child, read_table
from multiscope.stores.samples import SampleStore

KEPT, DROPPED = "#56B4E9", "#E69F00"
_COLUMNS = 8
_FIELDS = 3
_TILE = 400
_ROW = 1.28
_DRAWN = 800
"""Pixels across which outlines of a field are drawn; more than the figure has."""
Array = npt.NDArray[Any]
Window = tuple[float, float]


@dataclass(frozen=True)
class Cut:
    """What `crop` made of one data set: its folders by source, and the clean fields and labels they came from."""

    name: str
    folders: dict[str, Folder]
    fields: Source
    config: Crop

    @property
    def first(self) -> Folder:
        """The folder whose cells stand for those of all sources."""
        return self.folders.get("clean", next(iter(self.folders.values())))

    @property
    def channels(self) -> list[str]:
        """Names of the channels."""
        return [str(name) for name in self.first.notes["channels"]]


def cuts(crops: Sequence[Folder], data: Sequence[Folder], segmented: Sequence[Folder]) -> list[Cut]:
    """One for each data set whose folder was given too; of several seeds the first."""
    found = []
    for folder in data:
        digest = folder.manifest["digest"]
        own = [crop for crop in crops if crop.stage == "crop" and crop.manifest["inputs"].get("data") == digest]
        if not own:
            continue
        by_source: dict[str, Folder] = {}
        for crop in own:
            by_source.setdefault(crop.name, crop)
        given = own[0].manifest["inputs"].get("labels")
        labels = next((made.path for made in segmented if made.manifest["digest"] == given), None)
        if given is not None and labels is None:
            continue
        stored = {key: value for key, value in own[0].manifest["config"].items() if key != "source"}
        config = Crop(**stored)
        found.append(Cut(folder.name, by_source, Source(folder.path, "clean", None, labels, config), config))
    return found


def kept_cells(album: Album, cut: Cut) -> tuple[Plot, list[Window]]:
    """Random cells, the same from every source, a row a source and channel; and the window of each channel."""
    stores = {source: SampleStore(folder.path / "crops.zarr") for source, folder in cut.folders.items()}
    first = stores[cut.first.name]
    rows = np.sort(np.random.default_rng(0).permutation(len(first))[:_COLUMNS])
    ids = first.table["cell_id"].iloc[rows]
    images = {source: store.take("image", _rows_of(store, ids)) for source, store in stores.items()}
    masks = first.take("mask", rows)
    windows = [_window(images[cut.first.name][:, channel]) for channel in range(len(cut.channels))]
    lines = [(source, channel) for source in stores for channel in range(len(cut.channels))]
    with look():
        figure = new_figure(WIDTH, len(lines) * _ROW + 0.25)
        axes = figure.subplots(len(lines), _COLUMNS, squeeze=False)
        for line, (source, channel) in zip(axes, lines, strict=True):
            for axis, image, mask in zip(line, images[source][:, channel], masks[:, 0], strict=False):
                _draw(axis, image, mask, windows[channel], KEPT)
            low, high = windows[channel]
            line[0].set_ylabel(f"{short(source, 20)}\n{short(cut.channels[channel], 20)}\n{low:.4g} to {high:.4g}")
        _finish(axes, [short(cell, 17) for cell in ids])
        table = first.table.iloc[rows].assign(dataset=cut.name)
        alt = f"Data set {cut.name}: crops of the cells {', '.join(ids)} from {', '.join(stores)}, outlined."
        caption = (
            "Cells drawn at random, the same in each row; at the left the source, the channel and its window of "
            "intensities, taken from the first source. Blue: outline of the cell that the crop is of."
        )
        plot = album.add(f"crops_{cut.name}", figure, table, alt=alt, caption=caption, title=f"Crops of {cut.name}")
    return plot, windows


def given_crops(album: Album, folder: Folder) -> Plot:
    """Random crops of a data set that was given as crops, a row a channel."""
    store = SampleStore(folder.path / "crops.zarr")
    rows = np.sort(np.random.default_rng(0).permutation(len(store))[:_COLUMNS])
    images, table = store.take("image", rows), store.table.iloc[rows]
    channels = [str(name) for name in folder.notes["channels"]]
    with look():
        figure = new_figure(WIDTH, len(channels) * _ROW + 0.25)
        axes = figure.subplots(len(channels), _COLUMNS, squeeze=False)
        for line, name, planes in zip(axes, channels, _planes(images), strict=True):
            low, high = window = _window(planes)
            for axis, plane in zip(line, planes, strict=False):
                _draw(axis, plane, np.zeros(plane.shape), window, KEPT)
            line[0].set_ylabel(f"{short(name, 20)}\n{low:.4g} to {high:.4g}")
        ids = table["cell_id"].astype(str)
        _finish(axes, [short(cell, 17) for cell in ids])
        alt = f"Data set {folder.name}: the crops {', '.join(ids)}."
        caption = (
            f"{len(rows)} of {len(store):,} crops, drawn at random, the same in each row; at the left the channel and "
            "its window of intensities."
        )
        title = f"Crops of {folder.name}"
        return album.add(f"crops_{folder.name}", figure, table, alt=alt, caption=caption, title=title)


def _planes(images: Array) -> Array:
    """Crops (N, C, Y, X) or (N, C, Z, Y, X) by channel as they are shown, (C, N, Y, X): stacks by their maximum."""
    flat = images.max(axis=2) if images.ndim == 5 else images
    planes: Array = np.moveaxis(flat, 1, 0)
    return planes


def dropped_cells(album: Album, cut: Cut, windows: Sequence[Window]) -> Plot | None:
    """Examples of what was dropped, a row a reason, in the first channel of the clean fields."""
    dropped = _dropped(cut)
    dropped = dropped[dropped["reason"].isin(list(REASONS))]  # hidden ones have no place
    if dropped.empty:
        return None
    shuffled = dropped.sample(frac=1, random_state=0)
    examples = shuffled.groupby("reason", sort=False).head(_COLUMNS).sort_values(["field_id", "label"])
    reasons = [reason for reason in REASONS if (examples["reason"] == reason).any()]
    places = _places(cut)
    with look():
        figure = new_figure(WIDTH, len(reasons) * _ROW + 0.1)
        axes = figure.subplots(len(reasons), _COLUMNS, squeeze=False)
        free = {reason: iter(line) for reason, line in zip(reasons, axes, strict=True)}
        for field_id, cells in examples.groupby("field_id", sort=False):
            plane = cut.fields.clean(places[str(field_id)])[0].astype(np.float64)
            labels = cut.fields.labels(places[str(field_id)])
            for corner, cell in zip(corners(cells, cut.config.size), cells.itertuples(), strict=True):
                top, left = _seen_at(labels == cell.label, corner, cut.config.size)
                image = _part(plane, top, left, cut.config.size)
                mask = _part((labels == cell.label).astype(np.float64), top, left, cut.config.size)
                _draw(next(free[str(cell.reason)]), image, np.nan_to_num(mask), windows[0], DROPPED)
        for line, reason in zip(axes, reasons, strict=True):
            line[0].set_ylabel(f"{reason}\n{(dropped['reason'] == reason).sum():,}")
        _finish(axes, [])
        alt = f"Data set {cut.name}: examples of objects dropped for the reasons {', '.join(reasons)}, outlined."
        caption = (
            f"Up to {_COLUMNS} objects for each reason, drawn at random, and how many there are; channel "
            f"{cut.channels[0]} of the clean images, in the window used above. Of scattered ones the largest "
            "piece is shown. Grey: outside of the field."
        )
        title = f"What was dropped from {cut.name}"
        return album.add(f"dropped_{cut.name}", figure, examples, alt=alt, caption=caption, title=title)


def fields_with_cells(album: Album, cut: Cut) -> Plot:
    """Fields with the fewest, the median and the most kept cells: outlines of kept and dropped objects."""
    table = read_table(cut.first.path / "crops.parquet", ["field_id", "label"])
    dropped, places = _dropped(cut), _places(cut)
    counts = table["field_id"].value_counts().reindex(list(places), fill_value=0).sort_values(kind="stable")
    shown = counts.iloc[np.unique(np.linspace(0, len(counts) - 1, _FIELDS).round().astype(int))]
    with look():
        panel = WIDTH / _FIELDS
        figure = new_figure(panel * len(shown), panel + 0.3)
        axes = figure.subplots(1, len(shown), squeeze=False)
        for axis, field_id, n_cells in zip(axes[0], shown.index.astype(str), shown, strict=True):
            plane, labels = cut.fields.clean(places[field_id])[0], cut.fields.labels(places[field_id])
            plane, labels = (_middle(part) for part in (plane, labels))
            low, high = _window(plane)
            axis.imshow(plane, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            for colour, cells in ((KEPT, table), (DROPPED, dropped)):
                own = cells.loc[cells["field_id"] == field_id, "label"].to_numpy()
                _outline(axis, np.where(np.isin(labels, own), labels, 0), colour)
            axis.set_title(f"{short(field_id, 24)}: {n_cells:,} kept", fontsize=9.5)
        _finish(axes, [])
        alt = f"Data set {cut.name}: outlines of cells in the fields {', '.join(map(str, shown.index))}."
        caption = (
            f"Fields with the fewest, the median and the most cells that were kept; up to {_TILE} x {_TILE} pixels of "
            f"their middle, channel {cut.channels[0]}. Blue: kept; orange: dropped."
        )
        data = shown.rename("n_kept").rename_axis("field_id").reset_index()
        title = f"Cells in fields of {cut.name}"
        return album.add(f"cells_{cut.name}", figure, data, alt=alt, caption=caption, title=title)


def _dropped(cut: Cut) -> pd.DataFrame:
    return read_table(cut.first.path / "dropped.parquet", ["field_id", "label", "reason", "y", "x", "area"])


def _places(cut: Cut) -> dict[str, str]:
    """Path of each field in its store."""
    table = cut.fields.table
    for path in table["path"]:
        child(cut.fields.data, str(path))  # refuses what leads elsewhere
    return dict(zip(table["field_id"].astype(str), table["path"].astype(str), strict=True))


def _rows_of(store: SampleStore, ids: pd.Series) -> npt.NDArray[np.int64]:
    rows: npt.NDArray[np.int64] = pd.Index(store.table["cell_id"]).get_indexer(pd.Index(ids)).astype(np.int64)
    return rows


def _window(images: Array) -> Window:
    low, high = (float(value) for value in np.percentile(images, (0.5, 99.8)))
    return low, max(high, low + 1e-9)


def _part(plane: Array, top: int, left: int, size: int) -> Array:
    """A square of `plane` (Y, X); NaN outside of it."""
    part = np.full((size, size), np.nan)
    rows, columns = (slice(max(0, -first), None) for first in (top, left))
    inside = plane[max(0, top) : max(0, top + size), max(0, left) : max(0, left + size)]
    view = part[rows, columns]
    view[: inside.shape[0], : inside.shape[1]] = inside
    return part


def _seen_at(mask: Array, corner: npt.NDArray[np.int64], size: int) -> tuple[int, int]:
    """First row and column of the square that shows an object: as its crop, or around its largest piece."""
    top, left = (int(first) for first in corner)
    if not mask.any() or np.nansum(_part(mask.astype(np.float64), top, left, size)) > 0:
        return top, left
    pieces = label(mask)
    rows, columns = np.nonzero(pieces == np.bincount(pieces.ravel())[1:].argmax() + 1)
    return round(float(rows.mean())) - size // 2, round(float(columns.mean())) - size // 2


def _middle(plane: Array) -> Array:
    rows, columns = (slice(max(0, (n - _TILE) // 2), max(0, (n - _TILE) // 2) + _TILE) for n in plane.shape)
    part: Array = plane[rows, columns]
    return part


def _draw(axis: Axes, image: Array, mask: Array, window: Window, colour: str) -> None:
    axis.set_facecolor("#D5DADE")
    axis.imshow(image, cmap="gray", vmin=window[0], vmax=window[1], interpolation="nearest")
    if 0 < mask.sum() < mask.size:
        axis.contour(mask, levels=[0.5], colors=colour, linewidths=0.9)
        # dark beside light, so that it is seen on bright nuclei too
        axis.collections[-1].set_path_effects([withStroke(linewidth=2.0, foreground="black"), Normal()])


def _outline(axis: Axes, labels: Array, colour: str) -> None:
    # drawn finer than the pixels of a small field, whose cells would vanish behind whole ones
    finer = max(1, round(_DRAWN / max(labels.shape)))
    edges = binary_dilation(find_boundaries(labels.repeat(finer, axis=0).repeat(finer, axis=1), mode="thick"))
    shown = np.zeros((*edges.shape, 4))
    # dark beside light, so that it is seen on bright nuclei too
    shown[binary_dilation(edges)] = [0.0, 0.0, 0.0, 0.8]
    shown[edges] = [*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)), 1.0]
    height, width = labels.shape
    axis.imshow(shown, extent=(-0.5, width - 0.5, height - 0.5, -0.5))


def _finish(axes: npt.NDArray[Any], titles: Sequence[str]) -> None:
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_visible(bool(axis.images))
        axis.yaxis.label.set_fontsize(8)
    for axis, title in zip(axes[0], titles, strict=False):
        axis.set_title(title, fontsize=7.5)
