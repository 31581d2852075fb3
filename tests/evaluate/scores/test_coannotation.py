"""Co-annotation: known answers, invariances, a dense computation, honest intervals, a published table."""

import gzip
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score
from sklearn.metrics.pairwise import cosine_similarity

from multiscope.errors import InputError
from multiscope.evaluate.scores import pairs as module
from multiscope.evaluate.scores.coannotation import coannotation, coannotation_within
from multiscope.evaluate.scores.members import profiled_terms
from multiscope.evaluate.scores.ranking import chance_precision
from multiscope.evaluate.scores.score import Score
from multiscope.standards.gmt import read_gmt
from multiscope.standards.standard import Standard


def test_names_of_another_id_space_are_said() -> None:
    standard = make_standard({"t": {"YAL001C", "YBR002W", "YCR003C-A"}})
    with pytest.raises(InputError, match=r"look like yeast systematic ORF names.*look like UniProt accession names"):
        profiled_terms(standard, ["P12345", "Q8N158", "O15550"], min_term_size=2, max_term_size=9)


DATA = Path(os.environ.get("MULTISCOPE_DATA", Path(__file__).parents[4] / "shared" / "data"))


def make_standard(terms: dict[str, set[str]]) -> Standard:
    members = {name: frozenset(term) for name, term in terms.items()}
    return Standard("made", "complex", members, "none (generated)", "name", "1", "CC0", "")


def grouped(n_terms: int, size: int) -> tuple[list[str], Standard]:
    names = [f"p{i:03d}" for i in range(n_terms * size)]
    return names, make_standard({f"t{k}": set(names[k * size : (k + 1) * size]) for k in range(n_terms)})


def score(x: npt.ArrayLike, names: list[str], standard: Standard, **kwargs: Any) -> Score:
    sizes = {key: kwargs.pop(key, least) for key, least in (("min_term_size", 2), ("max_term_size", 300))}
    limits = profiled_terms(standard, names, **sizes)
    own = np.asarray(x)[[names.index(name) for name in limits.proteins]]
    return coannotation(own, limits, **{"n_bootstrap": 10, "confidence": 0.95, **kwargs})


def same(one: Score, other: Score) -> bool:
    return (one.value, one.ci_low, one.ci_high, one.chance) == (other.value, other.ci_low, other.ci_high, other.chance)


def clustered(n_terms: int, size: int, noise: float, seed: int = 0) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(n_terms, 16)), size, axis=0)
    return np.asarray(centres + noise * rng.normal(size=centres.shape))


def test_a_perfect_embedding_scores_one() -> None:
    names, standard = grouped(6, 4)
    result = score(np.repeat(np.eye(6), 4, axis=0), names, standard, n_bootstrap=200)
    assert (result.value, result.ci_low, result.ci_high) == (1, 1, 1)
    assert result.facts["n_positive_pairs"] == 36
    assert result.chance == pytest.approx(chance_precision(36, 276))


def test_an_uninformed_embedding_scores_the_share_of_positives() -> None:
    names, standard = grouped(20, 6)
    scores = [score(np.random.default_rng(seed).normal(size=(120, 32)), names, standard) for seed in range(40)]
    values = np.array([result.value for result in scores])
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - scores[0].chance) < 4 * error
    # the share of positives but for a term of order log(n)/n
    assert scores[0].chance == pytest.approx(20 * 15 / (120 * 119 / 2), abs=0.002)


@pytest.mark.parametrize("block", [1, 50, 2**22])
@given(seed=st.integers(0, 10**6))
def test_it_equals_a_dense_computation(block: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [f"p{i}" for i in range(14)]
    terms = {f"t{k}": {str(name) for name in rng.choice(names, rng.integers(1, 6), replace=False)} for k in range(6)}
    terms["fixed"] = {"p0", "p1"}
    terms["other"] = {"p2", "p3"}
    x = rng.integers(-1, 2, (14, 3)) + np.array([5.0, 0, 0])  # many ties
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        result = score(x, names, make_standard(terms), max_term_size=4)
    kept = [term for term in terms.values() if 2 <= len(term) <= 4]
    present = sorted(set().union(*kept))
    similar = cosine_similarity(x[[names.index(name) for name in present]])
    pairs = [(i, j) for i in range(len(present)) for j in range(i)]
    truth = [any({present[i], present[j]} <= term for term in kept) for i, j in pairs]
    expected = average_precision_score(truth, np.round([similar[pair] for pair in pairs], 9))
    assert result.value == pytest.approx(expected, abs=1e-12)
    assert result.facts["n_positive_pairs"] == sum(truth)


def test_order_and_gain_do_not_matter() -> None:
    names, standard = grouped(8, 4)
    x = clustered(8, 4, noise=1)
    expected = score(x, names, standard, n_bootstrap=50)
    order = np.random.default_rng(1).permutation(len(names))
    assert same(score(x[order], [names[i] for i in order], standard, n_bootstrap=50), expected)
    gains = np.random.default_rng(2).uniform(0.01, 100, (len(names), 1))
    assert score(x * gains, names, standard).value == pytest.approx(expected.value, abs=1e-9)
    assert score(x + 3, names, standard).value != pytest.approx(expected.value, abs=1e-3)


def test_the_interval_holds_the_value_and_shrinks_with_more_proteins() -> None:
    widths = []
    for size in (4, 16, 64):
        names, standard = grouped(6, size)
        result = score(clustered(6, size, noise=1), names, standard, n_bootstrap=300)
        assert result.ci_low < result.value < result.ci_high
        widths.append(result.ci_high - result.ci_low)
    assert widths[0] > widths[1] > widths[2]
    wider = score(clustered(6, 4, noise=1), *grouped(6, 4), n_bootstrap=300, confidence=0.99)
    assert wider.ci_high - wider.ci_low > widths[0]


def test_the_same_call_gives_the_same_numbers_and_is_quick() -> None:
    names, standard = grouped(12, 4)
    x = clustered(12, 4, noise=1)
    started = time.process_time()
    result = score(x, names, standard, n_bootstrap=500)
    assert time.process_time() - started < 2
    assert same(score(x, names, standard, n_bootstrap=500), result)
    assert score(x, names, standard, n_bootstrap=500, seed=1).ci_low != result.ci_low


def test_term_sizes_count_profiled_members() -> None:
    standard = make_standard({"a": {"1", "2", "9"}, "b": {"1", "8"}, "c": {"1", "2", "3", "4"}})
    limits = profiled_terms(standard, ["1", "2", "3", "4"], min_term_size=2, max_term_size=3)
    assert limits.terms == {"a": {"1", "2"}}
    assert (limits.n_too_small, limits.n_too_large) == (1, 1)


@pytest.mark.parametrize(
    ("terms", "names", "said"),
    [
        (
            {"t": {"x", "y"}},
            "abc",
            r"'made' has none .*: 2, e\.g\. 'x', in the standard, 3, e\.g\. 'a', profiled; use the same ids",
        ),
        ({"t": {"a", "y"}}, "abc", r"none of its 1 terms has 2 to 300 profiled members \(1 have fewer\)"),
        ({"t": {"a", "b", "c"}}, "abc", "all of the 3 pairs of 3 profiled proteins share a term"),
        ({"t": {"a", "b"}}, "aab", "protein 'a' has more than one profile"),
        ({"t": {"a", "n"}, "u": {"b", "c"}}, "abcn", "profile of protein 'n' has values that are not finite"),
        ({"t": {"a", "z"}, "u": {"b", "c"}}, "abcz", "profile of protein 'z' has only zeros"),
    ],
)
def test_what_cannot_be_scored_is_said_in_one_line(terms: dict[str, set[str]], names: str, said: str) -> None:
    rows = {"n": [np.nan, 1.0], "z": [0.0, 0.0]}
    x = np.array([rows.get(name, [1.0, ord(name)]) for name in names])
    with pytest.raises(InputError, match=said) as error:
        score(x, list(names), make_standard(terms))
    assert "\n" not in str(error.value)


def test_limits_of_one_member_leave_no_positive_pair() -> None:
    with pytest.raises(InputError, match="none of the 1 pairs of 2 profiled proteins shares a term"):
        score(np.eye(2), ["a", "b"], make_standard({"t": {"a"}, "u": {"b"}}), min_term_size=1)


def test_a_published_table_of_features_knows_complexes() -> None:
    features = DATA / "embeddings_yeast" / "ALP3_averaged_features.txt.gz"
    complexes = DATA / "standards_yeast" / "cyc2008_complexes.gmt"
    if not (features.is_file() and complexes.is_file()):
        pytest.skip(f"needs {features} and {complexes} (set MULTISCOPE_DATA)")
    with gzip.open(features, "rt") as file:
        table = pd.read_csv(file, sep="\t", index_col=0, dtype={0: str})
    x = ((table - table.mean()) / table.std()).fillna(0).to_numpy()
    names = table.index.tolist()
    standard = read_gmt(complexes, name="cyc2008", scale="complex")
    result = score(x, names, standard, n_bootstrap=50)
    assert result.facts["n_positive_pairs"] == 5934
    assert result.ci_low > 2 * result.chance
    shuffled = score(np.random.default_rng(0).permutation(x), names, standard)
    assert shuffled.value < result.value / 2


def test_places_alone_are_worth_nothing_within_places() -> None:
    """Terms lie within two places: profiles of places score well overall and at chance within."""
    names, standard = grouped(6, 5)
    place = np.repeat(["nucleus", "vacuole"], 15)
    limits = profiled_terms(standard, names, min_term_size=2, max_term_size=300)
    jitter = 1e-3 * np.random.default_rng(0).normal(size=(30, 8))
    of_places = np.repeat(np.eye(8)[:2], 15, axis=0) + jitter
    of_terms = np.repeat(np.eye(8)[:6], 5, axis=0) + jitter
    settings: dict[str, Any] = {"n_bootstrap": 200, "confidence": 0.95}
    knows_places, knows_terms = (coannotation_within(x, limits, place, **settings) for x in (of_places, of_terms))
    assert knows_places.chance == pytest.approx(chance_precision(30, 105))
    assert coannotation(of_places, limits, **settings).value > 1.5 * coannotation(of_places, limits, **settings).chance
    assert knows_places.ci_low < knows_places.chance + 0.1 < knows_places.value + 0.2
    assert (knows_terms.value, knows_terms.ci_low) == (1, 1)
    for nowhere in ([""] * 30, np.repeat([f"p{i}" for i in range(6)], 5)):
        with pytest.raises(InputError, match="no place has pairs that share a term and pairs that do not"):
            coannotation_within(of_terms, limits, nowhere, **settings)


def test_within_places_is_the_weighted_mean_over_places() -> None:
    rng = np.random.default_rng(3)
    names, standard = grouped(5, 6)
    limits = profiled_terms(standard, names, min_term_size=2, max_term_size=300)
    x, place = rng.normal(size=(30, 6)), rng.choice(["a", "b", "c|a", ""], 30)
    found = coannotation_within(x, limits, place, n_bootstrap=20, confidence=0.9)
    parts, weights = [], []
    for name in ("a", "b", "c|a"):
        rows = np.flatnonzero(place == name)
        first, second = np.triu_indices(len(rows), 1)
        truth = (rows // 6)[first] == (rows // 6)[second]
        if truth.any() and not truth.all():
            parts.append(average_precision_score(truth, cosine_similarity(x[rows])[first, second]))
            weights.append(truth.sum())
    assert found.value == pytest.approx(np.average(parts, weights=weights), abs=1e-9)
    assert found.facts["n_positive_pairs"] == sum(weights)
