"""AMI of every cut, against scikit-learn's of each one."""

from fractions import Fraction
from math import comb, log

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score

from multiscope.evaluate.scores.dendrogram import Dendrogram, condensed_distances, dendrogram
from multiscope.evaluate.scores.mutual_information import ExpectedInformation, adjusted_mutual_information


def tree_of(seed: int, n: int) -> Dendrogram:
    x = np.random.default_rng(seed).normal(size=(n, 2))
    return dendrogram(condensed_distances(x, np.arange(n), "euclidean"), "average")


def ami(tree: Dendrogram, modules: npt.NDArray[np.int64], cuts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    expected = ExpectedInformation(np.unique(modules, return_counts=True)[1])
    return adjusted_mutual_information(tree, modules, cuts, expected)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 40), kind=st.sampled_from(["random", "one", "singletons"]))
def test_every_cut_equals_scikit_learn(seed: int, n: int, kind: str) -> None:
    rng, tree = np.random.default_rng(seed), tree_of(seed, n)
    modules = {
        "random": rng.integers(0, rng.integers(1, n + 1), n),
        "one": np.zeros(n, int),
        "singletons": rng.permutation(n),
    }
    found = ami(tree, modules[kind], np.arange(n))
    expected = [adjusted_mutual_info_score(modules[kind], tree.labels(cut)) for cut in range(n)]
    assert found == pytest.approx(expected, abs=1e-9)


def test_large_partitions_equal_scikit_learn() -> None:
    rng, tree = np.random.default_rng(0), tree_of(0, 3000)
    modules = rng.integers(0, 300, 3000) ** 2 // 300
    cuts = np.array([0, 1, 100, 1500, 2900, 2990, 2998, 2999])
    expected = [adjusted_mutual_info_score(modules, tree.labels(cut)) for cut in cuts]
    assert ami(tree, modules, cuts) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("cut", [3, 60, 115])
def test_a_cut_against_itself_is_exactly_one(cut: int) -> None:
    tree = tree_of(1, 120)
    assert ami(tree, tree.labels(cut), np.arange(120))[cut] == 1


def test_one_cluster_and_all_apart_are_worth_nothing() -> None:
    found = ami(tree_of(2, 30), np.repeat(np.arange(10), 3), np.array([0, 29]))
    assert found.tolist() == [0, 0]


def test_repeated_cuts_score_the_same() -> None:
    found = ami(tree_of(3, 30), np.repeat(np.arange(10), 3), np.array([5, 5, 20, 20, 20]))
    assert len(np.unique(found)) == 2


@pytest.mark.parametrize(("a", "b", "n"), [(1, 1, 1), (1, 5, 9), (4, 5, 9), (7, 6, 9), (9, 2, 9), (30, 40, 60)])
def test_what_chance_gives_a_cluster_and_a_module_equals_exact_fractions(a: int, b: int, n: int) -> None:
    ways = {k: Fraction(comb(b, k) * comb(n - b, a - k), comb(n, a)) for k in range(1, min(a, b) + 1)}
    exact = sum(float(p * k / n) * log(n * k / (a * b)) for k, p in ways.items())
    module = ExpectedInformation(np.array([b] + [1] * (n - b)))
    alone = ExpectedInformation(np.ones(n, dtype=np.int64))
    rest = (n - b) * alone.of(np.array([a]))[0] / n
    assert module.of(np.array([a, a]))[1] - rest == pytest.approx(exact, abs=1e-13)


def test_chance_does_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, asked = np.array([1, 2, 3, 50]), np.arange(1, 57)
    expected = ExpectedInformation(sizes).of(asked)
    monkeypatch.setattr("multiscope.evaluate.scores.mutual_information._BLOCK", 1)
    assert ExpectedInformation(sizes).of(asked) == pytest.approx(expected, abs=1e-15)
