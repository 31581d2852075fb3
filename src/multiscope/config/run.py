"""The whole configuration, and what its sections ask of each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from multiscope.config.augment import Augment
from multiscope.config.crop import SMALLEST_CROP, Crop, Segment
from multiscope.config.data import Data
from multiscope.config.evaluate import Evaluate, Report
from multiscope.config.faults import did_you_mean
from multiscope.config.localize import Embed, Localize
from multiscope.config.restore import Restore
from multiscope.config.section import Name, Section
from multiscope.config.sweep import Sweep
from multiscope.config.trust import Trust

STAGES = ("data", "augment", "restore", "sweep", "trust", "segment", "crop", "localize", "embed", "evaluate", "report")


class Config(Section):
    """The whole configuration. A stage runs when its section is there."""

    seeds: list[Annotated[int, Field(ge=0, le=2**31 - 1)]] = Field(default=[0], min_length=1)
    """Seeds of the trainings: each is one run, and the spread over them is reported."""
    data_root: Path = Path()
    """Folder that relative paths of images, labels, standards and weights start from; relative itself to the folder
    in which `snakemake` runs (`--directory`)."""
    made_by_rules: list[Path] = []
    """Files and folders that rules of another workflow make, one that imports this one (docs/as-a-module.md): they, and
    what lies below them, need not be there when Snakemake starts."""
    data: dict[Name, Data] = Field(min_length=1)
    """Data sets by name."""
    augment: Augment | None = None
    """Pairs for restoration, real and synthetic."""
    restore: Restore | None = None
    """Restoration; needs `augment`."""
    sweep: Sweep | None = None
    """Restoration over amounts of data; needs `restore`."""
    trust: Trust | None = None
    """How far restored images can be trusted; needs `restore`."""
    segment: Segment | None = None
    """Cells found where a data set has no label images."""
    crop: Crop | None = None
    """Single-cell crops."""
    localize: Localize | None = None
    """Encoders."""
    embed: Embed | None = None
    """Embeddings and profiles; needs `localize`."""
    evaluate: Evaluate | None = None
    """Scores; needs `embed`."""
    report: Report | None = Report()
    """The page."""

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("each seed may stand once")
        return seeds

    @model_validator(mode="after")
    def _sections_fit(self) -> Config:
        needs = {"restore": "augment", "sweep": "restore", "trust": "restore", "embed": "localize", "evaluate": "embed"}
        for stage, below in needs.items():
            if getattr(self, stage) is not None and getattr(self, below) is None:
                raise ValueError(f"section '{stage}' needs section '{below}'; add it, or remove '{stage}'")
        for stage in ("augment", "segment", "crop", "localize"):
            section = getattr(self, stage)
            if section is not None and section.data not in self.data:
                raise ValueError(f"{stage}.data: no data set '{section.data}'{did_you_mean(section.data, self.data)}")
        if self.augment is not None:
            self._check_augment(self.augment)
        if self.sweep is not None and self.restore is not None:
            self._check_sweep(self.sweep, self.restore)
        if self.segment is not None:
            self._check_segment(self.segment)
        if self.crop is not None:
            self._check_crop(self.crop)
        if self.localize is not None:
            self._check_localize(self.localize)
        return self

    def _check_augment(self, augment: Augment) -> None:
        data = self.data[augment.data]
        if data.holds == "crops":
            raise ValueError(f"augment.data: '{augment.data}' holds crops; restoration works on fields")
        if not data.defect_names:
            raise ValueError(f"augment.data: data set '{augment.data}' has no 'defects'; name at least one")

    def _check_sweep(self, sweep: Sweep, restore: Restore) -> None:
        for name in sweep.methods:
            if name not in restore.methods:
                raise ValueError(f"sweep.methods: no method '{name}'{did_you_mean(name, restore.methods)}")

    def _check_segment(self, segment: Segment) -> None:
        data = self.data[segment.data]
        if data.holds == "crops":
            raise ValueError(f"segment.data: '{segment.data}' holds crops; cells are found in fields")
        if data.has_labels:
            raise ValueError(
                f"segment.data: data set '{segment.data}' has labels already; remove the section 'segment'"
            )
        if segment.channel is not None and segment.channel not in data.channels:
            near = did_you_mean(segment.channel, data.channels)
            raise ValueError(f"segment.channel: no channel '{segment.channel}'{near}")

    def _check_crop(self, crop: Crop) -> None:
        data = self.data[crop.data]
        if data.holds == "crops":
            raise ValueError(f"crop.data: '{crop.data}' holds crops already; use it in localize.data, without 'crop'")
        if not data.has_labels and (self.segment is None or self.segment.data != crop.data):
            raise ValueError(
                f"crop.data: data set '{crop.data}' has no 'labels'; name its label images, or add a section 'segment' "
                "with that data set"
            )
        for source in crop.sources:
            if source != "clean" and not data.defect_names:
                raise ValueError(f"crop.sources: '{source}' needs 'defects' in data set '{crop.data}'")
            if source.startswith("restored:"):
                if source not in self.restored_sources:
                    known = ", ".join(self.restored_sources) or "none: there is no section 'restore'"
                    raise ValueError(f"crop.sources: '{source}' is not made by this run (made: {known})")
                if self.augment is not None and self.augment.data != crop.data:
                    raise ValueError(f"crop.sources: '{source}' is made from data set '{self.augment.data}'")

    def _check_localize(self, localize: Localize) -> None:
        if self.data[localize.data].holds == "crops":
            sources = ["clean"]
        elif self.crop is None or self.crop.data != localize.data:
            raise ValueError(f"localize.data: '{localize.data}' holds fields; add a section 'crop' with that data set")
        else:
            sources = self.crop.sources
        if localize.train_on not in sources:
            raise ValueError(f"localize.train_on: '{localize.train_on}' is not cut; have {', '.join(sources)}")
        if self.crop is not None and self.crop.size < SMALLEST_CROP:
            raise ValueError(f"crop.size: {self.crop.size} is too small for the encoders; use {SMALLEST_CROP} or more")
        data = self.data[localize.data]
        for name, encoder in localize.encoders.items():
            where = f"localize.encoders.{name}"
            if encoder.learns_labels and not data.knows_localization:
                raise ValueError(
                    f"localize.data: data set '{localize.data}' has no 'localization', which {where} needs; say where "
                    "proteins are, or remove it"
                )
            if encoder.train_on is not None and encoder.train_on not in sources:
                raise ValueError(f"{where}.train_on: '{encoder.train_on}' is not cut; have {', '.join(sources)}")
            for channel in encoder.channels or []:
                if channel not in data.channels:
                    raise ValueError(f"{where}.channels: no channel '{channel}'{did_you_mean(channel, data.channels)}")

    @property
    def restored_sources(self) -> list[str]:
        """Sources that `restore` makes."""
        return [f"restored:{name}" for name in self.restore.methods] if self.restore is not None else []


def stages_of(config: Config) -> list[str]:
    """The stages that a configuration runs, in their order."""
    return [stage for stage in STAGES if stage == "data" or getattr(config, stage) is not None]
