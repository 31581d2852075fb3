"""The stage `trust`: what the test fields say of one method's restorations beside their scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import Trust
from multiscope.data.patches import Fields, Scale
from multiscope.errors import InputError
from multiscope.folders.manifest import StageRun, expect_same_input, stage_output, verify
from multiscope.progress import track
from multiscope.quality.familiar import patch_features
from multiscope.restore.familiar import as_facts, training_ranges
from multiscope.stores.fields import read_field, read_pixel_size, write_field
from multiscope.stores.plates import describe_store
from multiscope.trust import STAGE_VERSION
from multiscope.trust.consistency import Degrade, consistency
from multiscope.trust.disagreement import disagreement, rank_correlation
from multiscope.trust.forward import forward_model
from multiscope.trust.structures import find_structures, match

Image = npt.NDArray[Any]
INPUT = "input"
COLUMNS = [
    "dataset", "method", "defect", "image_id", "n_seeds", "error", "disagreement", "foretells", "consistency",
    "n_clean", "kept", "lost", "invented", "distance", "strange", "feature", "familiar",
]  # fmt: skip
"""Columns of `trust.parquet`: for each image (a field's channel with one defect) a row of the method and of the input.

`error` mean absolute difference to the clean image and `disagreement` mean standard deviation over seeds, shares of the
channel's range; `foretells` Spearman's correlation of their maps, the error being that of the mean over seeds;
`consistency` see `trust.consistency`; `n_clean` structures of the clean image, of which `kept` and `lost`, and those
`invented` (means over seeds); `distance`, `strange`, `feature` and `familiar` compare the input with the training
images, see `quality.familiar`.
"""


def run(*, data: Path, restored: Sequence[Path], out: Path, config: Trust) -> None:
    """Look at the test fields of `data` as one method restored them, once a seed: `restored` are folders of `restore`.

    Writes `trust.parquet` and, with two seeds or more, `disagreement.zarr/<defect>/<field>` in camera units.
    """
    fields = Fields(data)
    method = _method(restored, fields)
    inputs = {"data": data} | {f"restored/{number}": folder for number, folder in enumerate(restored)}
    described = config.model_dump(mode="json")
    with stage_output(out, stage="trust", version=STAGE_VERSION, config=described, inputs=inputs) as made:
        look = _Look(fields, restored, config, method=method)
        rows = list(_look_at_all(made, look))
        table = pd.DataFrame(rows, columns=COLUMNS)
        table.to_parquet(made.path / "trust.parquet", compression="zstd")
        made.count("images", int((table["method"] == method).sum()))
        made.note("method", method)
        made.note("dataset", fields.manifest["notes"]["dataset"])
        made.note("training_ranges", as_facts(look.ranges))
        made.note("left_out", look.left_out())


def _method(restored: Sequence[Path], fields: Fields) -> str:
    """Name of the one method that made all of `restored`, each from another seed and from `fields`."""
    manifests = [verify(folder, made_by=["restore"]) for folder in restored]
    if not manifests:
        raise InputError("--restored: is missing; name the folders of one method made by restore, one a seed")
    for folder, manifest in zip(restored, manifests, strict=True):
        expect_same_input(folder, manifest, "data", fields.path, fields.manifest["digest"])
    methods = sorted({str(manifest["notes"]["method"]) for manifest in manifests})
    if len(methods) > 1:
        raise InputError(f"{restored[0]}: is of another method than others ({', '.join(methods)}); name those of one")
    seed, times = Counter(manifest["seed"] for manifest in manifests).most_common(1)[0]
    if times > 1:
        raise InputError(f"{restored[0]}: seed {seed} is named {times} times; name each seed's folder once")
    return methods[0]


def _look_at_all(made: StageRun, look: _Look) -> Iterator[dict[str, Any]]:
    """Rows of every test image; maps of disagreement are written on the way."""
    fields = look.fields
    test = fields.rows(split="test").to_dict("records")
    jobs = [(row["field_id"], defect) for row in test for defect in row["degraded"].split("|") if defect]
    if not jobs:
        raise InputError(f"{fields.path}: has no test fields with a defect; give the split a share for testing")
    for field_id, defect in track(jobs, what=f"trust: {look.method}", total=len(jobs)):
        restored = look.read(field_id, defect)
        differs = disagreement(restored)
        if differs is not None:
            path = fields.paths[field_id]
            pixel_size = read_pixel_size(fields.path / "clean.zarr" / path)
            target = made.path / "disagreement.zarr" / defect / path
            write_field(target, differs, channels=fields.channels, pixel_size=pixel_size)
        for channel in range(len(fields.channels)):
            yield from look.rows(field_id, defect, channel, restored[:, channel], differs)
    if len(look.restored) > 1:
        for name in sorted({defect for _, defect in jobs}):
            paths = [fields.paths[field_id] for field_id, defect in jobs if defect == name]
            describe_store(made.path / "disagreement.zarr" / name, paths)


class _Look:
    """Looks at one restored image after the other."""

    def __init__(self, fields: Fields, restored: Sequence[Path], config: Trust, *, method: str) -> None:
        self.fields, self.restored, self.config, self.method = fields, restored, config, method
        self._models: dict[str, Degrade | None] = {name: forward_model(fields, name) for name in fields.defects}
        self.ranges = training_ranges(fields, config.patch_size)

    def left_out(self) -> dict[str, str]:
        """What could not be said, and why."""
        found = {}
        if len(self.restored) < 2:
            found["disagreement"] = "needs restorations of two seeds or more; name more in 'seeds'"
        real = [name for name, model in self._models.items() if model is None]
        if real:
            found["consistency"] = f"no forward model made the defects {', '.join(real)}: their images were read"
        unseen = [name for name in self._models if name not in self.ranges]
        if unseen:
            found["familiar"] = f"no training field has the defects {', '.join(unseen)}"
        return found

    def read(self, field_id: str, defect: str) -> npt.NDArray[np.float32]:
        """The field as each seed restored it, (S, C, Y, X)."""
        path = self.fields.paths[field_id]
        return np.stack([read_field(folder / "restored.zarr" / defect / path) for folder in self.restored])

    def rows(
        self, field_id: str, defect: str, channel: int, restored: Image, differs: Image | None
    ) -> Iterator[dict[str, Any]]:
        """Rows of one channel, as restored and as it was; `restored` is (S, Y, X), `differs` (C, Y, X)."""
        clean = self.fields.image("clean", field_id)[channel]
        degraded = self.fields.image(defect, field_id)[channel]
        structures = find_structures(clean, self.config)
        scale = self.fields.scales[channel]
        same = {
            "dataset": self.fields.manifest["notes"]["dataset"],
            "defect": defect,
            "image_id": f"{field_id}/{self.fields.channels[channel]}",
            "n_clean": int(structures.max()),
            **self._familiar(defect, channel, degraded),
        }
        error = np.abs(restored.mean(axis=0) - clean)
        differ = (
            {}
            if differs is None
            else {
                "disagreement": differs[channel].mean() / (scale.high - scale.low),
                "foretells": rank_correlation(differs[channel], error),
            }
        )
        described = self._describe(np.stack([*restored, degraded]), defect, clean, degraded, structures, scale)
        seeds, before = described.iloc[:-1].mean(), described.iloc[-1]
        yield {**same, "method": self.method, "n_seeds": len(restored), **differ, **seeds}
        yield {**same, "method": INPUT, "n_seeds": 0, **before}

    def _describe(
        self, images: Image, defect: str, clean: Image, degraded: Image, structures: Image, scale: Scale
    ) -> pd.DataFrame:
        """What is said of restored images and inputs alike; a row for each of `images` (S, Y, X)."""
        span, model = scale.high - scale.low, self._models[defect]
        found = pd.DataFrame(
            asdict(match(structures, find_structures(image, self.config), overlap=self.config.overlap))
            for image in images
        )
        found["error"] = np.abs(images - clean.astype(np.float64)).mean(axis=(1, 2)) / span
        found["consistency"] = np.nan
        if model is not None:
            found["consistency"] = consistency(images, clean, degraded, model, draws=self.config.draws, span=span)
        return found.astype(float)

    def _familiar(self, defect: str, channel: int, degraded: Image) -> dict[str, Any]:
        if defect not in self.ranges:
            return {"distance": np.nan, "strange": np.nan, "feature": "", "familiar": None}
        found = self.ranges[defect][self.fields.channels[channel]].compare(
            patch_features(degraded, self.config.patch_size)
        )
        return {
            "distance": found.distance,
            "strange": found.strange,
            "feature": found.feature,
            "familiar": found.familiar,
        }
