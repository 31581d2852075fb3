"""Module detection: do clusters of proteins agree with modules such as complexes?

The task of BIONIC-evals (Forster et al. 2022): draw modules that do not overlap, cluster their proteins, and compare by
adjusted mutual information. Cuts are heights, as the paper says; its code (`fcluster` by its default criterion) takes
the same numbers for thresholds of inconsistency, so its scores differ in the cuts that are tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, product
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.evaluate.scores.dendrogram import Dendrogram, Distance, Linkage, condensed_distances, dendrogram
from multiscope.evaluate.scores.halves import tuning_half
from multiscope.evaluate.scores.members import ProfiledTerms
from multiscope.evaluate.scores.module_sets import ModuleSet, draw_modules
from multiscope.evaluate.scores.mutual_information import ExpectedInformation, adjusted_mutual_information
from multiscope.evaluate.scores.ranking import Floats, Ints, interval, unit_rows
from multiscope.evaluate.scores.score import Score

Values = npt.NDArray[np.float64]
_SHUFFLES = 5


@dataclass(frozen=True)
class Forest:
    """Every clustering that is tried of some of the `profiles` (n, d) of proteins `names` (n,)."""

    profiles: Floats
    names: Sequence[str]
    settings: Sequence[tuple[Distance, Linkage]]
    """Distance by distance."""
    n_cuts: int
    _known: dict[tuple[bytes, Distance, Linkage], Dendrogram] = field(default_factory=dict)

    def trees(self, rows: Ints, settings: Sequence[tuple[Distance, Linkage]]) -> Iterator[Dendrogram]:
        """Of the profiles `rows`, in each of `settings`; each is made once, as module sets are often the same."""
        key = rows.tobytes()
        for distance, group in groupby(settings, key=itemgetter(0)):
            new = [each for each in group if (key, *each) not in self._known]
            if new:
                names = [self.names[row] for row in rows]
                condensed = condensed_distances(self.profiles[rows], names, distance)
                self._known.update({(key, *each): dendrogram(condensed, each[1]) for each in new})
        return (self._known[(key, *each)] for each in settings)

    def cuts(self, tree: Dendrogram) -> Ints:
        """Numbers of merges (n_cuts,) at equally spaced heights from 0 to the largest."""
        return tree.merges_at(np.linspace(0, tree.heights[-1], self.n_cuts))


def module_scores(
    profiles: Floats,
    limits: ProfiledTerms,
    *,
    linkages: Sequence[Linkage] = ("average", "single", "complete"),
    distances: Sequence[Distance] = ("cosine", "euclidean"),
    n_cuts: int = 500,
    n_samples: int = 10,
    seed: int,
    confidence: float,
) -> list[Score]:
    """Metrics `ami` and `ami_best` of `profiles` (n, d), one row a protein of `limits.proteins`; 1 is perfect.

    `ami`: linkage, distance and cut (as a part of the largest height) have the best mean over module sets on the
    modules of the tuning half; the value is that of the other modules, whose proteins are clustered by themselves.
    Chance is 0. It is left out where no module set has two modules in each half.

    `ami_best`: the published procedure, the best of the whole grid on all modules of a set. It is optimistic, being a
    maximum over what it reports; so its chance is not 0 but the mean of the same maximum with profiles shuffled among
    the proteins of a set. It has twice the proteins of `ami`, so the two do not compare.

    Both values are means over `n_samples` module sets, whose values are `draws`; the interval is their percentiles. So
    it says what another module set would score, not what other proteins would; where few modules overlap, the sets are
    nearly the same and it is narrow. Draws say nothing of differences between encoders for the same reason; NaN where a
    set has too few modules. Profiles that are all equal or have no cosine, and a standard without two modules apart,
    are `InputError`s.
    """
    _check(profiles, limits, distances)
    forest = Forest(profiles, limits.proteins, list(product(distances, linkages)), n_cuts)
    sets = [draw_modules(limits, np.random.default_rng([seed, number])) for number in range(n_samples)]
    if all(len(each.names) < 2 for each in sets):
        raise InputError(
            f"standard '{limits.standard}': no two of its {len(limits.terms)} terms have 2 profiled members each and "
            "none in common, so there are no modules to detect; leave out the score ami, or profile more proteins"
        )
    tuned, best = _tuned(forest, sets, confidence), _best(forest, sets, confidence, seed)
    return [best] if tuned is None else [tuned, best]


def _check(profiles: Floats, limits: ProfiledTerms, distances: Sequence[Distance]) -> None:
    if "cosine" in distances:
        unit_rows(profiles, limits.proteins, what="the profile of protein")
    if np.all(profiles == profiles[0]):
        raise InputError(f"all {len(profiles)} profiles are equal, so they form no clusters; embed the proteins again")


def _tuned(forest: Forest, sets: Sequence[ModuleSet], confidence: float) -> Score | None:
    """Metric `ami`: chosen on one half of the modules, reported on the other."""
    pairs = {}
    for number, modules in enumerate(sets):
        half = tuning_half(modules.names)
        if min(half.sum(), (~half).sum()) > 1:
            pairs[number] = modules.part(half), modules.part(~half)
    if not pairs:
        return None
    tuning = np.mean([_scores(forest, chosen, forest.settings)[0][0] for chosen, _ in pairs.values()], axis=0)
    setting, cut = _argmax(tuning)
    draws, n_clusters = np.full(len(sets), np.nan), []
    for number, (_, other) in pairs.items():
        scores, clusters = _scores(forest, other, [forest.settings[setting]])
        draws[number] = scores[0, 0, cut]
        n_clusters.append(int(clusters[0, cut]))
    facts = _facts(forest, setting, cut, n_clusters, [other for _, other in pairs.values()])
    return _score("ami", draws, confidence, 0.0, {**facts, "tuning_value": float(tuning.max())})


def _best(forest: Forest, sets: Sequence[ModuleSet], confidence: float, seed: int) -> Score:
    """Metric `ami_best`: the best of the grid, and its mean with modules shuffled among the proteins of a set."""
    draws, chance, found = np.full(len(sets), np.nan), [], []
    for number, modules in enumerate(sets):
        if len(modules.names) < 2:
            continue
        rng = np.random.default_rng([seed, number, 1])
        shuffled = [rng.permutation(modules.module) for _ in range(_SHUFFLES)]
        (scores, *by_chance), clusters = _scores(forest, modules, forest.settings, shuffled)
        setting, cut = _argmax(scores)
        draws[number] = scores[setting, cut]
        chance += [each.max() for each in by_chance]
        found.append((setting, cut, int(clusters[setting, cut]), modules))
    settings, cuts, n_clusters, used = zip(*found, strict=True)
    commonest, middle = int(np.bincount(settings).argmax()), float(np.median(cuts))
    facts = _facts(forest, commonest, middle, list(n_clusters), used)
    return _score("ami_best", draws, confidence, float(np.mean(chance)), facts)


def _scores(
    forest: Forest, modules: ModuleSet, settings: Sequence[tuple[Distance, Linkage]], shuffled: Sequence[Ints] = ()
) -> tuple[Values, Ints]:
    """AMI of the modules, and of each of `shuffled`, (1 + n_shuffled, n_settings, n_cuts); and numbers of clusters."""
    expected = ExpectedInformation(np.bincount(modules.module))
    scores, n_clusters = [], []
    for tree in forest.trees(modules.rows, settings):
        cuts = forest.cuts(tree)
        labels = (modules.module, *shuffled)
        scores.append([adjusted_mutual_information(tree, each, cuts, expected) for each in labels])
        n_clusters.append(tree.n - cuts)
    return np.array(scores).swapaxes(0, 1), np.array(n_clusters)


def _argmax(scores: Values) -> tuple[int, int]:
    """Setting and cut of the best of `scores` (n_settings, n_cuts); of equal cuts the middle one, which is safest."""
    setting = int(scores.max(axis=1).argmax())
    best = np.flatnonzero(scores[setting] == scores[setting].max())
    return setting, int(best[len(best) // 2])


def _facts(
    forest: Forest, setting: int, cut: float, n_clusters: list[int], sets: Sequence[ModuleSet]
) -> dict[str, Any]:
    """The clustering; the cut as a part of the largest height; means over module sets."""
    distance, linkage = forest.settings[setting]
    return {
        "linkage": linkage,
        "distance": distance,
        "cut": cut / max(forest.n_cuts - 1, 1),
        "n_clusters": float(np.mean(n_clusters)),
        "n_modules": float(np.mean([len(each.names) for each in sets])),
    }


def _score(metric: str, draws: Values, confidence: float, chance: float, facts: dict[str, Any]) -> Score:
    low, high = interval(draws, confidence)
    return Score(metric, float(np.nanmean(draws)), low, high, chance, draws, facts, over="module sets")
