"""The sections `evaluate` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from multiscope.config.section import Name, Section, each_once
from multiscope.config.standards import Standard

ScoreName = Literal["ap", "ap_within", "ami", "f", "map", "recall"]
_Scores = Annotated[list[ScoreName], Field(min_length=1), AfterValidator(each_once)]
Linkage = Literal["average", "single", "complete"]


class Clusters(Section):
    """The grid of clusterings that `ami` tries (Forster et al. 2022)."""

    linkages: list[Linkage] = Field(["average", "single", "complete"], min_length=1)
    """Which cluster two clusters' distance is: the mean, least or greatest of their proteins'."""
    distances: list[Literal["cosine", "euclidean"]] = Field(["cosine", "euclidean"], min_length=1)
    """Distances of profiles."""
    cuts: int = Field(500, ge=2, le=10_000)
    """Heights at which a tree is cut, evenly spaced."""
    module_sets: int = Field(10, ge=2, le=1000)
    """Random sets of modules that do not overlap."""


class Evaluate(Section):
    """Scores of profiles against standards."""

    standards: dict[Name, Standard] = {}
    """Standards by name; those of a virtual screen are added by themselves."""
    scores: _Scores = ["ap", "ap_within", "ami", "f", "map", "recall"]
    """Scores against each standard: average precision over pairs, the same among proteins of one place, agreement of
    clusters with modules, pairwise F of clusters, retrieval of each term, known pairs in the tails."""
    swept_scores: _Scores = ["ap"]
    """Scores of further layers and epochs of an encoder."""
    similarity: Literal["cosine", "pearson", "spearman", "euclidean"] = "cosine"
    """How alike two profiles are, for `ap`, `ap_within`, `map` and `recall`."""
    places: Name | None = None
    """Standard that says where a protein is, for `ap_within`; without it, the labels of the data set, and where there
    are none the first standard of the scale compartment."""
    clusters: Clusters = Clusters()
    """Settings of `ami`."""
    null_size: int = Field(1000, ge=100, le=1_000_000)
    """Random rankings behind the p-value of a term: none is below one in so many."""
    controls: bool = True
    """Score shuffled profiles and the places themselves as if they were encoders."""
    cells: Annotated[list[Annotated[int, Field(ge=1)]], AfterValidator(each_once)] = []
    """Numbers of cells a protein for the score by number of cells, such as [1, 3, 10, 30]; empty leaves it out."""
    genes: Path | None = None
    """Table of gene names by which profiles are renamed, so that outdated names meet those of the standards: SGD's
    features, HGNC's complete set, or two columns."""
    id_type: Literal["systematic", "symbol"] = "symbol"
    """What profiles are renamed to with `genes`."""
    min_term_size: int = Field(2, ge=2)
    """Terms with fewer profiled members are left out."""
    max_term_size: int = Field(300, ge=2)
    """Terms with more profiled members are left out, but for compartments, which are large."""
    max_compartment_share: float = Field(0.5, gt=0, le=1)
    """Compartments with more than this part of the profiled proteins are left out: nearly all pairs share them."""
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
