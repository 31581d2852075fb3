"""An evaluation as the page reads it, each table once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from multiscope.report.blocks import listing
from multiscope.report.differences import Differences, read_differences
from multiscope.report.inputs import Folder
from multiscope.report.recovered import read_terms
from multiscope.report.scores import METRICS, of_encoders, read_scores, reference_source

_TABLES = {
    "differences": "paired differences of encoders and sources",
    "terms": "terms one by one",
    "by_cells": "scores by number of cells",
}


@dataclass(frozen=True)
class Evaluation:
    """The folder that the stage left, and what is in it."""

    folder: Folder

    @cached_property
    def scores(self) -> pd.DataFrame:
        """See `read_scores`."""
        return read_scores(self.folder)

    @cached_property
    def differences(self) -> Differences | None:
        """See `read_differences`."""
        return read_differences(self.folder)

    @cached_property
    def terms(self) -> pd.DataFrame | None:
        """See `read_terms`."""
        return read_terms(self.folder)

    @property
    def source(self) -> str:
        """The source that encoders are compared by; nothing where there is no score."""
        own = self.scores[~self.scores["control"]]
        return reference_source(own) if len(own) else ""

    @property
    def places_from(self) -> str:
        """Who says where proteins are: a standard's name, `labels`, or nothing."""
        return str(self.folder.notes.get("places_from") or "")

    def has(self, metric: str) -> bool:
        """Whether an encoder has that score."""
        return len(of_encoders(self.scores, metric)) > 0

    def missing(self) -> str:
        """A sentence on what an evaluation can have and this one has not; empty where it has all."""
        metrics = [title for name, title in METRICS.items() if not self.has(name)]
        absent = [what for name, what in _TABLES.items() if not (self.folder.path / f"{name}.parquet").is_file()]
        if not metrics and not absent:
            return ""
        return (
            f"Not in this evaluation: {listing([*metrics, *absent])}. Scores are chosen by evaluate.scores, numbers of "
            "cells by evaluate.cells; a result of an earlier version has to be evaluated again."
        )

    def best_encoder(self) -> str | None:
        """The encoder with the best mean rank over finer standards, within places where that was scored."""
        for metric in ("ap_within", "ap"):
            own = of_encoders(self.scores, metric)
            own = own[(own["source"] == self.source) & (own["scale"] != "compartment")]
            if len(own):
                ranks = own.groupby("standard")["value"].rank(ascending=False)
                return str(ranks.groupby(own["encoder"]).mean().sort_values(kind="stable").index[0])
        return None
