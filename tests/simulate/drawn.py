"""Cells and screens for tests of the simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from multiscope.config import Morphology, VirtualCrops, VirtualScreen, parse_config
from multiscope.errors import InputError
from multiscope.simulate import counter
from multiscope.simulate.cells import human, yeast
from multiscope.simulate.cells.body import Body
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.cells.geometry import Grid, Places
from multiscope.simulate.factors import Factors
from multiscope.simulate.screen.crops import crops
from multiscope.simulate.screen.field import field
from multiscope.simulate.screen.proteins import Protein, in_part

MORPHOLOGIES: tuple[Morphology, ...] = ("yeast", "human")
SIDE = {"yeast": 80, "human": 112}
PIXEL_UM = {"yeast": 0.16, "human": 0.36}
BODIES: dict[Morphology, Callable[..., Body]] = {"yeast": yeast.of_factors, "human": human.of_factors}
Map = npt.NDArray[np.float64]
Digests = dict[str, dict[str, str]]


def screen(**values: Any) -> VirtualScreen:
    return VirtualScreen.model_validate({"reader": "virtual_screen", **values})


def crops_config(**values: Any) -> VirtualCrops:
    return VirtualCrops.model_validate({"reader": "virtual_crops", **values})


FEW: dict[str, Any] = {
    "processes_per_compartment": 1,
    "pathways_per_process": 1,
    "complexes_per_pathway": 1,
    "proteins_per_complex": 2,
}
"""Two proteins a compartment."""
SHARED: dict[str, VirtualScreen | VirtualCrops] = {
    "fields": screen(**FEW, field_size=96, cells_per_field=5, conditions={"focus_um": 0.1, "plate": 0.2}),
    "stacks": screen(**FEW, compartments=["er", "golgi"], field_size=96, cells_per_field=3, planes=2, defects={}),
    "human fields": screen(
        **FEW, morphology="human", compartments=["actin", "er"], field_size=128, cells_per_field=3, crowding=0.5
    ),
    "crops": crops_config(**FEW, cells_per_field=7, labels={"weak": 0.3, "multi_localized": 0.5}),
    "human crops": crops_config(
        **FEW, morphology="human", compartments=["microtubule", "nucleolus"], crop_size=96, cells_per_field=4
    ),
}
"""Screens that several processes make together."""


@cache
def digests(part: str) -> Digests:
    """SHA-256 of the first field, or the crops of the first two, of each protein of a part of `SHARED`."""
    made: Digests = {}
    for name, config in SHARED.items():
        some = config.model_copy(update={"part": part})
        made[name] = {protein.name: sha256(_bytes(some, protein)).hexdigest() for protein in in_part(some)}
    return made


def _bytes(config: VirtualScreen | VirtualCrops, protein: Protein) -> bytes:
    if isinstance(config, VirtualScreen):
        made = field(config, protein, 0)
        return made.image.tobytes() + made.labels.tobytes()
    some = crops(config, protein, [0, 1])
    return b"".join(part.numpy().tobytes() for part in (some.image, some.clean, some.mask))


def refusal(**values: Any) -> str:
    """What is said of a section of the data set `x` that is not in order."""
    with pytest.raises(InputError) as caught:
        parse_config({"data": {"x": values}}, "config.yaml")
    message = str(caught.value)
    assert "\n" not in message and message.startswith("config.yaml: data.x")
    return message


def keys(n: int, seed: int = 0) -> Tensor:
    return counter.as_tensor(counter.key(seed, np.arange(n)))


def usual(n: int, **changes: float) -> Factors:
    """Factors of the typical look of a compartment, all light in it; `changes` are the same for all cells."""
    typical = {field.name: 0.0 if field.name in ("radial", "cycle") else 1.0 for field in fields(Factors)}
    return Factors(**{name: torch.full((n,), value) for name, value in {**typical, **changes}.items()})


@cache
def cells_of(
    morphology: Morphology, n: int, *, seed: int = 0, budded: float = 0.6, compartment: str = "cytoplasm"
) -> Cells:
    """Cells in the middle of a window that holds them whole, in three planes."""
    side, pixel_um = SIDE[morphology], PIXEL_UM[morphology]
    body = BODIES[morphology](keys(n, seed), compartment, usual(n), budded=budded)
    return Cells(body, Grid(side, side, pixel_um, (-1.2, 0.0, 1.2)))


def point(z: Tensor, y: Tensor, x: Tensor) -> Places:
    """One point a cell as places (B, 1)."""
    return z[:, None], y[:, None], x[:, None]


def whole_cells(labels: npt.NDArray[np.uint32]) -> list[npt.NDArray[np.bool_]]:
    """Masks of the cells of a field that its border does not cut."""
    cut = set(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]).tolist())
    return [labels == label for label in range(1, int(labels.max()) + 1) if label not in cut]


def cell_features(protein: Map, marker: Map, mask: npt.NDArray[np.bool_]) -> list[float]:
    """Seven plain features of a cell, of light above the camera's offset."""
    values, mean = protein[mask], protein[mask].mean()
    depth = ndimage.distance_transform_edt(mask)[mask]
    low, middle, high = np.log(np.maximum(np.percentile(values, [10, 50, 95]), 5))
    grain = ndimage.gaussian_laplace(protein, 1.2)[mask]
    return [
        np.log(mean),
        low - np.log(mean),
        middle - np.log(mean),
        high - np.log(mean),
        np.corrcoef(values, depth)[0, 1],
        np.corrcoef(values, marker[mask])[0, 1],
        np.log(grain.std() / mean),
    ]
