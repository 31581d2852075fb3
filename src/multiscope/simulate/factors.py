"""Image factors: what can be measured in the image of one cell, and how far a protein or a cell moves it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from multiscope.simulate import counter


@dataclass(frozen=True)
class Factors:
    """Factors of B cells, each (B,); a ratio of 1 (0 for `radial` and `cycle`) is the compartment's typical look."""

    abundance: Tensor
    """Brightness, as a ratio."""
    partition: Tensor
    """Share of the light that is in the compartment, 0 to 1; the rest is in the cytoplasm."""
    number: Tensor
    """Number of structures, as a ratio."""
    size: Tensor
    """Size of structures, as a ratio."""
    radial: Tensor
    """Spread: from -1 (towards the middle of the cell or organelle) to 1 (towards its edge)."""
    grain: Tensor
    """Contrast of the texture, as a ratio."""
    grain_scale: Tensor
    """Coarseness of the texture, as a ratio."""
    cycle: Tensor
    """Dependence on the cell cycle: logarithm of the brightness late over that early in the cycle."""


@dataclass(frozen=True)
class _Scale:
    """From units of the cell-to-cell spread to a factor; `limit` keeps compartments apart at any effect."""

    spread: float
    limit: float

    def __call__(self, units: Tensor) -> Tensor:
        return self.limit * torch.tanh(units * (self.spread / self.limit))


_SCALES = {
    "abundance": _Scale(0.15, 0.8),
    "partition": _Scale(0.35, 1.4),
    "number": _Scale(0.22, 0.9),
    "size": _Scale(0.06, 0.3),
    "radial": _Scale(0.16, 0.9),
    "grain": _Scale(0.17, 0.8),
    "grain_scale": _Scale(0.12, 0.5),
    "cycle": _Scale(0.40, 1.6),
}
NAMES = tuple(_SCALES)
N_FACTORS = len(NAMES)
_SIGNED = ("radial", "cycle")
_USUAL_PARTITION = 1.85


def cell_factors(shift: npt.NDArray[np.float64], keys: Tensor) -> Factors:
    """Factors of the cells with the keys (B, 2): their protein's mean, (F,) or (B, F) in units, and a spread of one."""
    units = torch.as_tensor(shift, dtype=torch.float32, device=keys.device) + counter.normal(keys, "factors", N_FACTORS)
    scaled = {name: scale(units[:, number]) for number, (name, scale) in enumerate(_SCALES.items())}
    made = {name: value if name in _SIGNED else value.exp() for name, value in scaled.items()}
    made["partition"] = torch.sigmoid(_USUAL_PARTITION + scaled["partition"])
    return Factors(**made)


assert tuple(field.name for field in fields(Factors)) == NAMES
