"""Restoration scores brought together: means over images and seeds, and changes from the input, image by image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from multiscope.metrics.intervals import mean_interval, seed_spread
from multiscope.report.inputs import Folder, read_table

INPUT = "input"
SCORE_COLUMNS = [
    "dataset", "defect", "method", "setting", "n_pairs", "augmentation", "n_synthetic", "trained_on", "seed",
    "image_id", "metric", "rule", "value",
]  # fmt: skip
"""Columns of a score table, those of `multiscope.restore.scoring`."""
RULES = ("fixed", "affine", "published")
MAIN = ("psnr", "ssim")
"""Measures by which methods are compared first."""


@dataclass(frozen=True)
class Measure:
    """How a metric is written and read."""

    name: str
    digits: int
    lower_is_better: bool = False
    unit: str = ""

    @property
    def header(self) -> str:
        """Its name with its unit, and which way is better where that is down."""
        return f"{self.name}{f' ({self.unit})' if self.unit else ''}{' ↓' if self.lower_is_better else ''}"


MEASURES = {
    "psnr": Measure("PSNR", 2, unit="dB"),
    "ssim": Measure("SSIM", 3),
    "ms_ssim": Measure("MS-SSIM", 3),
    "nrmse": Measure("NRMSE", 3, lower_is_better=True),
    "spectral_error": Measure("spectral error", 3, lower_is_better=True),
    "frc": Measure("FRC", 3),
    "frc_resolution": Measure("FRC resolution", 2, lower_is_better=True, unit="pixels"),
    "perceptual": Measure("perceptual", 4, lower_is_better=True),
}
MEANINGS = (
    ("PSNR, SSIM", "Error of each pixel on a logarithmic scale; structure of small windows, 1 for equal images."),
    ("MS-SSIM", "SSIM over several scales."),
    ("NRMSE", "Root mean squared error over the range of the clean image."),
    ("spectral error", "Mean absolute difference of the radial power spectra, in powers of ten: too smooth and too "
     "rough both count."),
    ("FRC", "Fourier ring correlation with the clean image, mean over all frequencies; its resolution is the "
     "wavelength at which it falls below a half."),
    ("perceptual", "Distance of the features of a content network; if no weights were given, one that no method "
     "was trained with."),
)  # fmt: skip


def measure(metric: str) -> Measure:
    """How a metric is written, also one that is not known here."""
    return MEASURES.get(metric, Measure(metric, 3))


def read_scores(path: Path) -> pd.DataFrame:
    """A score table as `described` makes it."""
    return described(read_table(path, SCORE_COLUMNS))


def scores_of_runs(restored: Sequence[Folder]) -> pd.DataFrame | None:
    """Scores of these folders of `restore` alone, without those of a sweep; None where they have none."""
    paths = [folder.path / "scores.parquet" for folder in restored]
    tables = [read_table(path, SCORE_COLUMNS) for path in paths if path.is_file()]
    return described(pd.concat(tables, ignore_index=True)) if tables else None


def described(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with `how`, what a method was trained on in words, and `label`, the name of a method or training.

    The label is the method's name alone where it was trained in one way only. The input stands once an image, with no
    seed.
    """
    scores = scores.copy()
    for column in (
        "dataset",
        "defect",
        "method",
        "setting",
        "augmentation",
        "trained_on",
        "image_id",
        "metric",
        "rule",
    ):
        scores[column] = scores[column].fillna("").astype(str)
    for column in ("n_pairs", "n_synthetic"):
        scores[column] = pd.to_numeric(scores[column], errors="coerce").fillna(0).astype(int)
    trained = ["n_pairs", "n_synthetic", "augmentation", "trained_on"]
    words = scores[trained].drop_duplicates()
    words["how"] = [_how(*row) for row in words.itertuples(index=False)]
    scores = scores.merge(words, on=trained, how="left")
    one_way = scores.groupby(["dataset", "defect", "method"])["how"].nunique().groupby("method").max() == 1
    named = scores["method"] + " (" + scores["how"] + ")"
    scores["label"] = scores["method"].where(scores["method"].map(one_way) | (scores["method"] == INPUT), named)
    is_input = scores["method"] == INPUT
    same = ["dataset", "defect", "image_id", "metric", "rule"]
    done = scores[is_input].drop_duplicates(same).assign(seed=np.nan, how="")
    return pd.concat([done, scores[~is_input]], ignore_index=True)


def _how(n_pairs: int, n_synthetic: int, augmentation: str, trained_on: str) -> str:
    """What a method was trained on, in words."""
    mixed = f"{n_synthetic} made ({augmentation.replace('both', 'physics and cin_gan')})"
    if n_pairs == 0:
        words = f"no real pair, {mixed}" if n_synthetic else "no pairs"
    elif n_synthetic:
        words = f"{n_pairs} pairs + {mixed}"
    else:
        words = f"{n_pairs} pair{'' if n_pairs == 1 else 's'}{', flips' if augmentation == 'flips' else ''}"
    return f"{words}, a network for each defect" if trained_on == "alone" else words


@dataclass(frozen=True)
class Change:
    """One method minus another on the same images: mean, 95 % interval (NaN for one field), how many images rose."""

    mean: float
    low: float
    high: float
    n_images: int
    n_fields: int
    n_better: int
    n_infinite: int
    metric: str

    @property
    def verdict(self) -> str:
        """`better` or `worse` where the interval leaves zero out, else `unclear`.

        A change that is zero in the digits that are shown is none, however sure it is.
        """
        described = measure(self.metric)
        if abs(self.mean) < 0.5 * 10**-described.digits:
            return "unclear"
        rose, fell = self.low > 0, self.high < 0
        if described.lower_is_better:
            rose, fell = fell, rose
        return "better" if rose else "worse" if fell else "unclear"


def by_image(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of one defect, metric and rule: a row an image (dataset, image_id), a column a label, means over seeds."""
    with np.errstate(invalid="ignore"):  # identical images have a PSNR of infinity
        return scores.pivot_table(index=["dataset", "image_id"], columns="label", values="value", aggfunc="mean")


def change(before: pd.Series, after: pd.Series, metric: str) -> Change:
    """Paired change of every image, with a bootstrap interval over fields.

    Channels of a field (`field/channel`) are not independent, so their mean is drawn.
    """
    with np.errstate(invalid="ignore"):
        differences = (after - before)[before.notna() & after.notna()]
    found = mean_interval(differences, _groups(differences))
    better = (differences < 0 if measure(metric).lower_is_better else differences > 0) & np.isfinite(differences)
    n_better = int(better.sum())
    return Change(found.value, found.low, found.high, found.n_rows, found.n_groups, n_better, found.left_out, metric)


def _groups(images: pd.Series) -> list[str]:
    """The field of each image, from values by (dataset, image_id)."""
    return [f"{dataset}/{image_id.rsplit('/', 1)[0]}" for dataset, image_id in images.index]


def compare(scores: pd.DataFrame) -> pd.DataFrame:
    """Every label beside the input: a row a dataset, defect, metric, rule and label.

    Columns `mean` with its interval `low` to `high` over fields; `sd_seeds` the spread of the seeds' means over images
    (NaN for one), `n_seeds`; `n_images`, `n_fields`; `how`; and, where there is an input, `change` (a `Change`), else
    None.
    """
    return pd.DataFrame(list(_compared(scores)))


def _compared(scores: pd.DataFrame) -> Iterator[dict[str, object]]:
    keys = ["dataset", "defect", "metric", "rule"]
    for values, part in scores.groupby(keys, sort=True):
        images = by_image(part)
        how = part.groupby("label")["how"].first()
        seeds = {str(label): seed_spread(own["value"], own["seed"].fillna(-1)) for label, own in part.groupby("label")}
        for label in images.columns:
            own = images[label].dropna()
            found = mean_interval(own, _groups(own))
            paired = None
            if label != INPUT and INPUT in images:
                paired = change(images[INPUT], images[label], str(values[2]))
            yield {
                **dict(zip(keys, values, strict=True)),
                "label": label,
                "how": how[label],
                "mean": own.mean(),
                "low": found.low,
                "high": found.high,
                "sd_seeds": seeds[label].sd,
                "n_seeds": seeds[label].n_seeds,
                "n_images": len(own),
                "n_fields": found.n_groups,
                "change": paired,
            }


def ranked(rows: pd.DataFrame) -> list[str]:
    """Labels of one defect, metric and rule: the input first, then the best."""
    lower = measure(str(rows["metric"].iloc[0])).lower_is_better
    order = rows.sort_values(["mean", "label"], ascending=[lower, True], kind="stable")["label"].tolist()
    return [label for label in order if label == INPUT] + [label for label in order if label != INPUT]
