"""What the summary says of encoders against each other, and of signal beyond the compartment."""

from __future__ import annotations

import pandas as pd

from multiscope.report.blocks import Statement, Statements, Verdict, listing, number, plural
from multiscope.report.difference_tables import against_others, ranked_encoders
from multiscope.report.differences import Differences
from multiscope.report.score_tables import over_chance
from multiscope.report.scores import METRICS, of_encoders, panels
from multiscope.report.summary import FEWEST_PAIRS

MOST_NAMED = 4


def best_encoder_answers(scores: pd.DataFrame, differences: Differences, metric: str = "ap") -> Statements:
    """Is one encoder better than the others, standard by standard?"""
    items = []
    for panel in panels(of_encoders(scores, metric)):
        ranked = ranked_encoders(scores, panel, metric)
        if len(ranked) > 1:
            items.append(_best(ranked, differences, panel, metric))
    clear = sum(item.verdict == "better" for item in items)
    headline = f"One encoder is clearly above all others by {clear} of {plural(len(items), 'standard')}."
    return Statements(f"Which encoder is best? ({METRICS.get(metric, metric)}, paired differences)", headline, items)


def _best(ranked: list[pd.Series], differences: Differences, panel: tuple[str, str], metric: str) -> Statement:
    above, unclear = against_others(ranked, differences, panel, metric)
    best = ranked[0]
    said = f"{best['label']} has the highest, {number(float(best['value']), 3)} on {best['source']} images."
    if above:
        said += f" It is clearly above {_named(above)}."
    if unclear:
        said += f" It is not told apart from {_named(unclear)}."
    verdict: tuple[str, Verdict] = ("no clear winner", "unclear") if unclear else ("clearly best", "better")
    return Statement(said, f"{panel[0]} ({panel[1]})", *verdict)


def _named(labels: list[str]) -> str:
    more = len(labels) - MOST_NAMED
    return listing(labels if more <= 0 else [*labels[:MOST_NAMED], plural(more, "other")])


def beyond_answers(scores: pd.DataFrame) -> Statements:
    """Is there signal beyond the compartment? By the best encoder of each standard."""
    items = []
    for panel in panels(of_encoders(scores, "ap_within")):
        ranked = ranked_encoders(scores, panel, "ap_within")
        items += [_within(ranked[0], panel)] if ranked else []
    found = sum(item.verdict == "better" for item in items)
    headline = f"Above chance among proteins of one place: by {found} of {plural(len(items), 'standard')}."
    return Statements("Do profiles know more than the compartment?", headline, items)


def _within(best: pd.Series, panel: tuple[str, str]) -> Statement:
    lead, times = f"{panel[0]} ({panel[1]})", over_chance(float(best["over_chance"]))
    said = (
        f"Among pairs of proteins of one place {best['label']} reaches {number(float(best['value']), 3)} "
        f"({number(float(best['ci_low']), 3)} to {number(float(best['ci_high']), 3)}) on {best['source']} images, "
        f"{times} times chance."
    )
    if not pd.isna(best["n_positive_pairs"]) and best["n_positive_pairs"] < FEWEST_PAIRS:
        return Statement(f"{said} Too few pairs are related to conclude anything.", lead, "too few pairs", "unclear")
    if best["ci_low"] > best["chance"]:
        return Statement(said, lead, "above chance", "better")
    if best["ci_high"] < best["chance"]:
        return Statement(said, lead, "below chance", "worse")
    return Statement(f"{said} No signal beyond the place is shown.", lead, "not above chance", "unclear")
