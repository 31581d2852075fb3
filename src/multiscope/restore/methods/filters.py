"""Classical filters as restorers: the controls. Their settings are chosen on the training pairs, defect by defect.

Of a small grid, the setting with the least squared error on the pairs of a defect is taken; doing nothing is in every
grid, because nobody uses a filter that only harms. A defect without pairs gets what is best for all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import torch

from multiscope.nn.filters import FILTERS, Images, noise_level
from multiscope.restore.methods.images import TrainingPairs
from multiscope.restore.methods.method import Learned, Task

Setting = dict[str, float]
Grid = Callable[[Images], Iterator[Setting]]

_MAX_PAIRS = 16
"""Pairs of a defect that settings are tried on, spread evenly over those there are."""


def fit_filter(task: Task) -> Learned:
    """The filter that `task.config.model` names, with the best setting for each defect."""
    architecture, grid = _GRIDS[task.config.model]
    pairs = task.images.pairs
    chosen = [best_setting(architecture, grid, *_pairs(pairs, number)) for number in range(len(pairs.defects))]
    arguments = {name: [setting[name] for setting in chosen] for name in chosen[0]}
    network = FILTERS[architecture](**arguments)
    return Learned(network.eval(), architecture, arguments, conditional=True, receptive=network.receptive)


def best_setting(architecture: str, grid: Grid, degraded: Images, clean: Images) -> Setting:
    """The grid's setting that brings `degraded` (N, H, W) nearest to `clean`; of equal ones the first."""

    def error(setting: Setting) -> float:
        network = FILTERS[architecture](**{name: [value] for name, value in setting.items()})
        return float(np.square(network.filtered(degraded, 0) - clean).mean())

    return min(grid(degraded), key=error)


def gaussian_grid(degraded: Images) -> Iterator[Setting]:
    """Spreads in pixels."""
    return ({"sigma": sigma} for sigma in (0.0, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0))


def median_grid(degraded: Images) -> Iterator[Setting]:
    """Sides of the window in pixels."""
    return ({"size": size} for size in (1, 3, 5, 7, 9))


def nlm_grid(degraded: Images) -> Iterator[Setting]:
    """Strengths, at the noise that the degraded images have."""
    sigma = noise_level(degraded)
    return ({"sigma": sigma, "strength": strength} for strength in (0.0, 0.25, 0.5, 0.75, 1.0, 1.5))


def richardson_lucy_grid(degraded: Images) -> Iterator[Setting]:
    """Point spread functions, as wide along both axes or along one, and iterations.

    Darkness is the background of the data set's clean images, or what only a thousandth of the pixels is below where
    noise goes deeper: a cut there would make the background brighter.
    """
    dark = min(-1.0, float(np.quantile(degraded, 0.001)))
    spreads = [(s, s) for s in (1.0, 1.5, 2.0, 3.0)] + [(s, 0.0) for s in (1.5, 3.0)] + [(0.0, s) for s in (1.5, 3.0)]
    yield {"sigma_y": 0.0, "sigma_x": 0.0, "iterations": 0, "dark": dark}
    for (sigma_y, sigma_x), iterations in product(spreads, (2, 5, 10, 20)):
        yield {"sigma_y": sigma_y, "sigma_x": sigma_x, "iterations": iterations, "dark": dark}


_GRIDS: dict[str, tuple[str, Grid]] = {
    "gaussian": ("gaussian_filter", gaussian_grid),
    "median": ("median_filter", median_grid),
    "nlm": ("non_local_means", nlm_grid),
    "richardson_lucy": ("richardson_lucy", richardson_lucy_grid),
}
"""Architecture and settings by the key `model`; the first setting of each does nothing."""


def _pairs(pairs: TrainingPairs, defect: int) -> tuple[Images, Images]:
    """Some degraded and clean patches (N, H, W) of a defect, or of all where it has none."""
    rows = torch.nonzero(pairs.defect == defect)[:, 0].numpy()
    if not len(rows):
        rows = np.arange(len(pairs.clean))
    if len(rows) > _MAX_PAIRS:
        rows = rows[np.linspace(0, len(rows) - 1, _MAX_PAIRS).round().astype(int)]
    return pairs.degraded[rows, 0].numpy(), pairs.clean[rows, 0].numpy()
