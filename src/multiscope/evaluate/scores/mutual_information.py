"""Adjusted mutual information of a partition and every cut of a dendrogram (Vinh, Epps and Bailey 2010).

AMI = (I - E) / (mean of the two entropies - E), where E is the mutual information that random partitions with the same
sizes have on average; in nats, as `adjusted_mutual_info_score` of scikit-learn. E is a sum over pairs of a cluster and
a module of a term that depends on their sizes alone, so a cut's E is the sum over its clusters of what one cluster of
that size contributes, which many cuts of many dendrograms share.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from multiscope.evaluate.scores.dendrogram import Dendrogram
from multiscope.evaluate.scores.ranking import Ints

_DECIMALS = 12
_BLOCK = 2**20


class ExpectedInformation:
    """What a cluster of some size adds to the mutual information that chance gives with modules of given sizes."""

    def __init__(self, module_sizes: Ints) -> None:
        """`module_sizes` (n_modules,), at least 1 each; their sum is the number of things."""
        self.n = int(module_sizes.sum())
        self._sizes, self._counts = np.unique(module_sizes, return_counts=True)
        self._log_factorial = gammaln(np.arange(self.n + 1) + 1.0)
        self._log = np.log(np.maximum(np.arange(self.n + 1), 1))
        self._known = np.full(self.n + 1, np.nan)

    def of(self, sizes: Ints) -> npt.NDArray[np.float64]:
        """Contribution of one cluster of each of `sizes` (m,), each from 1 to n, in nats."""
        new = np.unique(sizes[np.isnan(self._known[sizes])])
        if len(new):
            pairs = np.array([self._pair(new, int(size)) for size in self._sizes])
            self._known[new] = self._counts @ pairs
        return self._known[sizes]

    def _pair(self, sizes: Ints, module: int) -> npt.NDArray[np.float64]:
        """Sum over k of P(k) k / n log(n k / (a b)) for clusters of a = `sizes` (m,) and one module of b = `module`.

        P is the hypergeometric distribution of how many of the module's b are in a cluster of a, of n.
        """
        step = max(1, _BLOCK // (module + 1))
        parts = [self._block(sizes[start : start + step], module) for start in range(0, len(sizes), step)]
        return np.concatenate(parts)

    def _block(self, sizes: Ints, module: int) -> npt.NDArray[np.float64]:
        f, n = self._log_factorial, self.n
        a, k = sizes[:, None], np.arange(1, min(module, int(sizes.max())) + 1)
        possible = (k <= a) & (k >= a + module - n)
        outside = np.where(possible, n - a - module + k, 0)
        of_a = f[sizes] + f[n - sizes] + (f[module] + f[n - module] - f[n])
        log_p = of_a[:, None] - f[k] - f[module - k] - f[np.where(possible, a - k, 0)] - f[outside]
        p = np.where(possible, np.exp(np.where(possible, log_p, 0)), 0)
        gain = (self._log[n] - self._log[module]) + self._log[k] - self._log[sizes][:, None]
        return np.asarray(np.einsum("ij,ij->i", p, k * gain) / n)


def adjusted_mutual_information(
    tree: Dendrogram, modules: Ints, cuts: Ints, expected: ExpectedInformation
) -> npt.NDArray[np.float64]:
    """AMI of `modules` (n,), the module of each leaf, and each of `cuts` (m,), rising numbers of merges.

    To 12 decimals, so that a perfect cut scores 1 and equal cuts tie. As in scikit-learn 1 where both partitions are
    one cluster and 0 where one of them is. `expected` is of the sizes of these modules.
    """
    n, sizes = tree.n, np.unique(modules, return_counts=True)[1]
    merge, left, right = tree.shares(modules)
    together = np.bincount(merge, _n_log_n(left + right) - _n_log_n(left) - _n_log_n(right), minlength=n - 1)
    joint = np.append(0.0, np.cumsum(together))[cuts] / n
    of_modules, of_clusters = _n_log_n(sizes).sum() / n, tree.totals(cuts, _n_log_n) / n
    chance = tree.totals(cuts, expected.of)
    # entropies are log n less these, and the mutual information is the sum of the two less the joint one
    information = np.log(n) - of_modules - of_clusters + joint
    most = np.log(n) - (of_modules + of_clusters) / 2
    return _ratio(information - chance, most - chance, n - cuts, len(sizes), n)


def _ratio(
    above: npt.NDArray[np.float64], most: npt.NDArray[np.float64], n_clusters: Ints, n_modules: int, n: int
) -> npt.NDArray[np.float64]:
    """`above / most`, and what scikit-learn says where both are zero."""
    same = (n_clusters == n_modules) & ((n_clusters == 1) | (n_clusters == n))
    trivial = same | (n_clusters == 1) | (n_modules == 1) | (n_clusters == n) | (n_modules == n)
    ratio = np.divide(above, most, out=np.zeros_like(above), where=~trivial)
    return np.asarray(np.round(np.where(same, 1.0, ratio), _DECIMALS) + 0.0)


def _n_log_n(sizes: Ints) -> npt.NDArray[np.float64]:
    return np.asarray(sizes * np.log(np.maximum(sizes, 1)))
