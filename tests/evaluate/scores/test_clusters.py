"""Pairwise F: perfect and shuffled profiles, a plain loop over cuts, draws by repeated proteins, small cases."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from sklearn.metrics import f1_score

from multiscope.errors import InputError
from multiscope.evaluate.scores import clusters as module
from multiscope.evaluate.scores.clusters import pairwise_f
from multiscope.evaluate.scores.dendrogram import condensed_distances
from multiscope.evaluate.scores.halves import tuning_half
from multiscope.evaluate.scores.members import ProfiledTerms, profiled_terms
from multiscope.evaluate.scores.ranking import resample
from multiscope.evaluate.scores.score import Score
from multiscope.standards.standard import Standard

Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def limits_of(terms: dict[str, set[str]]) -> ProfiledTerms:
    members = {name: frozenset(term) for name, term in terms.items()}
    standard = Standard("made", "complex", members, "none (generated)", "name", "1", "CC0", "")
    return profiled_terms(standard, sorted(standard.proteins), min_term_size=2, max_term_size=300)


def grouped(n_terms: int, size: int) -> ProfiledTerms:
    return limits_of({f"t{k}": {f"p{k:03d}_{i}" for i in range(size)} for k in range(n_terms)})


def f_of(x: npt.ArrayLike, limits: ProfiledTerms, **kwargs: Any) -> Score:
    arguments: dict[str, Any] = {"n_bootstrap": 20, "confidence": 0.95, "seed": 0, **kwargs}
    score = pairwise_f(np.asarray(x), limits, **arguments)
    assert score is not None
    return score


def share_a_term(limits: ProfiledTerms, pairs: Pairs) -> npt.NDArray[np.bool_]:
    names = limits.proteins
    return np.array(
        [any({names[a], names[b]} <= term for term in limits.terms.values()) for a, b in zip(*pairs, strict=True)]
    )


def pairs_within(rows: npt.NDArray[np.int64]) -> Pairs:
    first, second = np.triu_indices(len(rows), 1)
    return rows[first], rows[second]


def test_a_perfect_embedding_scores_exactly_one() -> None:
    score = f_of(np.repeat(np.eye(10), 4, axis=0), grouped(10, 4), n_bootstrap=200)
    assert (score.value, score.ci_low, score.ci_high) == (1, 1, 1)
    assert score.facts["n_clusters"] == 10
    assert (score.facts["precision"], score.facts["recall"]) == (1, 1)
    assert score.chance < 0.3


def test_shuffled_profiles_score_their_chance() -> None:
    limits = grouped(30, 5)
    scores = [f_of(np.random.default_rng(seed).normal(size=(150, 8)), limits) for seed in range(30)]
    excess = np.array([score.value - score.chance for score in scores])
    assert abs(excess.mean()) < 4 * excess.std(ddof=1) / np.sqrt(len(excess)) < 0.02


def test_chance_is_the_mean_over_random_partitions_with_the_same_sizes() -> None:
    limits = grouped(12, 5)
    centres = np.repeat(np.random.default_rng(0).normal(size=(12, 8)), 5, axis=0)
    x = centres + 0.5 * np.random.default_rng(1).normal(size=centres.shape)
    score = f_of(x, limits)
    merges = linkage(pdist(x, "cosine"), "average")
    rows = np.flatnonzero(~tuning_half(limits.proteins))
    labels = fcluster(merges, score.facts["cut"] + 1e-9, "distance")[rows]
    first, second = np.triu_indices(len(rows), 1)
    truth = share_a_term(limits, (rows[first], rows[second]))
    rng = np.random.default_rng(2)
    values = []
    for _ in range(500):
        shuffled = rng.permutation(labels)
        values.append(f1_score(truth, shuffled[first] == shuffled[second]))
    assert score.chance == pytest.approx(np.mean(values), abs=4 * np.std(values) / np.sqrt(500))


@pytest.mark.parametrize("block", [1, 40, 2**22])
@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), ties=st.booleans())
def test_it_equals_a_plain_loop(block: int, seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    names = [f"p{i}" for i in range(24)]
    terms = {f"t{k}": set(rng.choice(names, rng.integers(2, 6), replace=False).tolist()) for k in range(12)}
    limits = limits_of(terms)
    n = len(limits.proteins)
    x = rng.integers(1, 4, (n, 2)).astype(float) if ties else rng.normal(size=(n, 3))
    half = tuning_half(limits.proteins)
    tuned, scored = pairs_within(np.flatnonzero(half)), pairs_within(np.flatnonzero(~half))
    if not (share_a_term(limits, tuned).any() and share_a_term(limits, scored).any()):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        score = f_of(x, limits)
    merges = linkage(condensed_distances(x, names[:n], "cosine"), "average")
    heights = np.unique(np.append(0, np.round(merges[:, 2], 10)))
    labels = [fcluster(merges, height + 1e-10, "distance") for height in heights]
    values = [f1_score(share_a_term(limits, tuned), each[tuned[0]] == each[tuned[1]]) for each in labels]
    cut = int(np.argmax(values))
    truth, found = share_a_term(limits, scored), labels[cut][scored[0]] == labels[cut][scored[1]]
    assert score.facts["cut"] == pytest.approx(heights[cut], abs=1e-9)
    assert score.facts["n_clusters"] == len(np.unique(labels[cut]))
    assert score.value == pytest.approx(f1_score(truth, found), abs=1e-12)
    rows = np.flatnonzero(~half)
    for counts, draw in zip(resample(len(rows), 20, 0), score.draws, strict=True):
        first, second = np.triu_indices(len(rows), 1)
        weight = counts[first] * counts[second]
        if weight[truth].sum():
            assert draw == pytest.approx(f1_score(truth, found, sample_weight=weight), abs=1e-12)
        else:
            assert np.isnan(draw)


def test_the_same_call_gives_the_same_numbers_and_draws_are_of_proteins_alone() -> None:
    limits = grouped(10, 4)
    x = np.random.default_rng(0).normal(size=(40, 6))
    once, again, other = f_of(x, limits), f_of(x, limits), f_of(x, limits, seed=1)
    assert np.array_equal(once.draws, again.draws)
    assert not np.array_equal(once.draws, other.draws)
    assert once.value == other.value
    assert once.ci_low <= once.value <= once.ci_high
    gains = np.random.default_rng(2).uniform(0.01, 100, (40, 1))
    assert f_of(x * gains, limits).value == pytest.approx(once.value)


def test_a_half_without_a_positive_pair_has_no_score() -> None:
    in_half = [name for name in map(str, range(99)) if tuning_half([name])[0]]
    limits = limits_of({"t": set(in_half[:3]), "u": set(in_half[3:6])})
    x = np.random.default_rng(0).normal(size=(6, 3))
    with pytest.raises(InputError, match="half of its 6 profiled proteins has no pair that shares a term"):
        pairwise_f(x, limits, n_bootstrap=5, confidence=0.9, seed=0)


def test_constant_profiles_form_one_cluster_and_zeros_none() -> None:
    limits = grouped(8, 4)
    score = f_of(np.ones((32, 3)), limits)
    assert (score.facts["n_clusters"], score.facts["recall"]) == (1, 1)
    assert score.value == score.chance
    with pytest.raises(InputError, match="the profile of protein 'p000_0' has only zeros") as error:
        f_of(np.zeros((32, 3)), limits)
    assert "\n" not in str(error.value)
