"""All scores of one table of profiles against one standard, as the configuration asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from multiscope import config
from multiscope.errors import InputError
from multiscope.evaluate.profiles import Profiles
from multiscope.evaluate.scores.clusters import pairwise_f
from multiscope.evaluate.scores.coannotation import coannotation, coannotation_within
from multiscope.evaluate.scores.known_pairs import known_pair_recall
from multiscope.evaluate.scores.members import ProfiledTerms, profiled_terms
from multiscope.evaluate.scores.modules import module_scores
from multiscope.evaluate.scores.ranking import Floats
from multiscope.evaluate.scores.score import Score
from multiscope.evaluate.scores.term_retrieval import term_retrieval
from multiscope.standards.standard import Standard

# one seed for all: runs that share proteins are resampled alike, so that their scores can be compared
SEED = 0


@dataclass(frozen=True)
class Scored:
    """Scores of a table against a standard, and its terms one by one where they were retrieved."""

    table: Profiles
    standard: Standard
    limits: ProfiledTerms
    scores: list[Score]
    terms: pd.DataFrame = field(default_factory=pd.DataFrame)
    proteins: pd.DataFrame = field(default_factory=pd.DataFrame)
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Scores that this standard does not allow, and why."""

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of scores."""
        for score in self.scores:
            yield {
                **self.table.run,
                "standard": self.standard.name,
                "scale": self.standard.scale,
                "metric": score.metric,
                "value": score.value,
                "ci_low": score.ci_low,
                "ci_high": score.ci_high,
                "chance": score.chance,
                "over_chance": _ratio(score),
                "n_proteins": len(self.limits.proteins),
                "n_terms": len(self.limits.terms),
                "n_positive_pairs": score.facts.get("n_positive_pairs"),
                "chosen": "; ".join(f"{key}: {_short(value)}" for key, value in _chosen(score.facts).items()) or None,
            }


def limits_of(standard: Standard, proteins: Sequence[str], section: config.Evaluate) -> ProfiledTerms:
    """The terms that count: by size, and compartments by their share of the profiled proteins of the standard."""
    most = section.max_term_size
    if standard.scale == "compartment":
        most = max(2, int(section.max_compartment_share * len(standard.proteins.intersection(proteins))))
    return profiled_terms(standard, proteins, min_term_size=section.min_term_size, max_term_size=most)


def score_table(
    table: Profiles,
    standard: Standard,
    limits: ProfiledTerms,
    places: Mapping[str, str],
    section: config.Evaluate,
) -> Scored:
    """Score `table` on the proteins of `limits`; `places` says where proteins are, for `ap_within`.

    A standard of pairs has no modules and no terms to retrieve.
    """
    wanted = section.swept_scores if table.swept else section.scores
    x = table.of(limits.proteins)
    common: dict[str, Any] = {"n_bootstrap": section.n_bootstrap, "confidence": section.confidence, "seed": SEED}
    alike: dict[str, Any] = {**common, "similarity": section.similarity}
    found: list[Score | None] = []
    if "ap" in wanted:
        found.append(coannotation(x, limits, **alike))
    if "ap_within" in wanted and standard.scale != "compartment":
        found.append(coannotation_within(x, limits, [places.get(name, "") for name in limits.proteins], **alike))
    if "f" in wanted:
        found.append(pairwise_f(x, limits, **common))
    if "recall" in wanted:
        found += known_pair_recall(table.x, table.proteins, limits, **alike)
    terms, proteins = pd.DataFrame(), pd.DataFrame()
    left_out: dict[str, str] = {}
    if "ami" in wanted and not standard.pairs:
        with _if_possible("ami", left_out):
            found += _modules(x, limits, section)
    if "map" in wanted and not standard.pairs:
        with _if_possible("map", left_out):
            score, terms, proteins = term_retrieval(x, limits, null_size=section.null_size, **alike)
            found.append(score)
    scores = [score for score in found if score is not None]
    return Scored(table, standard, limits, scores, terms, proteins, left_out)


@contextmanager
def _if_possible(score: str, left_out: dict[str, str]) -> Iterator[None]:
    """A standard may have pairs to rank and yet too few terms for this score, which is then left out, and said."""
    try:
        yield
    except InputError as error:
        left_out[score] = str(error)


def _modules(x: Floats, limits: ProfiledTerms, section: config.Evaluate) -> list[Score]:
    grid = section.clusters
    return module_scores(
        x,
        limits,
        linkages=grid.linkages,
        distances=grid.distances,
        n_cuts=grid.cuts,
        n_samples=grid.module_sets,
        seed=SEED,
        confidence=section.confidence,
    )


def _ratio(score: Score) -> float:
    """The score over chance; mutual information that is adjusted for chance is no multiple of it."""
    return score.value / score.chance if score.chance > 0 and not score.metric.startswith("ami") else float("nan")


def _chosen(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "n_positive_pairs"}


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
