"""Synthetic pairs by forward models: a clean field with a defect of a strength that is drawn anew for each pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np

from multiscope.config import Pairs
from multiscope.config.defects import AnyDefect
from multiscope.data.patches import Fields, Place, Plane
from multiscope.errors import InputError
from multiscope.simulate.defects import degrade

_DOCUMENTED: dict[str, Callable[[], AnyDefect]] = {
    model.model_fields["model"].default: model
    for model in get_args(AnyDefect)
    if not any(key.is_required() for key in model.model_fields.values())
}


def forward_models(config: Pairs, defects: list[str]) -> dict[str, AnyDefect]:
    """The model of each of the `defects`: the one that is configured, else the one of its name as it is documented."""
    for name in config.physics:
        if name not in defects:
            raise InputError(
                f"augment.pairs.physics: the data set has no defect '{name}'; have {', '.join(defects)}: correct "
                "the name"
            )
    for name in defects:
        if name not in config.physics and name not in _DOCUMENTED:
            raise InputError(
                f"augment.pairs.physics: no forward model has the name of the defect '{name}'; say under "
                f"this name which one makes it (models: {', '.join(_DOCUMENTED)})"
            )
    return {name: config.physics[name] if name in config.physics else _DOCUMENTED[name]() for name in defects}


def degraded_patch(
    fields: Fields, place: Place, model: AnyDefect, *, strength: float, size: int, rng: np.random.Generator
) -> Plane:
    """The patch (size, size) in [-1, 1] at `place` of the clean field, degraded by `model` at `strength`.

    The whole plane is degraded, in the type of the camera: a patch does not show the peak that photons are counted by,
    nor the light that reaches it from around, nor where in the field it is.
    """
    plane = fields.image("clean", place.field_id)[place.channel]
    changed = model.model_copy(update={"strength": strength})
    made = degrade(plane, changed, seed=int(rng.integers(2**31)))
    return fields.scales[place.channel].to_unit(made[place.y : place.y + size, place.x : place.x + size])
