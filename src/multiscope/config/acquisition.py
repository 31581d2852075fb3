"""What data sets share: how they are split, how stacks are flattened."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from multiscope.config.section import Section

SplitUnit = Literal["cell", "field", "stack", "well", "plate", "protein"]
Flatten = Literal["max", "mean", "central"]
"""How a z-stack becomes a plane: maximum or mean over z, or the plane in its middle."""


class Split(Section):
    """How images are dealt to training, validation and test. A unit is never on two sides."""

    by: SplitUnit = "field"
    """What is dealt as a whole: `field`; `stack` (all time points and planes of one image); `well`; `plate`;
    `protein`; or `cell`, for data sets of crops, where cells of one field then share their background."""
    stratify: Literal["protein", "localization", "none"] = "protein"
    """Dealt group by group, so that each has its share of every side; by `protein` it is the localization."""
    train: float = Field(0.5, gt=0, lt=1)
    """Share of each group's units used for training; the rest after `val` is the test side."""
    val: float = Field(0.25, ge=0, lt=1)
    """Share used to watch training."""
    seed: int = Field(0, ge=0)
    """Seed of the deal."""
    near_duplicates: Literal["refuse", "warn"] = "refuse"
    """What to do about images on two sides that show the same pixels, or nearly so."""

    @model_validator(mode="after")
    def _leaves_a_test_side(self) -> Split:
        if self.train + self.val >= 1:
            raise ValueError("train + val must leave a share for the test side (be below 1)")
        return self


class DataSet(Section):
    """What the sections of all data sets offer."""

    holds: ClassVar[Literal["fields", "crops"]] = "fields"
    """What it consists of."""
    split_units: ClassVar[tuple[SplitUnit, ...]] = ("field", "stack", "well", "plate", "protein")
    """What of its images may be dealt as a whole."""
    split: Split = Split()
    """Training, validation and test side."""

    @model_validator(mode="after")
    def _unit_is_known(self) -> Self:
        if self.split.by not in self.split_units:
            raise ValueError(f"split.by: '{self.split.by}' is not known here; expected {' or '.join(self.split_units)}")
        return self

    @property
    def has_labels(self) -> bool:
        """Whether cells are marked."""
        return False

    @property
    def defect_names(self) -> list[str]:
        """Defects that its fields have."""
        return []

    @property
    def knows_localization(self) -> bool:
        """Whether it says where proteins are."""
        return True

    @property
    def sources(self) -> dict[str, Path]:
        """Files and folders it is read from, by the key that names them."""
        return {}

    @property
    def drawing_seed(self) -> int:
        """Seed of what is drawn for it, images and defects; what is generated has one beside that of the split."""
        return int(getattr(self, "seed", self.split.seed))
