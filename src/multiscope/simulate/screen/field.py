"""Fields of a virtual screen: many cells of one protein, with labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from multiscope.config import VirtualScreen
from multiscope.simulate import camera
from multiscope.simulate.biology import stream
from multiscope.simulate.cells.geometry import CPU
from multiscope.simulate.screen.conditions import camera_key, exposure
from multiscope.simulate.screen.light import Drawn, cell_keys, draw, window
from multiscope.simulate.screen.proteins import Protein
from multiscope.simulate.threads import one_thread

_PLACES = 5
_TRIES = 40
_GAP_UM = 0.25
_AT_ONCE, _BLOCK = 64, 32
_MOST_AT_ONCE = 2**26
"""Numbers in the images of the cells that are drawn together."""


@dataclass(frozen=True)
class Field:
    """One field."""

    image: npt.NDArray[np.uint16]
    """Counts (2, Y, X) or (2, Z, Y, X)."""
    labels: npt.NDArray[np.uint32]
    """Cells (Y, X) or (Z, Y, X), numbered from 1, those cut by the border included; a bud belongs to its mother."""


@one_thread()
def field(config: VirtualScreen, protein: Protein, number: int, *, device: torch.device = CPU) -> Field:
    """Field `number` of a protein; any field can be made alone, and may pass `fields_per_protein`."""
    under = exposure(config, protein, number)
    canvas = _Canvas(config, protein, number, device)
    for keys in cell_keys(config, protein, number, config.cells_per_field, device).split(canvas.at_once):
        drawn = draw(config, protein, keys, canvas.window)
        images = [drawn.seen(config.optics, under.focus_um + height) for height in _heights(config)]
        canvas.add(drawn, torch.stack(images, 2).cpu(), under.focus_um)
    left = (1 - config.conditions.bleaching) ** torch.arange(config.planes)
    photons = under.lit(canvas.inner(canvas.photons) * left[:, None, None]).to(device)
    counts = camera.expose(photons[None], camera_key(config, protein, number, device), config.camera)[0].cpu().numpy()
    return Field(counts if config.planes > 1 else counts[:, 0], canvas.labels())


def _heights(config: VirtualScreen) -> list[float]:
    """Heights of the planes of a stack, its middle at 0."""
    return [(plane - (config.planes - 1) / 2) * config.z_step_um for plane in range(config.planes)]


class _Canvas:
    """Photons and labels of a field with a margin, so that cells on the border need no clipping."""

    def __init__(self, config: VirtualScreen, protein: Protein, number: int, device: torch.device) -> None:
        self._half = math.ceil((config.reach_um + config.spread_um) / config.pixel_um / 4) * 4 + 4
        self._config, self._size = config, config.field_size
        side = config.field_size + 2 * self._half
        self.window = window(config, 2 * self._half, device, stack=config.planes > 1)
        numbers = 2 * (len(self.window.z_um) + config.planes) * self.window.height * self.window.width
        self.at_once = min(_AT_ONCE, max(1, _MOST_AT_ONCE // (numbers * _BLOCK)) * _BLOCK)
        self.photons = torch.zeros(2, config.planes, side, side)
        self._labels = np.zeros((config.planes, side, side), dtype=np.uint32)
        self._taken = np.zeros((side, side), dtype=np.bool_)
        self._rng = stream(config.seed, _PLACES, *protein.place.key, number)
        self._middles: list[tuple[int, int]] = []
        self._n = 0

    def add(self, drawn: Drawn, images: Tensor, focus_um: float) -> None:
        """Put each cell, seen as (2, Z, H, W), where there is room; after `_TRIES` places it is left out."""
        depth = drawn.cells.depth[:, self.window.middle].cpu().numpy()
        volume = self._volume(drawn, focus_um)
        for one, image in enumerate(images):
            place = self._free(depth[one])
            if place is None:
                continue
            self._n += 1
            self._labels[:, place[0], place[1]][volume[one]] = self._n
            self._taken[place] |= depth[one] > -_GAP_UM
            self.photons[:, :, place[0], place[1]] += image

    def _free(self, depth: npt.NDArray[np.float32]) -> tuple[slice, slice] | None:
        """A window with room for a cell: the first that is found, or of the share `crowding` the one nearest a cell."""
        half = self._half
        tries = self._rng.integers(half, half + self._size, (_TRIES, 2))
        crowded = self._rng.random() < self._config.crowding
        if crowded and self._middles:
            apart = [min(math.hypot(y - v, x - u) for v, u in self._middles) for y, x in tries]
            tries = tries[np.argsort(apart, kind="stable")]
        for y, x in tries:
            place = slice(y - half, y + half), slice(x - half, x + half)
            if not (self._taken[place] & (depth > 0)).any():
                self._middles.append((int(y), int(x)))
                return place
        return None

    def _volume(self, drawn: Drawn, focus_um: float) -> npt.NDArray[np.bool_]:
        """Pixels of the cells (B, Z, H, W): of a plain image as seen from above, of a stack in each plane."""
        _, y, x = self.window.places
        n = len(drawn.height_um)
        z = torch.zeros(len(drawn.cells.keys), self._config.planes, 1, 1, device=y.device)
        if self._config.planes > 1:
            heights = torch.tensor(_heights(self._config), device=y.device) + focus_um
            z[:n] = (heights - drawn.height_um[:, None])[..., None, None]
        inside = drawn.cells.body.depth((z, y, x))[:n] > 0
        return np.asarray(inside.cpu().numpy())

    def inner(self, image: Tensor) -> Tensor:
        """The field without the margin."""
        return image[..., self._half : self._half + self._size, self._half : self._half + self._size]

    def labels(self) -> npt.NDArray[np.uint32]:
        """Labels of the field without the margin."""
        inner = slice(self._half, self._half + self._size)
        labels = np.ascontiguousarray(self._labels[:, inner, inner])
        return labels if self._config.planes > 1 else labels[0]
