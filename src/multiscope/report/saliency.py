"""Where a classifier looks: Grad-CAM over test cells of each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from scipy.ndimage import map_coordinates
from torch import nn

from multiscope.data.cells import CellReader
from multiscope.data.crops import Crops
from multiscope.nn.cards import load_network
from multiscope.nn.saliency import deepest_maps, grad_cam, places
from multiscope.report.album import GREY, WIDTH, Album, ends, look, new_figure, short
from multiscope.report.blocks import Plot
from multiscope.report.confident import protein_channel
from multiscope.report.inputs import Folder, read_json
from multiscope.report.pictures import colour_bar, show_image, window_of
from multiscope.report.predictions import MOST_PICTURED, Predictions, probability

EACH = 3
"""Cells of each class."""
_COLOURS = "inferno"
_ROW = 1.72
Maps = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Looks:
    """Saliency of cells, row by row as in `cells`."""

    cells: pd.DataFrame
    """Rows of predictions with `class`, `said` and `peak_y`, `peak_x` in pixels of the crop."""
    images: Maps
    """Crops (n, S, S) in the channel of the protein, as acquired."""
    maps: Maps
    """Saliency (n, S, S) of the class, from 0 to 1 in each crop; NaN where the layer has no place."""
    side: int
    """Places across the layer's maps."""
    channel: str


def can_explain(predicted: Predictions) -> bool:
    """Whether the network of the first seed names the classes itself, not a classifier that was put on it."""
    card = read_json(predicted.folders[0].path / "model.json")
    return card.get("learns", "nothing") == "nothing" and card.get("classes") == predicted.classes


def looks(predicted: Predictions, folder: Folder) -> Looks:
    """Grad-CAM of the first seed's network on test cells drawn at random, up to three of each class."""
    network, card = load_network(predicted.folders[0].path)
    crops = Crops(folder.path)
    reader, cells = CellReader(crops, card), _drawn(predicted)
    rows = pd.Index(crops.table["cell_id"].astype(str)).get_indexer(pd.Index(cells["cell_id"].astype(str)))
    x = reader.prepare(torch.from_numpy(reader.read(rows.astype(np.int64))), torch.device("cpu"))
    layer = deepest_maps(network, x[:1])
    found = []
    for name, members in cells.groupby("class", sort=False):
        own = x[torch.from_numpy(members.index.to_numpy(copy=True))]
        found += list(grad_cam(network, layer, own, card["classes"].index(name)).numpy().astype(np.float64))
    maps = np.stack([_on_pixels(each, network, layer, crops.size) for each in found])
    channel = protein_channel(predicted.folders[0], crops)
    images = crops.read(rows.astype(np.int64), crops.channel_indices([channel]))[:, 0].astype(np.float64)
    peaks = [np.unravel_index(np.nanargmax(each), each.shape) for each in maps]
    cells[["peak_y", "peak_x"]] = np.array(peaks)
    return Looks(cells, images, maps, found[0].shape[-1], channel)


def _drawn(predicted: Predictions) -> pd.DataFrame:
    table, parts = predicted.first, []
    for name in predicted.commonest(MOST_PICTURED):
        own = table[predicted.of(name, table)]
        own = own.iloc[np.sort(np.random.default_rng(0).permutation(len(own))[:EACH])]
        parts.append(own.assign(said=probability(own, name), **{"class": name}))
    return pd.concat(parts, ignore_index=True)


def _on_pixels(found: Maps, network: nn.Module, layer: nn.Module, size: int) -> Maps:
    """Saliency (h, h) at the pixels of a crop (size, size), from 0 to 1; NaN beyond half a step from the places."""
    side = found.shape[-1]
    first, step = places(network, layer, size=size, side=side)
    at = (np.arange(size) - first) / step
    spread = map_coordinates(
        found / max(found.max(), 1e-12), np.meshgrid(at, at, indexing="ij"), order=1, mode="nearest"
    )
    outside = (at < -0.5) | (at > side - 0.5)
    spread[outside, :] = spread[:, outside] = np.nan
    return np.asarray(spread)


def saliency(album: Album, predicted: Predictions, folder: Folder) -> Plot:
    """A row a class, each cell as it is and under its map."""
    found = looks(predicted, folder)
    names = list(dict.fromkeys(found.cells["class"]))
    with look():
        figure = new_figure(WIDTH, len(names) * _ROW + 0.2)
        axes = figure.subplots(len(names), 2 * EACH, squeeze=False)
        for line, name in zip(axes, names, strict=True):
            line[0].set_ylabel(ends(name, 24), fontsize=9)
            for number, row in enumerate(found.cells.index[found.cells["class"] == name]):
                shown = _draw(line[2 * number], line[2 * number + 1], found, row)
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            axis.patch.set_alpha(0)
        colour_bar(figure, shown, list(axes[:, -1]), "saliency, share of the crop's highest")
        columns = ["class", "cell_id", "protein", "field_id", "truth", "predicted", "said", "peak_y", "peak_x"]
        data = found.cells[columns].rename(columns={"said": "probability"})
        return album.add(f"saliency_{predicted.encoder}", figure, data, **_words(predicted, found))


def _draw(left: Axes, right: Axes, found: Looks, row: int) -> AxesImage:
    image, cell = found.images[row], found.cells.loc[row]
    for axis in (left, right):
        show_image(axis, image, window_of(image))
    shown = np.ma.masked_invalid(found.maps[row])
    drawn = right.imshow(shown, cmap=_COLOURS, vmin=0, vmax=1, alpha=np.clip(shown.filled(0), 0, 1) * 0.8)
    seen = np.flatnonzero(np.isfinite(found.maps[row]).any(axis=0))
    if len(seen) < len(image):
        corner, width = seen[0] - 0.5, len(seen)
        right.add_patch(Rectangle((corner, corner), width, width, fill=False, edgecolor=GREY, linewidth=0.8))
    left.set_xlabel(short(str(cell["cell_id"]), 20), fontsize=7.5)
    right.set_xlabel(f"probability {cell['said']:.2f}", fontsize=7.5)
    return drawn


def _words(predicted: Predictions, found: Looks) -> dict[str, str]:
    seed = predicted.folders[0].seed
    of_seed = "" if seed is None else f", seed {seed}"
    return {
        "title": f"{predicted.encoder}{of_seed}: where it sees each class",
        "alt": f"Grad-CAM of {predicted.encoder} over test cells of {', '.join(found.cells['class'].unique())}.",
        "caption": (
            f"Grad-CAM (Selvaraju et al. 2017) of the class at the left, over up to {EACH} test cells of it drawn at "
            f"random, beside the cells in channel {found.channel} and the probability of the class. Bright: what "
            f"speaks for the class, at {found.side} x {found.side} places of a convolution, each of which sees a part "
            "of the crop; outside of the frame, where there is one, the layer has no place. A cell that stays dark has "
            "nothing at these places that speaks for the class. It says where the network looks, not whether it is "
            "right."
        ),
    }
