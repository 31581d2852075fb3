"""Whether two sets of images look alike: kernel and Fréchet distance of the features of a content network.

"Inception" is in the name of the published scores for the network they took; here it is the project's own content
network, so values are comparable only where the network is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from multiscope.errors import InputError
from multiscope.metrics.intervals import Interval
from multiscope.nn.content import ContentFeatures

Features = npt.NDArray[Any]


@torch.no_grad()
def features_of(network: ContentFeatures, batch: Tensor) -> npt.NDArray[np.float64]:
    """Features (N, D) of images (N, 1, Y, X) in [-1, 1] on the network's device.

    Mean and standard deviation over places of every channel of every layer, layer by layer, the means first.
    """
    pooled = []
    for layer in network(batch):
        pooled += [layer.mean(dim=(2, 3)), layer.std(dim=(2, 3), correction=0)]
    return np.asarray(torch.cat(pooled, dim=1).double().cpu().numpy())


def kid(a: Features, b: Features, *, n: int = 1000, level: float = 0.95, seed: int = 0) -> Interval:
    """Kernel Inception Distance (Binkowski et al. 2018) of features (N, D) and (M, D), with a bootstrap interval.

    The unbiased estimate of the squared maximum mean discrepancy under the kernel (x . y / D + 1)^3. For two samples of
    one distribution its expectation is 0, so it can be negative. The interval is a percentile bootstrap over images of
    both samples, `n` times; an image is never compared with a copy of itself, so that drawing it twice brings no bias.
    Features are taken as they are: those of a large scale weigh more. Fewer than two images are an `InputError`.
    """
    _check(a, b)
    for sample in (a, b):
        if len(sample) < 2:
            raise InputError(f"KID: a sample has {len(sample)} image, expected at least 2 in each; give more images")
    within = [_kernel(x, x) for x in (a, b)]
    for matrix in within:
        np.fill_diagonal(matrix, 0)
    across = _kernel(a, b)
    weights = [np.ones((1, len(x))) for x in (a, b)]
    value = float(_discrepancy(within, across, weights)[0])
    rng = np.random.default_rng(seed)
    drawn = [rng.multinomial(len(x), np.full(len(x), 1 / len(x)), size=n).astype(np.float64) for x in (a, b)]
    tail = (1 - level) / 2
    found = _discrepancy(within, across, drawn)
    found = found[~np.isnan(found)]  # a sample that holds one image several times has no pair
    low, high = np.quantile(found, [tail, 1 - tail]) if found.size else (np.nan, np.nan)
    return Interval(value, float(low), float(high))


def fid(a: Features, b: Features) -> float:
    """Fréchet Inception Distance (Heusel et al. 2017) of features (N, D) and (M, D): of Gaussians fitted to each.

    Refused with an `InputError` where a sample has no more images than features: its covariance is then singular, and
    the distance says more of the numbers of images than of the images.
    """
    _check(a, b)
    for sample in (a, b):
        if len(sample) <= sample.shape[1]:
            raise InputError(
                f"FID: a sample has {len(sample)} images, expected more than its {sample.shape[1]} features; "
                "give more images or take KID"
            )
    first, second = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    # the trace of sqrt(AB) is that of sqrt(sqrt(A) B sqrt(A)), which is symmetric: no complex numbers
    root = _root(first)
    shared = np.linalg.eigvalsh(root @ second @ root)
    apart = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    return float(apart + np.trace(first) + np.trace(second) - 2 * np.sqrt(np.maximum(shared, 0)).sum())


def _check(a: Features, b: Features) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise InputError(
            f"features are {a.shape} and {b.shape}, expected (N, D) and (M, D); take both from one network"
        )


def _kernel(a: Features, b: Features) -> npt.NDArray[np.float64]:
    x, y = a.astype(np.float64), b.astype(np.float64)
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def _discrepancy(
    within: list[npt.NDArray[np.float64]], across: npt.NDArray[np.float64], weights: list[npt.NDArray[np.float64]]
) -> npt.NDArray[np.float64]:
    """Squared discrepancy (n,) of samples that hold each image as often as `weights` (n, N) and (n, M) say.

    `within` have zeros on the diagonal. NaN where a sample holds one image only.
    """
    total = np.zeros(len(weights[0]))
    for matrix, weight in zip(within, weights, strict=True):
        pairs = weight.sum(axis=1) ** 2 - (weight**2).sum(axis=1)
        sums = ((weight @ matrix) * weight).sum(axis=1)
        total += np.divide(sums, pairs, out=np.full_like(sums, np.nan), where=pairs > 0)
    left, right = weights
    crossed = ((left @ across) * right).sum(axis=1) / (left.sum(axis=1) * right.sum(axis=1))
    return np.asarray(total - 2 * crossed)


def _root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
