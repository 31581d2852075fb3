"""Restoration scores brought together: means over images and seeds, and gains over the input, image by image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats  # type: ignore[import-untyped, unused-ignore]

from multiscope.report.inputs import read_table

RULES = ("fixed", "affine", "published")
METRICS = ("psnr", "ssim")
INPUT = "input"
_COLUMNS = [
    "dataset", "defect", "method", "setting", "n_pairs", "augmentation", "seed", "image_id", "metric", "rule", "value",
]  # fmt: skip


def read_scores(path: Path) -> pd.DataFrame:
    """The score table with a column `label`: the method and how it was trained; the input stands once an image."""
    scores = read_table(path, _COLUMNS).copy()
    text = {column: scores[column].fillna("").astype(str) for column in ("method", "setting", "augmentation")}
    pairs = pd.to_numeric(scores["n_pairs"], errors="coerce").fillna(0).astype(int).astype(str)
    how = text["setting"].where(text["setting"] != "paired", pairs + " pairs a defect")
    how = how.where(text["augmentation"].isin(["", "none"]), how + " + " + text["augmentation"])
    scores["label"] = text["method"].where(text["method"] == INPUT, text["method"] + " (" + how + ")")
    for column in ("dataset", "defect", "image_id", "metric", "rule"):
        scores[column] = scores[column].astype(str)
    same = ["dataset", "defect", "label", "image_id", "metric", "rule"]
    done = scores.loc[scores["label"] == INPUT].drop_duplicates(same).assign(seed=np.nan)
    return pd.concat([done, scores[scores["label"] != INPUT]], ignore_index=True)


def methods(scores: pd.DataFrame) -> list[str]:
    """Labels, the input first."""
    return sorted(scores["label"].unique(), key=lambda label: (label != INPUT, label))


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread by dataset, defect, label, metric and rule.

    `sd_images` is the spread over images of each image's mean over seeds, `sd_seeds` that of the seeds' means over
    images (NaN for one seed).
    """
    keys = ["dataset", "defect", "label", "metric", "rule"]
    scores = scores.assign(seed=scores["seed"].fillna(-1))
    with np.errstate(invalid="ignore"):  # identical images have a PSNR of infinity
        images = scores.groupby([*keys, "image_id"])["value"].mean().groupby(keys)
        seeds = scores.groupby([*keys, "seed"])["value"].mean().groupby(keys)
        table = pd.DataFrame(
            {
                "mean": images.mean(),
                "sd_images": images.std(),
                "n_images": images.size(),
                "sd_seeds": seeds.std(),
                "n_seeds": seeds.size(),
            }
        )
    return table.reset_index()


@dataclass(frozen=True)
class Gain:
    """Method minus input on the same images: mean, 95% interval (NaN for one field), how many images gained."""

    mean: float
    low: float
    high: float
    n_images: int
    n_fields: int
    n_better: int
    n_infinite: int

    @property
    def verdict(self) -> str:
        """`better` or `worse` where the interval leaves zero out, else `unclear`."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "unclear"


def gains(scores: pd.DataFrame, *, defect: str, label: str, metric: str, rule: str) -> pd.Series:
    """Gain over the input of every image, mean over seeds, indexed by (dataset, image_id)."""
    chosen = scores[(scores["defect"] == defect) & (scores["metric"] == metric) & (scores["rule"] == rule)]
    image = ["dataset", "image_id"]
    with np.errstate(invalid="ignore"):
        before = chosen[chosen["label"] == INPUT].groupby(image)["value"].mean()
        after = chosen[chosen["label"] == label].groupby(image)["value"].mean()
        return (after - before.reindex(after.index)).rename("gain")


def gain(per_image: pd.Series) -> Gain:
    """Mean gain with Student's t interval over fields: channels of a field (`field/channel`) are not independent."""
    finite = per_image[np.isfinite(per_image)]
    frame = finite.reset_index()
    fields = frame.groupby(["dataset", frame["image_id"].str.rsplit("/", n=1).str[0]])["gain"].mean()
    n = len(fields)
    half = float(stats.t.ppf(0.975, n - 1) * fields.std() / np.sqrt(n)) if n > 1 else float("nan")
    mean = float(fields.mean()) if n else float("nan")
    return Gain(
        mean, mean - half, mean + half, len(finite), n, int((finite > 0).sum()), int((~np.isfinite(per_image)).sum())
    )
