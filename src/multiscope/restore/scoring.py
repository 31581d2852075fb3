"""Scores of restored test fields, one row an image, metric and rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import LearnsFrom
from multiscope.data.patches import Fields
from multiscope.errors import InputError
from multiscope.metrics.score import score
from multiscope.nn.content import ContentFeatures
from multiscope.restore.methods.images import TrainingPairs
from multiscope.restore.restorer import Restorer

SCORE_COLUMNS = [
    "dataset", "defect", "method", "setting", "n_pairs", "augmentation", "n_synthetic", "trained_on", "seed",
    "image_id", "metric", "rule", "value",
]  # fmt: skip
"""Columns of the table; `n_pairs` and `n_synthetic` count pairs of each defect."""
Image = npt.NDArray[Any]


def test_images(fields: Fields, defects: Sequence[str], *, limit: int | None = None) -> list[tuple[str, str]]:
    """Field and defect of every test image; of `limit` fields of each defect, spread evenly, where that is given.

    A defect without a test image is an `InputError`: nothing could be said of it.
    """
    test = fields.rows(split="test")
    if test.empty:
        raise InputError(f"{fields.path}: has no test fields; give the split a share for testing")
    chosen = []
    for defect in defects:
        names = [row["field_id"] for row in test.to_dict("records") if defect in row["degraded"].split("|")]
        if not names:
            raise InputError(
                f"{fields.path}: no test field has the defect '{defect}'; give the split a larger share for testing, "
                "or leave the defect out"
            )
        few = names if limit is None or limit >= len(names) else _spread(names, limit)
        chosen += [(name, defect) for name in few]
    return chosen


def _spread(names: list[str], n: int) -> list[str]:
    return [names[round(i)] for i in np.linspace(0, len(names) - 1, n)]


def restore_field(restorer: Restorer, fields: Fields, field_id: str, defect: str) -> Image:
    """The field (C, Y, X) float32 in camera units, restored channel by channel."""
    degraded = fields.image(defect, field_id)
    return np.stack(
        [
            restorer.plane(plane, channel=channel, defect=defect)
            for channel, plane in zip(fields.channels, degraded, strict=True)
        ]
    )


def score_image(
    fields: Fields, image: Image, field_id: str, *, content: ContentFeatures | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of a field's channels against the clean ones; the perceptual distance where a content network is given."""
    clean = fields.image("clean", field_id)
    for index, (channel, scale) in enumerate(zip(fields.channels, fields.scales, strict=True)):
        found = score(
            image[index], clean[index], data_range=scale.high - scale.low, content=content, to_unit=scale.to_unit
        )
        for metric, rule, value in found:
            yield {"image_id": f"{field_id}/{channel}", "metric": metric, "rule": rule, "value": value}


def input_table(rows: Sequence[Mapping[str, Any]], fields: Fields) -> pd.DataFrame:
    """Scores of the images as they are: the same ones beside every method, and kept once."""
    nothing: dict[str, Any] = {
        "setting": "",
        "n_pairs": 0,
        "augmentation": "",
        "n_synthetic": 0,
        "trained_on": "",
        "seed": 0,
    }
    return _as_table(pd.DataFrame(rows).assign(method="input", **nothing), fields)


def score_table(
    rows: Sequence[Mapping[str, Any]],
    fields: Fields,
    pairs: TrainingPairs,
    *,
    method: str,
    learns_from: LearnsFrom,
    augmentation: str,
    trained_on: str,
    seed: int,
) -> pd.DataFrame:
    """Scores of restored images, and what the method was trained on; numbers of pairs are those of the row's defect."""
    table = pd.DataFrame(rows).assign(method=method, augmentation=augmentation, trained_on=trained_on, seed=seed)
    counts = {name: (0, 0) if learns_from == "strangers" else pairs.count(name) for name in fields.defects}
    table["n_pairs"] = [counts[name][0] for name in table["defect"]]
    table["n_synthetic"] = [counts[name][1] for name in table["defect"]]
    table["setting"] = np.where(table["n_pairs"] > 0, "paired", "unpaired")
    return _as_table(table, fields)


def _as_table(table: pd.DataFrame, fields: Fields) -> pd.DataFrame:
    table = table.assign(dataset=fields.manifest["notes"]["dataset"])
    return table[SCORE_COLUMNS].astype({"n_pairs": int, "n_synthetic": int, "seed": int})
