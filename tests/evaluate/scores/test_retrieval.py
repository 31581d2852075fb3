"""Retrieval: known answers, copairs and scikit-learn as independent implementations, bootstrap over fields."""

import numpy as np
import pandas as pd
import pytest
from copairs.map import average_precision as copairs_average_precision
from sklearn.metrics import average_precision_score
from sklearn.metrics.pairwise import cosine_similarity

from multiscope.errors import InputError
from multiscope.evaluate.scores import retrieval as module
from multiscope.evaluate.scores.ranking import chance_precision
from multiscope.evaluate.scores.retrieval import Cells, Retrieval, query_precision, retrieval


def make_cells(side: str, *, n_proteins: int = 5, n_fields: int = 3, per_field: int = 4, noise: float = 1.0) -> Cells:
    centres = np.random.default_rng(0).normal(size=(n_proteins, 8))
    rng = np.random.default_rng(1 if side == "query" else 2)
    protein = np.repeat(np.arange(n_proteins), n_fields * per_field)
    field = [f"{side}_{p}_{i // per_field % n_fields}" for i, p in enumerate(protein)]
    x = centres[protein] + noise * rng.normal(size=(len(protein), 8))
    return Cells(x, np.array([f"p{p}" for p in protein]), np.array(field))


def score(query: Cells, reference: Cells, n_bootstrap: int = 100) -> Retrieval:
    return retrieval(query, reference, n_bootstrap=n_bootstrap, confidence=0.95)


def test_separate_proteins_are_found() -> None:
    result = score(make_cells("query", noise=1e-6), make_cells("reference", noise=1e-6))
    assert (result.value, result.ci_low, result.ci_high) == (1, 1, 1)
    assert result.chance == pytest.approx(chance_precision(12, 60))
    assert (result.n_proteins, result.n_query_cells, result.n_reference_cells) == (5, 60, 60)


def test_cells_of_noise_score_chance() -> None:
    rng = np.random.default_rng(0)
    size = {"n_proteins": 4, "n_fields": 5, "per_field": 20}
    sides = [make_cells(side, **size) for side in ("query", "reference")]
    query, reference = (Cells(rng.normal(size=(400, 8)), side.protein, side.field) for side in sides)
    result = score(query, reference)
    assert result.value == pytest.approx(result.chance, abs=0.03)


def test_few_cells_of_noise_score_chance_and_not_above() -> None:
    """The share of own cells is a third below what rankings of so few give."""
    sides = [make_cells(side, n_proteins=12, n_fields=2, per_field=3) for side in ("query", "reference")]
    values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        query, reference = (Cells(rng.normal(size=(72, 8)), side.protein, side.field) for side in sides)
        result = score(query, reference, n_bootstrap=1)
        values.append(result.value)
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values) - result.chance) < 4 * error
    assert result.chance > 1.4 * 6 / 72


@pytest.mark.parametrize("block", [1, 500, 2**22])
def test_each_query_equals_sklearn_also_with_ties(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    query, reference = make_cells("query"), make_cells("reference")
    query = Cells(np.sign(query.x), query.protein, query.field)
    reference = Cells(np.sign(reference.x), reference.protein, reference.field)
    found = query_precision(query, reference)
    similar = np.round(cosine_similarity(query.x, reference.x), 6)
    for protein, row, ap in zip(query.protein, similar, found, strict=True):
        assert ap == pytest.approx(average_precision_score(reference.protein == protein, row), abs=1e-12)


def test_each_query_equals_copairs() -> None:
    query, reference = make_cells("query"), make_cells("reference")
    meta = pd.DataFrame(
        {
            "protein": np.concatenate([query.protein, reference.protein]),
            "side": ["query"] * len(query) + ["reference"] * len(reference),
        }
    )
    table = copairs_average_precision(
        meta,
        np.concatenate([query.x, reference.x]),
        pos_sameby=["protein"],
        pos_diffby=["side"],
        neg_sameby=[],
        neg_diffby=["protein", "side"],
        progress_bar=False,
    )
    theirs = table.loc[table["side"] == "query"].sort_index()["average_precision"].to_numpy(dtype=float)
    np.testing.assert_allclose(query_precision(query, reference), theirs, atol=1e-9)
    means = pd.Series(theirs).groupby(query.protein).mean()
    assert score(query, reference).value == pytest.approx(means.mean(), abs=1e-9)


def test_order_and_gain_do_not_matter() -> None:
    query, reference = make_cells("query"), make_cells("reference")
    rng = np.random.default_rng(0)
    expected = score(query, reference)
    mixed = [Cells(c.x[o] * 7, c.protein[o], c.field[o]) for c in (query, reference) for o in [rng.permutation(len(c))]]
    found = score(mixed[0], mixed[1])
    assert found.value == pytest.approx(expected.value, abs=1e-9)
    assert (found.ci_low, found.ci_high) == pytest.approx((expected.ci_low, expected.ci_high), abs=1e-9)


def test_proteins_count_alike_however_many_cells_they_have() -> None:
    query, reference = make_cells("query"), make_cells("reference")
    few = np.ones(len(query), dtype=bool)
    few[1:12] = False  # of the first protein one query cell is left
    each = query_precision(query.rows(few), reference)
    means = [each[query.protein[few] == name].mean() for name in np.unique(query.protein)]
    assert score(query.rows(few), reference).value == pytest.approx(np.mean(means))


def test_the_interval_is_over_fields_and_shrinks_with_more_of_them() -> None:
    widths = []
    for n_fields in (2, 8, 32):
        query = make_cells("query", n_fields=n_fields, noise=2)
        result = score(query, make_cells("reference", noise=2), n_bootstrap=300)
        assert result.ci_low < result.value < result.ci_high
        widths.append(result.ci_high - result.ci_low)
    assert widths[0] > widths[1] > widths[2]
    one_field = Cells(query.x, query.protein, np.full(len(query), "f"))
    assert np.isnan(score(one_field, make_cells("reference")).ci_low)


def test_queries_without_a_mate_are_left_out() -> None:
    query, reference = make_cells("query"), make_cells("reference")
    result = score(query, reference.rows(reference.protein != "p0"))
    assert (result.n_proteins, result.n_query_cells) == (4, 48)
    assert result.chance == pytest.approx(chance_precision(12, 48))


def test_what_cannot_be_retrieved_is_said() -> None:
    query, reference = make_cells("query"), make_cells("reference")
    with pytest.raises(InputError, match="no query cell has a reference cell"):
        score(query.rows(query.protein == "p0"), reference.rows(reference.protein != "p0"))
    with pytest.raises(InputError, match="field 'query_0_0' has query and reference cells"):
        score(query, query)
    with pytest.raises(InputError, match="of protein 'p0', so there is nothing to rank"):
        score(query, reference.rows(reference.protein == "p0"))
    with pytest.raises(InputError, match="a cell in field 'query_0_0' has only zeros"):
        score(Cells(query.x * 0, query.protein, query.field), reference)
