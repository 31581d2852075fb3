"""Light of the cells of one protein, before the microscope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from multiscope.config import Morphology, Optics, Screen
from multiscope.simulate import counter, optics
from multiscope.simulate.biology import level_shifts, stream
from multiscope.simulate.cells import human, yeast
from multiscope.simulate.cells.body import Body
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.cells.geometry import SLAB_UM, Grid
from multiscope.simulate.compartments.marks import each
from multiscope.simulate.compartments.registry import draw_protein
from multiscope.simulate.factors import Factors, cell_factors
from multiscope.simulate.screen.proteins import Protein

_CELL, _SHARES = 1, 3
_BODIES: dict[Morphology, Callable[..., Body]] = {"yeast": yeast.of_factors, "human": human.of_factors}
_HEIGHT_UM = {"yeast": 2.5, "human": 3.5}
_FINE_STEP_UM = 0.5
HEIGHT_STEP_UM = 0.1
"""Cells and fields lie at multiples of this height, so that few tables of the optics are needed."""
_DEAD = 1.5
"""Logarithm of the brightness of dead cells."""


@dataclass(frozen=True)
class Drawn:
    """Cells of one protein."""

    cells: Cells
    """These B cells, and perhaps some more that fill a block."""
    light: Tensor
    """Photons (B, 2, L, H, W) of the tagged protein and of the marker, in L planes."""
    height_um: Tensor
    """How high each cell lies (B,)."""

    def seen(self, optics_: Optics, focus_um: Tensor | float) -> Tensor:
        """Photons (B, 2, H, W) that reach the camera when it is focused at a height, or at one for each cell."""
        return optics.seen(self.light, optics_, self.cells.grid, focus_um=focus_um - self.height_um)


def cell_keys(config: Screen, protein: Protein, field: int, n: int, device: torch.device) -> Tensor:
    """Keys of the first `n` cells of a field: a cell is a function of the seed, its protein, field and number."""
    keys = counter.key(config.seed, _CELL, *protein.place.key, field, np.arange(n))
    return counter.as_tensor(keys, device)


def window(config: Screen, side: int, device: torch.device, *, stack: bool) -> Grid:
    """Pixels for one cell (`side` x `side`): in three planes for a plain image, half a micrometre apart for a stack."""
    if not stack:
        return Grid(side, side, config.pixel_um, (0.0, SLAB_UM), mirrored=True, device=device)
    half = round(_HEIGHT_UM[config.morphology] / _FINE_STEP_UM)
    return Grid(side, side, config.pixel_um, tuple(_FINE_STEP_UM * k for k in range(-half, half + 1)), device=device)


def draw(config: Screen, protein: Protein, keys: Tensor, grid: Grid) -> Drawn:
    """Draw the cells with the keys (B, 2); each is the same in any batch."""
    n, keys = len(keys), counter.filled(keys)
    factors = cell_factors(level_shifts(protein.place, config.effects).sum(0), keys)
    # at no effect of compartments, not even the size of an organelle gives them away
    organelle = protein.compartments[0] if config.effects.compartment else "cytoplasm"
    cells = Cells(_BODIES[config.morphology](keys, organelle, factors, budded=config.budded), grid)
    shared, own, marked = counter.normal(keys, "expression", 3).unbind(1)
    spread = config.conditions.expression / 2**0.5
    # thinner slabs hold less light
    full, marker = (
        photons * grid.slab_um / SLAB_UM for photons in (config.camera.photons, config.camera.marker_photons)
    )
    tagged = _tagged(config, protein, cells, factors)
    glow = torch.zeros_like(shared)
    if config.conditions.dead:
        dead = counter.uniform(keys, "dead", 1)[:, 0] < config.conditions.dead
        tagged, glow = torch.where(each(dead), cells.cytosol, tagged), torch.where(dead, _DEAD, 0.0)
    light = torch.empty(len(keys), 2, *cells.cytosol.shape[1:], device=keys.device)
    torch.mul(tagged, each(full * (spread * (shared + own) + glow).exp()), out=light[:, 0])
    light[:, 0].add_(cells.cytosol, alpha=full * config.camera.autofluorescence)
    torch.mul(cells.cytosol, each(marker * (spread * (shared + marked) + glow).exp()), out=light[:, 1])
    height = (
        config.conditions.heights_um * counter.normal(keys, "height", 1)[:, 0] / HEIGHT_STEP_UM
    ).round() * HEIGHT_STEP_UM
    return Drawn(cells, light[:n], height[:n])


def _tagged(config: Screen, protein: Protein, cells: Cells, factors: Factors) -> Tensor:
    """The protein in its compartments, and as far as they do not count, in the cytoplasm."""
    own = draw_protein(config.morphology, protein.compartments[0], cells, factors)
    if len(protein.compartments) > 1:
        share = stream(config.effects.seed, _SHARES, *protein.place.key).uniform(0.35, 0.65)
        own = share * own + (1 - share) * draw_protein(config.morphology, protein.compartments[1], cells, factors)
    shown = config.effects.compartment
    if shown == 1 and not config.labels.weak:
        return own
    weak = counter.uniform(cells.keys, "weak", 1)[:, 0] < config.labels.weak
    weight = each(torch.where(weak, 0.0, shown))
    return weight * own + (1 - weight) * draw_protein(config.morphology, "cytoplasm", cells, factors)
