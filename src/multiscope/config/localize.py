"""The sections `localize` and `embed`: encoders and what is made with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from multiscope.config.encoders import AnyEncoder, Autoencoder, DeepLoc
from multiscope.config.section import Name, Section, Source, each_once

SHUFFLED, PLACES = "shuffled", "places"
CONTROLS = (SHUFFLED, PLACES)
"""What `evaluate` calls its controls, beside the encoders; no encoder may be called so."""


def _no_controls(encoders: dict[str, AnyEncoder]) -> dict[str, AnyEncoder]:
    taken = [name for name in encoders if name in CONTROLS]
    if taken:
        raise ValueError(f"'{taken[0]}' is what a control of `evaluate` is called; take another name")
    return encoders


class CellSplit(Section):
    """Which cells encoders learn from, and which they are scored on; made once for all of them."""

    by: Literal["data", "cell", "field", "well", "plate", "protein"] = "data"
    """What is on one side as a whole. `data`: as the data set was split, so that restorers and encoders leave out the
    same fields. `cell`: the second paper's, where cells of one field are on two sides. `protein`: the test side has
    proteins that no encoder has seen."""
    train: float = Field(0.8, gt=0, lt=1)
    """Share of each group's units used for training; 0.8 in the paper. Not for `data`."""
    val: float = Field(0.1, ge=0, lt=1)
    """Share used to watch training; with folds, of the units that are not of the fold. Not for `data`."""
    folds: int | None = Field(None, ge=2, le=100)
    """Number of folds in place of shares: each unit is on the test side of one. The first seed takes the first fold,
    the next the second and so on, so that as many seeds as folds are a cross-validation. Not for `data`."""
    seed: int = Field(0, ge=0)
    """Seed of the deal."""
    near_duplicates: Literal["refuse", "warn"] = "refuse"
    """What to do about crops on two sides that show the same pixels, or nearly so."""

    @model_validator(mode="after")
    def _leaves_a_test_side(self) -> CellSplit:
        if self.folds is None and self.train + self.val >= 1:
            raise ValueError("train + val must leave a share for the test side (be below 1)")
        if self.by == "data" and self.folds is not None:
            raise ValueError("folds: the data set's own split has none; set by to cell, field, well, plate or protein")
        return self


class Localize(Section):
    """Encoders trained on single-cell crops."""

    data: Name
    """The data set: fields (through `crop`) or crops."""
    train_on: Source = "clean"
    """Which crops the encoders learn from; all sources are embedded."""
    split: CellSplit = CellSplit()
    """Training, validation and test cells."""
    classes: list[str] | None = Field(None, min_length=2)
    """Localizations that there may be; another one in the data is an error. Left out: all that are found."""
    encoders: Annotated[dict[Name, AnyEncoder], AfterValidator(_no_controls)] = Field(
        default={
            "deeploc": DeepLoc(model="deeploc"),
            "autoencoder": Autoencoder(model="autoencoder"),
        },
        min_length=1,
    )
    """The encoders that are compared, by name."""


class Embed(Section):
    """Embeddings of cells and profiles of proteins."""

    profile_split: Literal["test", "all"] = "test"
    """Cells that a protein's profile is made of: those of the test side, or all."""
    aggregate: Literal["mean", "median", "robust"] = "mean"
    """From cells to proteins: the mean (the paper), the median, or the mean without the outer tenths of each value."""
    flips: bool = False
    """Embed each cell and its three flips, and take their mean: four times the work."""
    normalize: Literal["none", "standardize", "robust", "spherize"] = "none"
    """Of the cells of each group of `normalize_by`, before they are aggregated (pycytominer): mean 0 and deviation 1;
    median 0 and median absolute deviation 1 in units of a normal deviation (the mean one where more than half of the
    cells are alike); or decorrelated too."""
    normalize_by: Name = "plate"
    """Column of the table of crops whose groups are normalized apart: plate, well, field_id; source is always."""
    layers: Annotated[list[Name], AfterValidator(each_once)] = []
    """Further layers of which profiles are made, for the analysis of scales; those that a network has not are left
    out. The cells keep the encoder's own `layer`."""
    epochs: Literal["last", "all"] = "last"
    """Profiles from the weights that are used, or from those of every epoch too."""
