"""Dendrograms: every cut as SciPy cuts it, pairs and parts counted as by walking, equal rows, memory."""

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from multiscope.errors import InputError
from multiscope.evaluate.scores import dendrogram as module
from multiscope.evaluate.scores.dendrogram import Dendrogram, Distance, Linkage, condensed_distances, dendrogram

LINKAGES: list[Linkage] = ["average", "single", "complete"]
DISTANCES: list[Distance] = ["cosine", "euclidean"]
PROFILES = st.builds(
    lambda seed, n, ties: made(seed, n, ties), st.integers(0, 10**6), st.integers(2, 25), st.booleans()
)


def made(seed: int, n: int, ties: bool) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return rng.integers(1, 4, (n, 2)).astype(float) if ties else rng.normal(size=(n, 3))


def tree_of(x: npt.NDArray[np.float64], kind: Linkage = "average", distance: Distance = "euclidean") -> Dendrogram:
    return dendrogram(condensed_distances(x, np.arange(len(x)), distance), kind)


def partition(labels: npt.NDArray[np.int64]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@pytest.mark.parametrize("kind", LINKAGES)
@pytest.mark.parametrize("distance", DISTANCES)
@given(x=PROFILES)
def test_every_cut_is_that_of_scipy(kind: Linkage, distance: Distance, x: npt.NDArray[np.float64]) -> None:
    condensed = condensed_distances(x, np.arange(len(x)), distance)
    tree, merges = dendrogram(condensed, kind), linkage(condensed, kind)
    merges[:, 2] = np.round(merges[:, 2], 10)
    heights = np.unique(np.concatenate([[0], merges[:, 2], np.linspace(0, merges[-1, 2], 7)]))
    found = [tree.labels(int(number)) for number in tree.merges_at(heights)]
    for height, labels in zip(heights, found, strict=True):
        assert partition(labels) == partition(fcluster(merges, height, "distance"))
    assert np.unique(tree.merges_at(heights)).tolist() == tree.cuts.tolist()


@pytest.mark.parametrize("block", [1, 7, 2**22])
@given(x=PROFILES)
def test_distances_are_those_of_scipy(block: int, x: npt.NDArray[np.float64]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        cosine, euclidean = (condensed_distances(x, np.arange(len(x)), distance) for distance in DISTANCES)
    assert cosine == pytest.approx(pdist(x, "cosine"), abs=1e-11)
    expected = pdist(x)
    usual = np.sqrt(np.mean(expected**2)) or 1
    assert euclidean**2 == pytest.approx((expected / usual) ** 2, abs=1e-11)
    assert not euclidean[expected == 0].any()


def test_equal_rows_are_at_no_distance_however_far_from_zero() -> None:
    x = np.repeat(np.random.default_rng(0).normal(size=(20, 30)) + 1e4, 5, axis=0)
    for distance in DISTANCES:
        assert (condensed_distances(x, np.arange(100), distance) == 0).sum() >= 20 * 10
    assert not condensed_distances(np.ones((4, 3)), np.arange(4), "euclidean").any()


@given(x=PROFILES, seed=st.integers(0, 10**6))
def test_pairs_join_where_their_labels_become_equal(x: npt.NDArray[np.float64], seed: int) -> None:
    tree = tree_of(x)
    first, second = np.triu_indices(tree.n, 1)
    labels = [tree.labels(number) for number in range(tree.n)]
    for a, b, merge in zip(first, second, tree.joining(second, first), strict=True):
        assert labels[merge][a] != labels[merge][b]
        assert labels[merge + 1][a] == labels[merge + 1][b]
    chosen = np.random.default_rng(seed).random(tree.n) < 0.5
    pairs = np.append(0, np.cumsum(np.prod(tree.counts(chosen), axis=0)))
    expected = [(label[first] == label[second])[chosen[first] & chosen[second]].sum() for label in labels]
    assert pairs.tolist() == expected


@given(x=PROFILES, seed=st.integers(0, 10**6))
def test_totals_are_sums_over_clusters_and_over_their_shares_of_modules(x: npt.NDArray[np.float64], seed: int) -> None:
    tree, rng = tree_of(x), np.random.default_rng(seed)
    modules = rng.integers(0, rng.integers(1, tree.n + 1), tree.n)
    cuts = np.sort(rng.integers(0, tree.n, 5))
    counts = [np.unique(tree.labels(cut), return_counts=True)[1] for cut in cuts]
    squares = [float((count**2).sum()) for count in counts]
    assert tree.totals(cuts, lambda sizes: np.square(sizes, dtype=float)).tolist() == squares
    merge, left, right = tree.shares(modules)
    gained = np.append(0, np.cumsum(np.bincount(merge, 2 * left * right, minlength=tree.n - 1)))
    for cut in cuts:
        shares = np.unique(modules * tree.n + tree.labels(cut), return_counts=True)[1]
        assert gained[cut] + tree.n == (shares**2).sum()


def test_only_sizes_at_the_cuts_are_asked_for() -> None:
    asked: list[int] = []

    def of_size(sizes: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        asked.extend(sizes.tolist())
        return np.ones(len(sizes))

    tree = tree_of(np.arange(16.0)[:, None] ** 2, "single")
    assert tree.totals(np.array([0, 15]), of_size).tolist() == [16, 1]
    assert sorted(asked) == [1, 16]


def test_a_single_leaf_and_a_single_merge() -> None:
    leaf = tree_of(np.ones((1, 2)))
    assert (leaf.n, leaf.cuts.tolist(), leaf.labels(0).tolist()) == (1, [0], [0])
    two = tree_of(np.array([[0.0], [1.0]]))
    assert (two.cuts.tolist(), two.joining(np.array([1]), np.array([0])).tolist()) == ([0, 1], [0])
    assert tree_of(np.ones((3, 2))).cuts.tolist() == [2]


@pytest.mark.parametrize("distance", DISTANCES)
def test_profiles_without_a_distance_are_named_in_one_line(distance: Distance) -> None:
    with pytest.raises(InputError, match="the profile of protein 'b' has values that are not finite") as error:
        condensed_distances(np.array([[1.0], [np.nan]]), ["a", "b"], distance)
    assert "\n" not in str(error.value)


def test_memory_is_two_condensed_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    n = 2000
    x = np.random.default_rng(0).normal(size=(n, 8))
    monkeypatch.setattr(module, "_BLOCK", 2**14)
    tracemalloc.start()
    for distance in DISTANCES:
        tree_of(x, "average", distance)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # SciPy tests in between whether all are finite, a byte a pair
    assert peak < 2.2 * 8 * n * (n - 1) / 2 + 2**20
