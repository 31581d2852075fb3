"""The forward model by which a defect of a data set was made."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from multiscope.config import defect_from
from multiscope.data.patches import Fields
from multiscope.data.seeding import stable_seed
from multiscope.simulate.defects import degrade
from multiscope.trust.consistency import Degrade


def forward_model(fields: Fields, defect: str) -> Degrade | None:
    """The model that made `defect`, as the data folder's manifest notes it; None where the images were read.

    Its draws are none of those by which the data set was made: what the model draws at random, noise or the place of
    hot pixels, is what the clean image cannot explain either.
    """
    noted = fields.manifest["notes"]["defects"].get(defect)
    if noted is None:
        return None
    settings = defect_from(noted, f"{fields.path}: defect '{defect}'")

    def model(image: npt.NDArray[Any], draw: int) -> npt.NDArray[Any]:
        return degrade(image, settings, seed=stable_seed(draw, "degrade again", defect))

    return model
