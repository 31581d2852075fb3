"""Average precision over pairs equals scikit-learn's, with ties and weights, in blocks, for every similarity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import average_precision_score

from multiscope.evaluate.scores import pairs
from multiscope.evaluate.scores.pairs import pair_precision
from multiscope.evaluate.scores.ranking import resample
from multiscope.evaluate.scores.similarity import prepare


@settings(max_examples=15)
@pytest.mark.parametrize("block", [1, 40, 2**22])
@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
@given(seed=st.integers(0, 10**6), n=st.integers(3, 12), levels=st.integers(2, 50))
def test_it_is_that_of_sklearn_for_every_weighting(block: int, similarity: str, seed: int, n: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, levels, (n, 3)) + np.eye(n, 3) + [1.0, 0, 0]
    member = sparse.csr_matrix((rng.random((n, 4)) < 0.4).astype(np.float32))
    weights = rng.integers(0, 4, (9, n))
    prepared = prepare(x, [str(i) for i in range(n)], similarity)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_BLOCK", block)
        found = pair_precision(prepared, member, weights)
    first, second = np.triu_indices(n, 1)
    truth = ((member @ member.T).toarray() > 0)[first, second]
    score = prepared.block(0, n)[first, second]
    assert (found.n_pairs, found.n_positive) == (len(truth), truth.sum())
    if not truth.any():
        assert np.isnan(found.value) and np.isnan(found.draws).all()
        return
    assert found.value == pytest.approx(average_precision_score(truth, score), abs=1e-9)
    for ap, weight in zip(found.draws, weights, strict=True):
        of_pair = weight[first] * weight[second]
        if of_pair[truth].any():
            assert ap == pytest.approx(average_precision_score(truth, score, sample_weight=of_pair), abs=1e-9)
        else:
            assert np.isnan(ap)


def test_draws_of_many_pairs_are_counted_at_steps_and_hardly_differ() -> None:
    rng = np.random.default_rng(0)
    n, n_terms = 400, 40
    centres = rng.normal(size=(n_terms, 8))
    member = sparse.csr_matrix((rng.random((n, n_terms)) < 1.5 / n_terms).astype(np.float32))
    prepared = prepare(member @ centres + rng.normal(size=(n, 8)), [str(i) for i in range(n)], "cosine")
    drawn = resample(n, 30, seed=0)
    found = pair_precision(prepared, member, drawn)
    first, second = np.triu_indices(n, 1)
    truth, score = ((member @ member.T).toarray() > 0)[first, second], prepared.block(0, n)[first, second]
    assert found.n_positive > pairs._STEPS
    assert found.value == pytest.approx(average_precision_score(truth, score), abs=1e-6)
    exact = [average_precision_score(truth, score, sample_weight=weight[first] * weight[second]) for weight in drawn]
    assert np.abs(found.draws - exact).max() < 0.05 * np.std(exact)
    assert found.weight == pytest.approx([(weight[first] * weight[second])[truth].sum() for weight in drawn])
