"""Co-annotation: do proteins that share a term have similar profiles, and do they beyond sharing a compartment?

Every pair of proteins is ranked by the similarity of their profiles and is positive if the two share at least one term;
the score is the average precision of that ranking (the co-annotation task of BIONIC-evals, Forster et al. 2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.evaluate.scores.members import ProfiledTerms
from multiscope.evaluate.scores.pairs import PairPrecision, pair_precision
from multiscope.evaluate.scores.ranking import Floats, interval, resample
from multiscope.evaluate.scores.score import Score
from multiscope.evaluate.scores.similarity import Similarity, prepare

Counts = npt.NDArray[np.int64]


def coannotation(
    profiles: Floats,
    limits: ProfiledTerms,
    *,
    n_bootstrap: int,
    confidence: float,
    seed: int = 0,
    similarity: Similarity = "cosine",
) -> Score:
    """Metric `ap` of `profiles` (n, d), one row a protein of `limits.proteins`; in [0, 1].

    Chance is what random rankings give on average: the share of positive pairs where there are many. The interval is a
    percentile bootstrap over proteins: a pair weighs as often as its two proteins were drawn, and a protein is never
    paired with itself. Samples without a positive pair are left out. An `InputError` says what makes a score
    impossible.
    """
    found = pair_precision(
        prepare(profiles, limits.proteins, similarity), limits.member, resample(len(profiles), n_bootstrap, seed)
    )
    _check_both_kinds(limits, found, n_proteins=len(profiles))
    low, high = interval(found.draws, confidence)
    return Score("ap", found.value, low, high, found.chance, found.draws, {"n_positive_pairs": found.n_positive})


def coannotation_within(
    profiles: Floats,
    limits: ProfiledTerms,
    places: Sequence[str],
    *,
    n_bootstrap: int,
    confidence: float,
    seed: int = 0,
    similarity: Similarity = "cosine",
) -> Score:
    """Metric `ap_within`: co-annotation among proteins of one place, so that knowing places alone is worth nothing.

    `places` (n,) says where each protein is, as one text (`nucleus|cytoplasm` is a place of its own), empty where that
    is not known. Pairs are ranked within each place that has pairs of both kinds; value and chance are the means over
    places, weighted by their positive pairs; no place with both is an `InputError`. Profiles that are alike in a place
    score the share of its positive pairs, which in small places is less than chance: ties are one threshold.
    """
    drawn = resample(len(profiles), n_bootstrap, seed)
    found = list(_by_place(profiles, limits, places, drawn, similarity))
    if not found:
        raise InputError(
            f"standard '{limits.standard}': no place has pairs that share a term and pairs that do not, so nothing can "
            "be ranked within places; leave out the score ap_within, or take wider places"
        )
    n_positive = np.array([each.n_positive for each in found])
    weight = np.array([each.weight for each in found])
    draws = np.nansum(weight * np.array([each.draws for each in found]), axis=0)
    draws = np.divide(draws, weight.sum(axis=0), out=np.full(len(draws), np.nan), where=weight.sum(axis=0) > 0)
    value = float(np.average([each.value for each in found], weights=n_positive))
    # in small places drawn pairs rank too well, since equal ones come together: only the spread of draws is used
    draws = np.clip(draws - np.nanmean(draws) + value, 0, 1) if np.isfinite(draws).any() else draws
    low, high = interval(draws, confidence)
    facts: dict[str, Any] = {"n_places": len(found), "n_positive_pairs": int(n_positive.sum())}
    return Score(
        metric="ap_within",
        value=value,
        ci_low=low,
        ci_high=high,
        chance=float(np.average([each.chance for each in found], weights=n_positive)),
        draws=draws,
        facts=facts,
    )


def _by_place(
    profiles: Floats, limits: ProfiledTerms, places: Sequence[str], drawn: Counts, similarity: Similarity
) -> Iterator[PairPrecision]:
    """Of each place with positive and negative pairs."""
    place = np.asarray(places, dtype=str)
    for name in np.unique(place[place != ""]):
        rows = np.flatnonzero(place == name)
        if len(rows) < 3:
            continue  # one pair is of one kind
        names = [limits.proteins[row] for row in rows]
        found = pair_precision(prepare(profiles[rows], names, similarity), limits.member[rows], drawn[:, rows])
        if 0 < found.n_positive < found.n_pairs:
            yield found


def _check_both_kinds(limits: ProfiledTerms, found: PairPrecision, *, n_proteins: int) -> None:
    if 0 < found.n_positive < found.n_pairs:
        return
    what = "share a term, so none is negative" if found.n_positive else "shares a term, so none is positive"
    which = "all" if found.n_positive else "none"
    raise InputError(
        f"standard '{limits.standard}': {which} of the {found.n_pairs} pairs of {n_proteins} profiled proteins {what} "
        "and there is nothing to rank; profile more proteins, or change min_term_size or max_term_size"
    )
