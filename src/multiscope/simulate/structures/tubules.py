"""Tubules: thin, stiff, crossing filaments, as microtubules are in a flat cell."""

from __future__ import annotations

import numpy as np

from multiscope.config import VirtualStructures
from multiscope.simulate.structures.points import MARGIN_UM, PSF_UM, FloatArray, light_of

PERSISTENCE_UM = 20.0
"""Persistence length in the plane (micrometres), as cells show it: motors and neighbours bend microtubules (Brangwynne
et al. 2006, J. Cell Biol. 173:733), which are a hundred times stiffer by themselves."""
LENGTH_UM = (4.0, 16.0)
"""Shortest and longest (micrometres)."""
WIDTH_UM = (0.025, 0.05)
"""Thinnest (a bare microtubule) and thickest (with antibodies around it), micrometres."""
STEP_UM = 0.02
"""Distance of the points that a tubule is drawn from (micrometres): no more than half the point spread function."""
SPREAD, LABELLING = 0.3, 0.2
"""Standard deviation of the logarithm of the brightness, between tubules and along each of them."""
LABELLING_UM = 0.25
"""Distance along a tubule at which its brightness is drawn anew (micrometres)."""
ALIGNMENT = 0.8
"""How much the tubules of an image share an axis: concentration of a von Mises distribution of twice the angle."""
_AT_ONCE = 256


def tubules(config: VirtualStructures, rng: np.random.Generator, *, section: int) -> FloatArray:
    """Light (size, size) of tubules, 1 on the ridge of a usual one; `section` is not used."""
    side = config.image_size * config.pixel_size_um
    reach = LENGTH_UM[1] / 2 + MARGIN_UM
    n = int(rng.poisson(config.density * (side + 2 * reach) ** 2 / 100))
    middles = rng.uniform(-reach, side + reach, (n, 2))
    lengths = rng.uniform(*LENGTH_UM, n)
    near = (np.abs(middles - side / 2) < side / 2 + lengths[:, None] / 2 + MARGIN_UM).all(axis=1)
    axis = rng.uniform(0, np.pi)
    light = np.zeros((config.image_size, config.image_size))
    # some at a time: memory must not grow with their number
    for some in np.split(np.flatnonzero(near), range(_AT_ONCE, int(near.sum()), _AT_ONCE)):
        directions = axis + rng.vonmises(0, ALIGNMENT, len(some)) / 2
        places = middles[some, None] + _widened(rng, walks(rng, directions, length_um=LENGTH_UM[1]))
        amounts = _amounts(rng, lengths[some], places.shape[1])
        lit = amounts > 0
        light += light_of(places[lit], amounts[lit], size=config.image_size, pixel_size_um=config.pixel_size_um)
    return light


def walks(
    rng: np.random.Generator, directions: FloatArray, *, length_um: float, persistence_um: float = PERSISTENCE_UM
) -> FloatArray:
    """Persistent random walks in the plane (worm-like chains, Kratky and Porod 1949), as points `STEP_UM` apart.

    The direction turns by a normal angle of variance STEP_UM / persistence_um at each step, so the mean cosine of the
    angle between tangents a distance s apart is exp(-s / (2 * persistence_um)).

    Args:
        rng: source of all randomness.
        directions: (n,) at the middle of each walk, radians from the x axis.
        length_um: of every walk, in micrometres.
        persistence_um: persistence length in the plane, in micrometres.

    Returns:
        (n, steps + 1, 2) as y, x in micrometres from the middle of each walk; the number of steps is even.
    """
    half = int(np.ceil(length_um / STEP_UM / 2))
    turned = rng.normal(0, np.sqrt(STEP_UM / persistence_um), (len(directions), 2 * half + 1)).cumsum(axis=1)
    angle = directions[:, None] + turned - turned[:, half : half + 1]
    places = STEP_UM * np.stack([np.sin(angle), np.cos(angle)], axis=-1).cumsum(axis=1)
    return np.asarray(places - places[:, half : half + 1])


def _widened(rng: np.random.Generator, places: FloatArray) -> FloatArray:
    """Points (n, points, 2) moved to one side and the other in turn, each by a quarter of its tubule's width.

    The variance across is then that of a filled cylinder seen from above.
    """
    steps = np.diff(places, axis=1, prepend=2 * places[:, :1] - places[:, 1:2]) / STEP_UM
    quarters = rng.uniform(*WIDTH_UM, (len(places), 1)) / 4
    aside = quarters * (-1.0) ** np.arange(places.shape[1])
    return np.asarray(places + aside[..., None] * steps[..., ::-1] * (1, -1))


def _amounts(rng: np.random.Generator, lengths: FloatArray, n_points: int) -> FloatArray:
    """Light (n, n_points) of the points along tubules of these lengths (n,), nothing beyond the ends of each."""
    along = np.arange(n_points) * STEP_UM
    knot = (along / LABELLING_UM).astype(np.intp)
    share = along / LABELLING_UM - knot
    labelling = rng.normal(0, LABELLING, (len(lengths), knot[-1] + 2))
    smooth = labelling[:, knot] * (1 - share) + labelling[:, knot + 1] * share
    brightness = np.exp(rng.normal(0, SPREAD, (len(lengths), 1)) + smooth)
    ridge = STEP_UM * np.sqrt(2 * np.pi) * PSF_UM
    return np.asarray(ridge * brightness * (np.abs(along - along.mean()) <= lengths[:, None] / 2))
