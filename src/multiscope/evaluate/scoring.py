"""All scores of one table of profiles against one standard, as the configuration asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
class Against:
    """A standard as it is scored against."""

    standard: Standard
    limits: ProfiledTerms
    places: Sequence[str]
    """Where each of `limits.proteins` is, empty where that is not known."""


@dataclass
class Found:
    """Scores of a table against a standard, and its terms and proteins one by one where terms were retrieved."""

    scores: list[Score] = field(default_factory=list)
    terms: pd.DataFrame = field(default_factory=pd.DataFrame)
    proteins: pd.DataFrame = field(default_factory=pd.DataFrame)
    left_out: dict[str, str] = field(default_factory=dict)
    """Scores that the standard does not allow for this table, and why."""


@dataclass(frozen=True)
class Scored:
    """What was found, of which table and standard."""

    table: Profiles
    against: Against
    found: Found

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of scores."""
        standard, limits = self.against.standard, self.against.limits
        for score in self.found.scores:
            yield {
                **self.table.run,
                "standard": standard.name,
                "scale": standard.scale,
                "metric": score.metric,
                "value": score.value,
                "ci_low": score.ci_low,
                "ci_high": score.ci_high,
                "chance": score.chance,
                "over_chance": _ratio(score),
                "n_proteins": len(limits.proteins),
                "n_terms": len(limits.terms),
                "n_positive_pairs": score.facts.get("n_positive_pairs"),
                "chosen": "; ".join(f"{key}: {_short(value)}" for key, value in _chosen(score.facts).items()) or None,
            }


def limits_of(standard: Standard, proteins: Sequence[str], section: config.Evaluate) -> ProfiledTerms:
    """The terms that count: by size, and compartments by their share of the profiled proteins of the standard."""
    most = section.max_term_size
    if standard.scale == "compartment":
        most = max(2, int(section.max_compartment_share * len(standard.proteins.intersection(proteins))))
    return profiled_terms(standard, proteins, min_term_size=section.min_term_size, max_term_size=most)


def score_table(table: Profiles, against: Against, section: config.Evaluate) -> Found:
    """Score `table` on the proteins of a standard; what cannot be scored is left out, with the reason."""
    found = Found()
    x = table.of(against.limits.proteins)
    for name in section.swept_scores if table.swept else section.scores:
        try:
            _SCORES[name](table, x, against, section, found)
        except InputError as error:
            found.left_out[name] = str(error)
    return found


def _ap(_: Profiles, x: Floats, against: Against, section: config.Evaluate, found: Found) -> None:
    found.scores.append(coannotation(x, against.limits, similarity=section.similarity, **_bootstrap(section)))


def _ap_within(_: Profiles, x: Floats, against: Against, section: config.Evaluate, found: Found) -> None:
    if against.standard.scale == "compartment":
        return  # compartments within compartments
    alike: dict[str, Any] = {"similarity": section.similarity, **_bootstrap(section)}
    found.scores.append(coannotation_within(x, against.limits, against.places, **alike))


def _ami(_: Profiles, x: Floats, against: Against, section: config.Evaluate, found: Found) -> None:
    if against.standard.pairs:
        return  # pairs are no modules
    grid = section.clusters
    scores = module_scores(
        x,
        against.limits,
        linkages=grid.linkages,
        distances=grid.distances,
        n_cuts=grid.cuts,
        n_samples=grid.module_sets,
        seed=SEED,
        confidence=section.confidence,
    )
    found.scores.extend(scores)
    if not any(score.metric == "ami" for score in scores):
        found.left_out["ami"] = f"standard '{against.standard.name}' has too few modules for a tuning half"


def _f(_: Profiles, x: Floats, against: Against, section: config.Evaluate, found: Found) -> None:
    found.scores.append(pairwise_f(x, against.limits, **_bootstrap(section)))


def _recall(table: Profiles, _: Floats, against: Against, section: config.Evaluate, found: Found) -> None:
    alike: dict[str, Any] = {"similarity": section.similarity, **_bootstrap(section)}
    found.scores.extend(known_pair_recall(table.x, table.proteins, against.limits, **alike))


def _map(_: Profiles, x: Floats, against: Against, section: config.Evaluate, found: Found) -> None:
    if against.standard.pairs:
        return  # pairs are no terms
    alike: dict[str, Any] = {"similarity": section.similarity, **_bootstrap(section)}
    score, found.terms, found.proteins = term_retrieval(x, against.limits, null_size=section.null_size, **alike)
    found.scores.append(score)


_SCORES: dict[str, Callable[[Profiles, Floats, Against, config.Evaluate, Found], None]] = {
    "ap": _ap,
    "ap_within": _ap_within,
    "ami": _ami,
    "f": _f,
    "recall": _recall,
    "map": _map,
}


def _bootstrap(section: config.Evaluate) -> dict[str, Any]:
    return {"n_bootstrap": section.n_bootstrap, "confidence": section.confidence, "seed": SEED}


def _ratio(score: Score) -> float:
    """The score over chance; mutual information that is adjusted for chance is no multiple of it."""
    return score.value / score.chance if score.chance > 0 and not score.metric.startswith("ami") else float("nan")


def _chosen(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "n_positive_pairs"}


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
