"""Every compartment and how it is drawn, for each morphology; and a whole protein made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from multiscope.config import Compartment, Morphology
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.compartments import bodies, filaments, interior, membranes
from multiscope.simulate.compartments.marks import each
from multiscope.simulate.factors import Factors
from multiscope.simulate.smooth import smooth_field

GRAIN, GRAIN_UM = 0.2, 0.34
"""Usual contrast (standard deviation of the logarithm) and coarseness (micrometres) of the texture."""
_LEAKED = 0.8

Drawer = Callable[[Cells, Factors], Tensor]
"""Light (B, L, H, W) of a protein's structures: near 1 in them, about 0 outside the cell."""

_BOTH: dict[Compartment, Drawer] = {
    "nucleus": interior.nucleus,
    "nucleolus": interior.nucleolus,
    "cytoplasm": interior.cytoplasm,
    "nuclear_periphery": membranes.nuclear_periphery,
    "cell_periphery": membranes.cell_periphery,
    "punctate": bodies.punctate,
    "peroxisome": bodies.peroxisome,
    "lipid_particle": bodies.lipid_particle,
    "endosome": bodies.endosome,
}
DRAWERS: Mapping[Morphology, Mapping[Compartment, Drawer]] = {
    "yeast": _BOTH
    | {
        "vacuole": interior.vacuole,
        "vacuolar_membrane": membranes.vacuolar_membrane,
        "bud_neck": bodies.bud_neck,
        "er": membranes.yeast_er,
        "golgi": bodies.yeast_golgi,
        "mitochondrion": filaments.yeast_mitochondrion,
        "spindle_pole": bodies.yeast_spindle_pole,
        "actin": filaments.yeast_actin,
        "microtubule": filaments.yeast_microtubule,
    },
    "human": _BOTH
    | {
        "er": membranes.human_er,
        "golgi": bodies.human_golgi,
        "mitochondrion": filaments.human_mitochondrion,
        "spindle_pole": bodies.human_spindle_pole,
        "actin": filaments.human_actin,
        "microtubule": filaments.human_microtubule,
    },
}


def draw_protein(morphology: Morphology, compartment: Compartment, cells: Cells, factors: Factors) -> Tensor:
    """Light of a protein (B, L, H, W): near 1 in its structures at abundance 1, 0 outside the cell."""
    bright = factors.abundance * (factors.cycle * (cells.body.phase - 0.5)).exp()
    # a compartment that is the cytoplasm itself has no other place to leak to
    share = torch.ones_like(bright) if compartment == "cytoplasm" else factors.partition
    structure = DRAWERS[morphology][compartment](cells, factors) * (_texture(cells, factors) * each(share * bright))
    return torch.addcmul(structure, cells.cytosol, each(_LEAKED * (1 - share) * bright))


def _texture(cells: Cells, factors: Factors) -> Tensor:
    """Grain with mean 1 (B, 1, H, W)."""
    contrast = each(GRAIN * factors.grain)
    field = smooth_field(cells.keys, cells.grid, "grain", GRAIN_UM * factors.grain_scale)
    return field.mul_(contrast).sub_(contrast.square() / 2).exp_()
