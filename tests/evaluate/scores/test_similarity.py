"""Similarities: scipy as an independent implementation, known ranges, ties, what has no similarity."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

from multiscope.errors import InputError
from multiscope.evaluate.scores import similarity as module
from multiscope.evaluate.scores.similarity import Prepared, Similarity, prepare

ALL: list[Similarity] = ["cosine", "pearson", "spearman", "euclidean"]


def make(n: int = 30, d: int = 7, seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(n, d)) + 0.5


def ready(x: npt.NDArray[np.float64], similarity: Similarity) -> Prepared:
    return prepare(x, [f"p{i}" for i in range(len(x))], similarity)


def whole(x: npt.NDArray[np.float64], similarity: Similarity) -> npt.NDArray[np.float64]:
    return ready(x, similarity).block(0, len(x))


def test_each_equals_scipy() -> None:
    x = make()
    np.testing.assert_allclose(whole(x, "cosine"), 1 - squareform(pdist(x, "cosine")), atol=1e-11)
    np.testing.assert_allclose(whole(x, "pearson"), np.corrcoef(x), atol=1e-11)
    np.testing.assert_allclose(whole(x, "spearman"), spearmanr(x, axis=1).statistic, atol=1e-11)
    distance = squareform(pdist(x))
    usual = np.mean(pdist(x) ** 2)
    np.testing.assert_allclose(whole(x, "euclidean"), 1 / (1 + distance**2 / usual), atol=1e-11)


def test_euclidean_ranks_as_the_distance_and_knows_no_unit() -> None:
    x = make(d=200)
    upper = np.triu_indices(len(x), 1)
    near = whole(x, "euclidean")[upper]
    assert (np.argsort(-near) == np.argsort(pdist(x))).all()
    np.testing.assert_allclose(whole(1e-9 * x + 3, "euclidean")[upper], near, atol=1e-4)
    np.testing.assert_allclose(whole(1e200 * x, "euclidean")[upper], near, atol=1e-11)


@pytest.mark.parametrize("similarity", ALL)
@pytest.mark.parametrize("n", [2, 9, 130])
def test_equal_rows_tie_and_the_range_holds(similarity: Similarity, n: int) -> None:
    x = make(n)
    x = np.concatenate([x, 1e6 * x[:1] + 1, x, x[::-1], -x])
    found, prepared = whole(x, similarity), ready(x, similarity)
    assert prepared.low <= found.min()
    assert found.max() <= prepared.high
    assert (np.diag(found) == prepared.high).all()
    for copy in (slice(n + 1, 2 * n + 1), slice(3 * n, 2 * n, -1)):
        assert (found[:, :n] == found[:, copy]).all()
        assert (found[:n] == found[copy]).all()


@pytest.mark.parametrize("similarity", ALL)
def test_blocks_are_the_whole(similarity: Similarity, monkeypatch: pytest.MonkeyPatch) -> None:
    x = make(23)
    expected = whole(x, similarity)
    monkeypatch.setattr(module, "_BLOCK", 100)
    prepared = ready(x, similarity)
    parts = list(prepared.blocks())
    assert len(parts) == 6
    assert [rows.start for rows, _ in parts] == list(range(0, 23, 4))
    assert (np.concatenate([part for _, part in parts]) == expected).all()


def test_pearson_and_spearman_do_not_mind_offsets() -> None:
    x = make()
    moved = x * 7 + np.arange(len(x))[:, None]
    np.testing.assert_allclose(whole(moved, "pearson"), whole(x, "pearson"), atol=1e-10)
    assert (whole(np.exp(x), "spearman") == whole(x, "spearman")).all()


@pytest.mark.parametrize("similarity", ALL)
def test_what_has_no_similarity_is_said(similarity: Similarity) -> None:
    x = make()
    x[3, 2] = np.nan
    with pytest.raises(InputError, match="protein 'p3' has values that are not finite"):
        ready(x, similarity)
    if similarity in ("pearson", "spearman"):
        x[3] = 0.1
        with pytest.raises(InputError, match="protein 'p3' has the same value in all 7 features"):
            ready(x, similarity)
    if similarity == "cosine":
        x[3] = 0
        with pytest.raises(InputError, match="protein 'p3' has only zeros"):
            ready(x, similarity)
    if similarity == "euclidean":
        with pytest.raises(InputError, match="all 4 profiles are equal"):
            ready(np.ones((4, 3)), similarity)
