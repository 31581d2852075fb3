"""What an exposure depends on beside the cells: brightness, background, focus and illumination of plate and field."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from multiscope.config import Screen
from multiscope.simulate import counter
from multiscope.simulate.camera import illumination
from multiscope.simulate.screen.light import HEIGHT_STEP_UM
from multiscope.simulate.screen.proteins import WELLS, Protein

_PLATE, _FIELD, _CAMERA = 2, 3, 4


@dataclass(frozen=True)
class Exposure:
    """Conditions of one field."""

    brightness: float
    background: float
    """Photons from the medium."""
    focus_um: float
    centre: tuple[float, float]
    """Where the illumination is brightest, in shares of the half-diagonal."""
    loss: float

    def lit(self, photons: Tensor) -> Tensor:
        """Photons (..., H, W) of a field under its illumination, with the background."""
        height, width = photons.shape[-2:]
        profile = illumination((height, width), self.loss, self.centre)
        return (photons * self.brightness + self.background) * profile.to(photons.device)


def exposure(config: Screen, protein: Protein, field: int) -> Exposure:
    """Conditions of a field of a protein; fields of one plate share its brightness, background and illumination."""
    block, replicate = protein.row // WELLS, field % config.replicates
    of_plate = _numbers(config.seed, _PLATE, block, replicate)
    of_field = _numbers(config.seed, _FIELD, *protein.place.key, field)
    conditions = config.conditions
    bright, dark = (conditions.plate * of_plate[k] + conditions.field * of_field[k] for k in (0, 1))
    return Exposure(
        brightness=float(torch.tensor(bright).exp()),
        background=float(config.camera.background * torch.tensor(dark).exp()),
        focus_um=round(conditions.focus_um * of_field[2] / HEIGHT_STEP_UM) * HEIGHT_STEP_UM,
        centre=(0.15 * of_plate[2], 0.15 * of_plate[3]),
        loss=conditions.illumination,
    )


def camera_key(config: Screen, protein: Protein, field: int, device: torch.device) -> Tensor:
    """Key (1, 2) of the noise of a field."""
    return counter.as_tensor(counter.key(config.seed, _CAMERA, *protein.place.key, field), device).view(1, 2)


def _numbers(seed: int, *key: int) -> list[float]:
    numbers = counter.normal(counter.as_tensor(counter.key(seed, *key)).view(1, 2), "conditions", 4)
    return [float(number) for number in numbers[0]]
