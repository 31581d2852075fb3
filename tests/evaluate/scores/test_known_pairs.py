"""Known pairs in the tails: a direct count by EFAAR's rule, exact quantiles, bootstrap over proteins."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from multiscope.errors import InputError
from multiscope.evaluate.scores import similarity as similarity_module
from multiscope.evaluate.scores.known_pairs import known_pair_recall, tail_cuts
from multiscope.evaluate.scores.members import ProfiledTerms
from multiscope.evaluate.scores.ranking import resample
from multiscope.evaluate.scores.score import Score
from multiscope.evaluate.scores.similarity import Similarity, prepare

N = 60
NAMES = [f"p{i:02d}" for i in range(N)]


def terms(n_terms: int = 12, size: int = 6, seed: int = 0) -> ProfiledTerms:
    rng = np.random.default_rng(seed)
    found = {f"t{k}": frozenset(NAMES[i] for i in rng.choice(N - 10, size, replace=False)) for k in range(n_terms)}
    return ProfiledTerms("toy", found, sorted(frozenset().union(*found.values())), 0, 0)


def make(seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(N, 5))


def score(x: npt.NDArray[np.float64], limits: ProfiledTerms, **other: Any) -> list[Score]:
    return known_pair_recall(x, NAMES, limits, **{"n_bootstrap": 50, "confidence": 0.95, **other})


def known_pairs(limits: ProfiledTerms) -> npt.NDArray[np.bool_]:
    share = [[any({a, b} <= term for term in limits.terms.values()) for b in NAMES] for a in NAMES]
    return np.array(share)[np.triu_indices(N, 1)]


@pytest.mark.parametrize("similarity", ["cosine", "pearson", "spearman", "euclidean"])
@pytest.mark.parametrize("block", [70, 2**22])
@pytest.mark.parametrize("steps", [None, 3])
def test_value_and_draws_equal_a_direct_count(
    similarity: Similarity, block: int, steps: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similarity_module, "_BLOCK", block)
    x = make() if steps is None else np.ceil(make() * steps) + 0.5  # many ties
    x[:, 0] += np.arange(N) / 100 if steps is None else 0
    limits = terms()
    i, j = np.triu_indices(N, 1)
    similar = prepare(x, NAMES, similarity).block(0, N)[i, j]
    below, above, tied = (np.array([op(similar, s).sum() for s in similar]) for op in (np.less, np.greater, np.equal))
    place = [NAMES.index(name) for name in limits.proteins]
    counts = np.zeros((N, 50), dtype=int)
    counts[place] = resample(len(place), 50, 7).T
    known = known_pairs(limits)
    tails = (0.05, 0.1, 0.25)
    for tail, found in zip(tails, score(x, limits, similarity=similarity, tails=tails, seed=7), strict=True):
        size = int(tail * len(similar) + 1e-9)
        inside = np.clip((size - below) / tied, 0, 1) + np.clip((size - above) / tied, 0, 1)
        if steps is None and similarity != "spearman":  # EFAAR's rule
            assert (inside == ((below + tied <= size) | (above + tied <= size))).all()
        assert found.metric == f"recall_{100 * tail:g}"
        assert found.value == pytest.approx(inside[known].mean(), abs=1e-12)
        weight = (counts[i] * counts[j])[known]
        np.testing.assert_allclose(found.draws, (weight * inside[known, None]).sum(0) / weight.sum(0), atol=1e-12)
        assert (found.chance, found.facts["n_known_pairs"]) == (2 * size / len(similar), known.sum())


def test_cuts_are_numpys_quantiles() -> None:
    x = prepare(make(), NAMES, "cosine")
    similar = x.block(0, N)[np.triu_indices(N, 1)]
    tails = (0.05, 0.123)
    for tail, cut in zip(tails, tail_cuts(x, tails), strict=True):
        assert cut.low == np.quantile(similar, tail, method="inverted_cdf")
        assert cut.high == np.quantile(similar, 1 - tail, method="inverted_cdf")


def test_cuts_are_exact_where_all_pairs_fall_into_few_bins() -> None:
    x = prepare(1000 + 1e-3 * make(), NAMES, "cosine")
    similar = np.sort(x.block(0, N)[np.triu_indices(N, 1)])
    assert similar[-1] - similar[0] < 2**-19
    cut = tail_cuts(x, (0.05,))[0]
    below = int(0.05 * len(similar))
    assert (cut.low, cut.high) == (similar[below], similar[-1 - below])


def test_profiles_of_few_values_are_at_chance_and_not_below() -> None:
    """All pairs of places tie: EFAAR's rule would count none."""
    found = score(np.eye(3)[np.arange(N) % 3], terms(200, 5), n_bootstrap=1)
    assert [each.value for each in found] == pytest.approx([0.1, 0.2], abs=0.02)


def test_profiles_that_know_nothing_score_chance() -> None:
    limits = terms(200, 5)
    values = [[found.value for found in score(make(seed), limits, n_bootstrap=1)] for seed in range(100)]
    spread = np.std(values, axis=0) / 10
    assert (np.abs(np.mean(values, axis=0) - [0.1, 0.2]) < 4 * spread).all()
    assert (spread < 0.005).all()


def test_opposite_and_similar_pairs_are_both_found() -> None:
    x = make()
    x[1], x[3] = x[0], -x[2]
    pairs = {"similar": frozenset({"p00", "p01"}), "opposite": frozenset({"p02", "p03"})}
    found = score(x, ProfiledTerms("toy", pairs, ["p00", "p01", "p02", "p03"], 0, 0))
    assert [each.value for each in found] == [1, 1]


def test_the_same_seed_gives_the_same_draws() -> None:
    first, again, other = (score(make(), terms(), seed=seed)[0] for seed in (1, 1, 2))
    assert (first.draws == again.draws).all()
    assert (first.draws != other.draws).any()
    assert (first.value, other.ci_low <= other.value <= other.ci_high) == (other.value, True)


def test_what_cannot_be_counted_is_said() -> None:
    lone = ProfiledTerms("toy", {"t": frozenset({"p00"})}, ["p00"], 0, 0)
    with pytest.raises(InputError, match="standard 'toy': none of 1 profiled proteins shares a term"):
        score(make(), lone)
    with pytest.raises(InputError, match=r"a tail of 0\.5 was asked for"):
        score(make(), terms(), tails=(0.05, 0.5))
