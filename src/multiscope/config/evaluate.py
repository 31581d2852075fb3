"""The sections `evaluate` and `report`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from multiscope.config.section import Name, Scale, Section


class Standard(Section):
    """A dated set of terms with their member proteins."""

    path: Path
    """GMT file; a `.yaml` of the same name beside it says organism, release, licence and sha256."""
    scale: Scale
    """Scale of biology that its terms stand for."""


class Evaluate(Section):
    """Scores of profiles against standards."""

    standards: dict[Name, Standard] = {}
    """Standards by name; those of a virtual screen are added by themselves."""
    min_term_size: int = Field(2, ge=2)
    """Terms with fewer profiled members are left out."""
    max_term_size: int = Field(300, ge=2)
    """Terms with more profiled members are left out."""
    n_bootstrap: int = Field(500, ge=10, le=100_000)
    """Bootstrap samples over proteins for the intervals."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Confidence of the intervals."""

    @model_validator(mode="after")
    def _sizes_leave_room(self) -> Evaluate:
        if self.min_term_size > self.max_term_size:
            raise ValueError("min_term_size is above max_term_size; no term could be scored")
        return self


class Report(Section):
    """The page."""

    title: str = "multiscope run"
    """Its title."""
    n_examples: int = Field(2, ge=1, le=20)
    """Test images shown for each defect."""
