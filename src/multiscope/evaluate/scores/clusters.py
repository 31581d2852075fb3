"""Pairwise F: are proteins that share a cluster those that share a term?

Hard clusters, as the F-score of a published comparison of yeast embeddings must have been: its values are below what
the best point of a pair ranking with their average precision reaches.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.evaluate.scores.dendrogram import Dendrogram, condensed_distances, dendrogram
from multiscope.evaluate.scores.halves import tuning_half
from multiscope.evaluate.scores.members import ProfiledTerms
from multiscope.evaluate.scores.ranking import Bools, Floats, Ints, interval, resample
from multiscope.evaluate.scores.score import Score

Values = npt.NDArray[np.float64]
_BLOCK = 2**22


def pairwise_f(profiles: Floats, limits: ProfiledTerms, *, n_bootstrap: int, confidence: float, seed: int) -> Score:
    """Metric `f` of `profiles` (n, d), a row a protein of `limits.proteins`: F1 of co-clustered for co-annotated pairs.

    All proteins are clustered by cosine and average linkage. The cut, of all that the tree has, is the best for pairs
    within the tuning half of the proteins; the value is that of pairs within the other half. Chance is what a random
    partition with the same sizes scores on average, 2 c p / (c + p), where c and p are the shares of co-clustered and
    of co-annotated pairs; it is at most 2 p / (1 + p), with one cluster. The interval is a percentile bootstrap over
    the proteins of the other half with the clusters as they are: a pair weighs the product of its proteins' counts.
    Profiles without a cosine, and a half without a positive pair, are `InputError`s.
    """
    tree = dendrogram(condensed_distances(profiles, limits.proteins, "cosine"), "average")
    tuning = tuning_half(limits.proteins)
    tuned, scored = (_together(tree, limits, half) for half in (tuning, ~tuning))
    if not tuned[-1, 1] or not scored[-1, 1]:
        raise InputError(
            f"standard '{limits.standard}': half of its {len(limits.proteins)} profiled proteins has no pair that "
            "shares a term, so no cut can be chosen on the other half; leave out the score f, or profile more proteins"
        )
    cuts = tree.cuts
    merges = int(cuts[_f(tuned[cuts, 0], tuned[cuts, 1], tuned[-1, 1]).argmax()])
    (clustered, true), positive = scored[merges], scored[-1, 1]
    draws = _draws(limits, np.flatnonzero(~tuning), tree.labels(merges), n_bootstrap, seed)
    facts = {
        "cut": float(tree.heights[merges - 1]) if merges else 0.0,
        "n_clusters": tree.n - merges,
        "precision": float(true / clustered) if clustered else float("nan"),
        "recall": float(true / positive),
        "n_positive_pairs": int(positive),
    }
    chance = _f(clustered, positive * clustered / scored[-1, 0], positive)
    return Score("f", float(_f(clustered, true, positive)), *interval(draws, confidence), float(chance), draws, facts)


def _f(clustered: npt.ArrayLike, true: npt.ArrayLike, positive: npt.ArrayLike) -> Values:
    """F1 = 2 true / (clustered + positive); NaN where nothing is positive."""
    true, positive = np.asarray(true, dtype=np.float64), np.asarray(positive, dtype=np.float64)
    out = np.full(np.broadcast(true, positive).shape, np.nan)
    return np.asarray(np.divide(2 * true, clustered + positive, out=out, where=positive > 0))


def _together(tree: Dendrogram, limits: ProfiledTerms, half: Bools) -> Ints:
    """Pairs within `half` (n,) in one cluster, and how many of them share a term, after 0 ... n - 1 merges, (n, 2)."""
    left, right = tree.counts(half)
    positive = np.zeros(tree.n - 1, dtype=np.int64)
    rows = np.flatnonzero(half)
    for start, shared in _shared(limits, rows):
        first, second = np.nonzero(np.triu(shared, start + 1))
        positive += np.bincount(tree.joining(rows[first + start], rows[second]), minlength=tree.n - 1)
    steps = np.column_stack([left * right, positive])
    return np.vstack([[0, 0], np.cumsum(steps, axis=0)])


def _shared(limits: ProfiledTerms, rows: Ints) -> Iterator[tuple[int, Bools]]:
    """Some of `rows` (m,) at a time: the first, and which of them share a term with which of all, (few, m)."""
    member = limits.member[rows]
    size = max(1, _BLOCK // max(1, len(rows)))
    for start in range(0, len(rows), size):
        yield start, (member[start : start + size] @ member.T).toarray() > 0


def _draws(limits: ProfiledTerms, rows: Ints, cluster: Ints, n_bootstrap: int, seed: int) -> Values:
    """F of pairs of `rows` (m,) for resampled rows, (n_bootstrap,); `cluster` (n,) of each protein."""
    weight = resample(len(rows), n_bootstrap, seed).T.astype(np.float32)
    cluster = np.unique(cluster[rows], return_inverse=True)[1]
    in_cluster = np.zeros((cluster.max() + 1, n_bootstrap))
    np.add.at(in_cluster, cluster, weight)
    # each pair twice; sums of small counts are exact in float32
    clustered = np.square(in_cluster).sum(axis=0) - np.square(weight, dtype=np.float64).sum(axis=0)
    true, positive = np.zeros(n_bootstrap), np.zeros(n_bootstrap)
    for start, shared in _shared(limits, rows):
        here = np.arange(start, start + len(shared))
        shared[here - start, here] = False
        for total, pairs in ((positive, shared), (true, shared & (cluster[here, None] == cluster))):
            total += np.einsum("ij,ij->j", pairs.astype(np.float32) @ weight, weight[here], dtype=np.float64)
    return _f(clustered, true, positive)
