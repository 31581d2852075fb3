"""Retrieval of terms: known answers, copairs as an independent implementation, chance, p-values."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from copairs import compute
from copairs.map import mean_average_precision, multilabel
from sklearn.metrics import average_precision_score

from multiscope.errors import InputError
from multiscope.evaluate.scores import similarity as similarity_module
from multiscope.evaluate.scores.members import ProfiledTerms
from multiscope.evaluate.scores.ranking import chance_precision
from multiscope.evaluate.scores.score import Score
from multiscope.evaluate.scores.similarity import Similarity, prepare
from multiscope.evaluate.scores.term_retrieval import (
    p_values,
    query_precision,
    random_precision,
    term_retrieval,
)

N = 80
NAMES = np.array([f"p{i:02d}" for i in range(N)])
Tables = tuple[Score, pd.DataFrame, pd.DataFrame]


def limits_of(terms: dict[str, frozenset[str]]) -> ProfiledTerms:
    return ProfiledTerms("toy", terms, sorted(frozenset().union(*terms.values())), 0, 0)


def overlapping(seed: int = 0) -> ProfiledTerms:
    rng = np.random.default_rng(seed)
    return limits_of({f"t{k:02d}": frozenset(rng.choice(NAMES, 2 + k % 9, replace=False)) for k in range(30)})


def disjoint(size: int = 4) -> ProfiledTerms:
    return limits_of({f"t{k:02d}": frozenset(NAMES[k * size : (k + 1) * size]) for k in range(N // size)})


def profiles_of(limits: ProfiledTerms, *, noise: float = 1.0, seed: int = 1) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(limits.terms), 20))
    return limits.member @ centres + noise * rng.normal(size=(len(limits.proteins), 20))


def score(limits: ProfiledTerms, x: npt.NDArray[np.float64], **other: Any) -> Tables:
    return term_retrieval(x, limits, **{"n_bootstrap": 100, "confidence": 0.95, **other})


def copairs_table(limits: ProfiledTerms, x: npt.NDArray[np.float64], distance: str = "cosine") -> pd.DataFrame:
    labels = [[name for name, term in limits.terms.items() if protein in term] for protein in limits.proteins]
    meta = pd.DataFrame({"protein": limits.proteins, "term": labels})
    table = multilabel.average_precision(
        meta, x, ["term"], [], [], ["term"], multilabel_col="term", distance=distance, progress_bar=False
    )
    return table.sort_values(["protein", "term"], ignore_index=True)


def test_separate_terms_are_found_with_the_least_p_value() -> None:
    limits = disjoint()
    result, terms, proteins = score(limits, profiles_of(limits, noise=1e-6))
    assert (result.metric, result.value, result.ci_low, result.ci_high) == ("map", 1, 1, 1)
    assert (terms["mean_average_precision"] == 1).all()
    assert terms["p_value"].to_numpy() == pytest.approx(1 / 1001)
    assert terms["below_corrected_p"].all()
    assert list(terms["term"]) == list(limits.terms)
    assert (terms["n_members"] == 4).all()
    assert list(proteins["protein"]) == limits.proteins
    assert (proteins["n_terms"] == 1).all()
    assert result.facts == {"n_terms": 20, "n_significant_terms": 20}


def test_profiles_that_know_nothing_score_chance() -> None:
    limits = overlapping()
    results = [score(limits, profiles_of(limits, seed=seed, noise=1e9), null_size=100)[0] for seed in range(25)]
    values = np.array([result.value for result in results])
    error = values.std() / np.sqrt(len(values))
    assert error < 0.003
    assert abs(values.mean() - results[0].chance) < 4 * error


@pytest.mark.parametrize("block", [1, 1000, 2**22])
@pytest.mark.parametrize(("similarity", "theirs"), [("cosine", "cosine"), ("pearson", "correlation")])
def test_each_query_equals_copairs(
    similarity: Similarity, theirs: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similarity_module, "_BLOCK", block)
    limits = overlapping()
    x = profiles_of(limits)
    expected = copairs_table(limits, x, theirs)
    found = query_precision(prepare(x, limits.proteins, similarity), limits.member)
    names = np.array(list(limits.terms))
    assert (names[found["term"]] == expected["term"]).all()
    assert (np.array(limits.proteins)[found["protein"]] == expected["protein"]).all()
    for column in ("n_pos_pairs", "n_total_pairs"):
        assert (found[column] == expected[column]).all()
    np.testing.assert_allclose(found["average_precision"], expected["average_precision"].astype(float), atol=1e-9)
    normalized = (found["average_precision"] - found["chance"]) / (1 - found["chance"])
    np.testing.assert_allclose(normalized, expected["normalized_average_precision"].astype(float), atol=1e-9)


def test_ties_are_one_threshold_and_copairs_breaks_them_somehow() -> None:
    limits = overlapping()
    x = np.sign(profiles_of(limits)[:, :5])
    prepared = prepare(x, limits.proteins, "cosine")
    similar, member = prepared.block(0, len(x)), limits.member.toarray() > 0
    found = query_precision(prepared, limits.member)
    theirs = copairs_table(limits, x)["average_precision"].to_numpy(dtype=float)
    pairs = found[["protein", "term", "average_precision"]].itertuples(index=False)
    for (query, term, precision), other in zip(pairs, theirs, strict=True):
        ranked = member[:, term] | ~(member & member[query]).any(axis=1)
        ranked[query] = False
        truth, alike = member[ranked, term], similar[query, ranked]
        assert precision == pytest.approx(average_precision_score(truth, alike), abs=1e-12)
        apart = 1e-9 * np.arange(len(alike))  # so that positives do not tie with each other either
        worst, best = (average_precision_score(truth, alike + apart + shift * truth) for shift in (-1e-6, 1e-6))
        assert worst - 1e-6 < other < best + 1e-6


def test_tables_are_means_of_queries() -> None:
    limits = overlapping()
    x = profiles_of(limits)
    result, terms, proteins = score(limits, x)
    table = copairs_table(limits, x).astype({"average_precision": float})
    by_term = table.groupby("term")["average_precision"].mean()
    np.testing.assert_allclose(terms.set_index("term")["mean_average_precision"], by_term[terms["term"]], atol=1e-9)
    by_protein = table.groupby("protein")["average_precision"].agg(["mean", "size"])
    np.testing.assert_allclose(proteins["mean_average_precision"], by_protein["mean"], atol=1e-9)
    assert (proteins["n_terms"].to_numpy() == by_protein["size"].to_numpy()).all()
    assert list(proteins["protein"]) == list(by_protein.index)
    assert result.value == pytest.approx(by_term.mean(), abs=1e-9)
    assert result.chance == pytest.approx(terms["chance"].mean())
    assert result.ci_low < result.value < result.ci_high
    assert len(result.draws) == 100


@pytest.mark.parametrize("size", [2, 5, 20])
def test_p_values_equal_those_of_copairs_where_terms_do_not_overlap(size: int, tmp_path: Path) -> None:
    limits = disjoint(size)
    x = profiles_of(limits, noise=2.5)
    _, terms, _ = score(limits, x, null_size=10_000)
    theirs = mean_average_precision(
        copairs_table(limits, x), ["term"], 10_000, 0.05, 0, progress_bar=False, cache_dir=tmp_path
    )
    assert list(theirs["term"]) == list(terms["term"])
    np.testing.assert_allclose(terms["mean_average_precision"], theirs["mean_average_precision"].astype(float))
    p = theirs["p_value"].to_numpy(dtype=float)
    assert (np.abs(terms["p_value"] - p) < 5 * np.sqrt(2 * p * (1 - p) / 10_000) + 2e-4).all()


def test_copairs_finds_our_random_rankings(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("copairs drew its own")

    monkeypatch.setattr(compute, "random_ap", forbidden)
    limits = overlapping()
    score(limits, profiles_of(limits))


def test_p_values_of_shuffled_labels_are_not_too_small() -> None:
    limits = overlapping()
    p = [score(limits, profiles_of(limits, seed=seed, noise=1e9))[1]["p_value"] for seed in range(15)]
    assert 0.005 < (np.concatenate(p) < 0.05).mean() < 0.06


@pytest.mark.parametrize(("k", "n"), [(1, 10), (3, 40), (20, 300), (50, 60), (9, 10), (10, 10)])
def test_random_rankings_are_those_of_copairs_and_have_the_expected_mean(k: int, n: int) -> None:
    ours, theirs = random_precision(k, n, 20_000, 3), compute.random_ap(20_000, k, n, 5)
    expected = chance_precision(np.array([k]), np.array([n]))[0]
    assert ours.mean() == pytest.approx(expected, abs=5 * ours.std() / np.sqrt(20_000) + 1e-12)
    for level in (0.05, 0.5, 0.9, 0.99):
        cut = np.quantile(theirs, level) * (1 + 1e-6)
        assert (ours <= cut).mean() == pytest.approx((theirs <= cut).mean(), abs=0.02)


def test_chance_of_one_thing_among_few_is_known() -> None:
    chance = chance_precision(np.array([1, 1, 2, 1]), np.array([1, 2, 2, 3]))
    np.testing.assert_allclose(chance, [1, 3 / 4, 1, (1 + 1 / 2 + 1 / 3) / 3])


def test_the_same_seed_gives_the_same_numbers_whatever_else_is_scored() -> None:
    limits = overlapping()
    x = profiles_of(limits)
    first, again = score(limits, x), score(limits, x)
    pd.testing.assert_frame_equal(first[1], again[1])
    assert (first[0].draws == again[0].draws).all()
    assert (first[0].draws != score(limits, x, seed=1)[0].draws).any()
    found = query_precision(prepare(x, limits.proteins, "cosine"), limits.member)
    some = p_values(found[found["term"] > 20], null_size=1000, threshold=0.05, seed=0)
    assert (some["p_value"].to_numpy() == first[1]["p_value"].to_numpy()[21:]).all()


def test_proteins_without_negatives_are_left_out() -> None:
    terms = {"a": frozenset(NAMES[:10]), "b": frozenset(NAMES[9:20])}
    limits = limits_of(terms)
    _, by_term, by_protein = score(limits, profiles_of(limits))
    assert NAMES[9] not in set(by_protein["protein"])
    assert list(by_term["n_members"]) == [10, 11]
    one = limits_of({"a": frozenset(NAMES[:10]), "lone": frozenset(NAMES[10:11])})
    result, by_term, _ = score(one, profiles_of(one))
    assert list(by_term["term"]) == ["a"]
    assert np.isnan(result.ci_low)


def test_what_cannot_be_retrieved_is_said() -> None:
    limits = limits_of({"all": frozenset(NAMES)})
    with pytest.raises(InputError, match="standard 'toy': each of 80 profiled proteins shares a term with all others"):
        score(limits, profiles_of(limits))
    with pytest.raises(InputError, match="protein 'p00' has only zeros"):
        score(disjoint(), np.zeros((N, 3)))
