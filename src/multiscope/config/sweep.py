"""The section `sweep`: restoration over amounts of data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from multiscope.config.augment import Augment, Augmentation
from multiscope.config.restore import Restore
from multiscope.config.section import Name, Section


class Sweep(Section):
    """Restoration over amounts of data: every method of `methods` on every mix of pairs, scored on the test fields.

    One job a method and seed, or several with `runs_per_job`; nothing but scores is kept.
    """

    methods: list[Name] = Field(min_length=1)
    """Names in `restore.methods`."""
    n_pairs: list[Annotated[int, Field(ge=1)] | Literal["all"]] = [1, 5, 10, 50, "all"]
    """Real pairs of each defect."""
    augmentation: list[Augmentation] = Field(default=["flips", "cin_gan"], min_length=1)
    """Ways to make more of the pairs; see `augment.pairs.augmentation`."""
    alpha: list[Annotated[float, Field(gt=0, lt=1)]] = [0.5]
    """Shares of real pairs where synthetic ones are added."""
    n_synthetic: list[Annotated[int, Field(ge=1)]] = []
    """Numbers of synthetic pairs of each defect, beside or in place of `alpha`."""
    unpaired: list[Annotated[int, Field(ge=1)]] = []
    """Numbers of synthetic pairs of each defect without a single real one (setting B)."""
    defects: list[Literal["together", "alone"]] = Field(default=["together"], min_length=1)
    """One network for all defects, or one for each."""
    test_fields: int | None = Field(None, ge=2)
    """Score so many test fields, the same ones in every run; all where left out."""
    seeds: list[Annotated[int, Field(ge=0, le=2**31 - 1)]] | None = Field(None, min_length=1)
    """Seeds; those of the run where left out."""

    runs_per_job: int | None = Field(None, ge=1)
    """Trainings that one job does at most, one after another; left out: all those of a method and seed."""

    @model_validator(mode="after")
    def _has_runs(self) -> Sweep:
        for key in ("methods", "n_pairs", "augmentation", "alpha", "n_synthetic", "unpaired", "defects", "seeds"):
            values = getattr(self, key) or []
            if len(set(values)) < len(values):
                raise ValueError(f"{key}: each value may stand once")
        plain = {"none", "flips"} & set(self.augmentation)
        mixed = set(self.augmentation) - plain
        if self.unpaired and not mixed:
            raise ValueError("unpaired: needs an augmentation that makes pairs; add physics, cin_gan or both")
        if mixed and not (self.alpha or self.n_synthetic or self.unpaired):
            raise ValueError(
                f"augmentation: '{sorted(mixed)[0]}' makes pairs, but how many is not said; add alpha or n_synthetic"
            )
        if not self.n_pairs and not self.unpaired:
            raise ValueError("n_pairs: is empty, and so is unpaired: there is nothing to train; name amounts in one")
        return self

    @property
    def needs_generator(self) -> bool:
        """Whether pairs of CIN-GAN are asked for."""
        return not {"cin_gan", "both"}.isdisjoint(self.augmentation)


class SweepPlan(Section):
    """What one job of a sweep needs to know: three sections of the configuration."""

    augment: Augment
    """How pairs are made; `augment.pairs` is replaced by the sweep's mixes, but for how physics is done."""
    restore: Restore
    """The methods."""
    sweep: Sweep
    """The grid."""
