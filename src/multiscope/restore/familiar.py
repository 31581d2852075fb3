"""What the training images of a restorer looked like, so that images unlike them can be told apart later."""

from __future__ import annotations

import numpy as np

from multiscope.data.patches import Fields
from multiscope.quality.familiar import Range, patch_features


def training_ranges(fields: Fields, size: int) -> dict[str, dict[str, Range]]:
    """By defect and channel, the range of brightness and spectrum of patches (`size` pixels) of training fields.

    Fields are those that were acquired with the defect; a defect without any is left out.
    """
    found: dict[str, dict[str, Range]] = {}
    for defect in fields.defects:
        rows = fields.rows(split="train", defect=defect)
        features = [
            [patch_features(plane, size) for plane in fields.image(defect, field_id)] for field_id in rows["field_id"]
        ]
        if features:
            of_channels = zip(fields.channels, zip(*features, strict=True), strict=True)
            found[defect] = {name: Range.of(np.concatenate(parts)) for name, parts in of_channels}
    return found


def as_facts(ranges: dict[str, dict[str, Range]]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Ranges as JSON values, for a manifest or a model's card."""
    return {
        defect: {channel: found.facts() for channel, found in of_channels.items()}
        for defect, of_channels in ranges.items()
    }
