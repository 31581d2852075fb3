"""Planes of fields as pictures: which part, in which window, with which scale bar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from multiscope.report.inputs import Folder, child
from multiscope.stores import fields

Plane = npt.NDArray[np.float64]
TILE = 320
_BARS_UM = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


def store_of(data: Folder, source: str, restored: dict[str, Folder]) -> Path:
    """Where the fields of a source lie: `clean`, a defect, or `<method>/<defect>` of one of `restored`."""
    if source == "clean":
        return data.path / "clean.zarr"
    method, _, defect = source.rpartition("/")
    return (restored[method].path / "restored.zarr" if method else data.path / "degraded.zarr") / defect


def read_plane(store: Path, path: str, channel: int) -> Plane | None:
    """A channel of a field as it is shown, stacks by their maximum over z; None where the store has no such field."""
    field = child(store, path)
    if not field.is_dir():
        return None
    image = fields.read_field(field)[channel]
    return np.asarray(image.max(axis=0) if image.ndim == 3 else image, dtype=np.float64)


def window_of(clean: Plane) -> tuple[float, float]:
    """Intensities shown black and white."""
    low, high = np.percentile(clean, (0.5, 99.8))
    return float(low), float(max(high, low + 1e-9))


def liveliest_tile(plane: Plane) -> tuple[int, int]:
    """Corner of the tile of a large field where most is to be seen."""
    corners = [
        (min(y, max(0, plane.shape[0] - TILE)), min(x, max(0, plane.shape[1] - TILE)))
        for y in range(0, plane.shape[0], TILE)
        for x in range(0, plane.shape[1], TILE)
    ]
    return max(corners, key=lambda c: float(tile(plane, c).std()))


def tile(plane: Plane, corner: tuple[int, int]) -> Plane:
    """The part of a plane that is shown."""
    y, x = corner
    return plane[y : y + TILE, x : x + TILE]


def show_image(axis: Axes, plane: Plane, window: tuple[float, float]) -> None:
    """Grey within the window."""
    axis.imshow(plane, cmap="gray", vmin=window[0], vmax=window[1], interpolation="nearest")


def show_map(axis: Axes, plane: Plane, highest: float, *, note: str = "") -> AxesImage:
    """From black at 0 to yellow at `highest`, with a note in the corner."""
    shown = axis.imshow(plane, cmap="inferno", vmin=0, vmax=highest, interpolation="nearest")
    if note:
        axis.text(
            0.03, 0.04, note, transform=axis.transAxes, fontsize=8,
            color="white", bbox={"facecolor": "black", "alpha": 0.65, "pad": 1.5, "linewidth": 0},
        )  # fmt: skip
    return shown


def bare(axes: npt.NDArray[Any]) -> None:
    """Axes without ticks and frames; those with nothing on them are hidden."""
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        if not axis.has_data():
            axis.set_visible(False)


def colour_bar(figure: Figure, shown: AxesImage, axes: Sequence[Axes], label: str) -> None:
    """What the colours of maps mean, at the right."""
    lines = len(axes)
    bar = figure.colorbar(shown, ax=list(axes), shrink=0.9 if lines < 3 else 1.8 / lines, aspect=18)
    bar.set_label(label)


def scale_bar(axis: Axes, shape: tuple[int, ...], pixel_size_um: float | None) -> None:
    """A bar of a round length in the lower right corner; none where the size of a pixel is not known."""
    fitting = [bar for bar in _BARS_UM if pixel_size_um and bar <= 0.35 * shape[1] * pixel_size_um]
    if not fitting or not pixel_size_um:
        return
    pixels = fitting[-1] / pixel_size_um
    y, x = 0.94 * shape[0], 0.96 * shape[1]
    axis.plot([x - pixels, x], [y, y], color="white", linewidth=2.5, solid_capstyle="butt")
    label = axis.text(
        x - pixels / 2, y - 0.03 * shape[0], f"{fitting[-1]:g} µm", color="white", ha="center", va="bottom"
    )
    label.set(fontsize=8, bbox={"facecolor": "black", "alpha": 0.55, "pad": 1, "linewidth": 0})
