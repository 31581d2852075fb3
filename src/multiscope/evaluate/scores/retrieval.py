"""Retrieval: are the cells nearest to a cell of a protein, in other fields, cells of the same protein?

Mean average precision as in copairs (Kalinin et al. 2025): each query cell ranks all reference cells by cosine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from multiscope.errors import InputError
from multiscope.evaluate.scores.ranking import (
    Floats,
    Ints,
    average_precision,
    chance_precision,
    cosines,
    interval,
    resample,
    unit_rows,
)

_BLOCK = 2**22


@dataclass(frozen=True)
class Cells:
    """Embeddings of cells, (n, d), with the protein and the field of each, both (n,)."""

    x: Floats
    protein: npt.NDArray[np.str_]
    field: npt.NDArray[np.str_]

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.x)

    def rows(self, keep: npt.NDArray[np.bool_]) -> Cells:
        """The cells where `keep` (n,) is true."""
        return Cells(self.x[keep], self.protein[keep], self.field[keep])


@dataclass(frozen=True)
class Retrieval:
    """Mean over proteins of the mean average precision of their query cells, in [0, 1]."""

    value: float
    ci_low: float
    ci_high: float
    chance: float
    """Mean over proteins of what random rankings of the reference cells give."""
    n_proteins: int
    n_query_cells: int
    n_reference_cells: int


def retrieval(query: Cells, reference: Cells, *, n_bootstrap: int, confidence: float, seed: int = 0) -> Retrieval:
    """Score `query` cells by how high each ranks the `reference` cells of its protein.

    Query cells whose protein has no reference cell are left out. The interval is a percentile bootstrap over the
    fields of the query cells, since cells of a field are not independent; NaN where there is one field only. No query
    left, a field on both sides, or reference cells of one protein only are `InputError`s.
    """
    query = query.rows(np.isin(query.protein, reference.protein))
    _check(query, reference)
    each = query_precision(query, reference)
    proteins, protein = np.unique(query.protein, return_inverse=True)
    own = [int((reference.protein == name).sum()) for name in proteins]
    fields, field = np.unique(query.field, return_inverse=True)
    drawn = resample(len(fields), n_bootstrap, seed) if len(fields) > 1 else np.empty((0, 1), dtype=np.int64)
    low, high = interval(_map(each, protein, field, drawn), confidence)
    return Retrieval(
        value=float(_map(each, protein, field, np.ones((1, len(fields)), dtype=np.int64))[0]),
        ci_low=low,
        ci_high=high,
        chance=float(np.mean(chance_precision(own, len(reference)))),
        n_proteins=len(proteins),
        n_query_cells=len(query),
        n_reference_cells=len(reference),
    )


def query_precision(query: Cells, reference: Cells) -> npt.NDArray[np.float64]:
    """Average precision of each query cell, (n_query,); every protein of a query needs a reference cell."""
    q = unit_rows(query.x, query.field, what="a cell in field")
    r = unit_rows(reference.x, reference.field, what="a cell in field")
    code = np.unique(np.concatenate([query.protein, reference.protein]), return_inverse=True)[1]
    of_query, of_reference = code[: len(q)], code[len(q) :]
    found = np.empty(len(q))
    size = max(1, _BLOCK // len(r))
    for start in range(0, len(q), size):
        for row, scores in enumerate(cosines(q[start : start + size], r), start=start):
            found[row] = average_precision(of_reference == of_query[row], scores)
    return found


def _map(
    each: npt.NDArray[np.float64], protein: Ints, field: Ints, weights: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Mean over proteins of the weighted mean over their queries, for each row of field `weights` (n, n_fields).

    A protein none of whose fields has weight is left out of that row's mean.
    """
    shape = (protein.max() + 1, weights.shape[1])
    sums = sparse.csr_matrix((each, (protein, field)), shape=shape) @ weights.T
    counts = sparse.csr_matrix((np.ones(len(each)), (protein, field)), shape=shape) @ weights.T
    means = np.divide(sums, counts, out=np.zeros(sums.shape), where=counts > 0)
    return np.asarray(means.sum(axis=0) / (counts > 0).sum(axis=0))


def _check(query: Cells, reference: Cells) -> None:
    if not len(query):
        raise InputError(
            "retrieval: no query cell has a reference cell of its protein; image each protein in more fields"
        )
    both = np.intersect1d(query.field, reference.field)
    if len(both):
        raise InputError(f"retrieval: field '{both[0]}' has query and reference cells; split the data by field")
    if len(np.unique(reference.protein)) < 2:
        raise InputError(
            f"retrieval: all reference cells are of protein '{reference.protein[0]}', so there is nothing to rank; "
            "add proteins"
        )
