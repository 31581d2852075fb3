"""The section `sweep`: restoration over amounts of data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from multiscope.config.augment import Augment, Augmentation
from multiscope.config.restore import Restore
from multiscope.config.section import Name, Section


class Sweep(Section):
    """Restoration over amounts of data: every method of `methods` on every mix of pairs, scored on the test fields.

    One job a method and seed; nothing but scores is kept.
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
