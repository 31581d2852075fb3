"""Granules: clustered vesicles, some filled, some with their light in the membrane, as secretory granules are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from multiscope.config import VirtualStructures
from multiscope.simulate.structures.points import MARGIN_UM, FloatArray, light_of
from multiscope.simulate.structures.room import first_come

DIAMETER_UM = (0.1, 0.4)
"""Smallest and largest (micrometres); insulin granules are 0.2 to 0.35."""
RINGS = 0.6
"""Share of vesicles whose light is in their membrane; the others are filled."""
MEMBRANE_UM = 0.03
"""Thickness of a ring (micrometres)."""
RING_LIGHT = 1.5
"""Light of a ring against that of a disc of its size: so a usual one is as bright on its ridge as a disc inside."""
CLUSTER, CLUSTER_UM = 6.0, 0.6
"""Mean number of vesicles in a cluster, and its standard deviation around the cluster's middle (micrometres)."""
APART = 0.9
"""How near the middles of two vesicles come to each other, as a share of the sum of their radii."""
SPREAD = 0.35
"""Standard deviation of the logarithm of the brightness between vesicles."""
N_POINTS = 160
"""Points that a vesicle is drawn from: at most 0.03 micrometres apart, less than the point spread function."""
_GOLDEN = np.pi * (3 - np.sqrt(5))


def granules(config: VirtualStructures, rng: np.random.Generator, *, section: int) -> FloatArray:
    """Light (size, size) of vesicles cut through their middle, 1 inside a usual one; `section` is not used."""
    side = config.image_size * config.pixel_size_um
    middles = _clustered(rng, density=config.density, side=side)
    radii = rng.triangular(DIAMETER_UM[0], np.mean(DIAMETER_UM), DIAMETER_UM[1], len(middles)) / 2
    brightness = np.exp(rng.normal(0, SPREAD, len(middles)))
    rings = rng.random(len(middles)) < RINGS
    there = _with_room(middles, radii)
    places, areas = _vesicles(middles[there], radii[there], rings[there])
    amounts = np.repeat(areas * brightness[there] / N_POINTS, N_POINTS)
    return light_of(places, amounts, size=config.image_size, pixel_size_um=config.pixel_size_um)


def _clustered(rng: np.random.Generator, *, density: float, side: float) -> FloatArray:
    """Middles (n, 2) in micrometres, in and around the image: a cluster process (Thomas 1949, Biometrika 36:18)."""
    reach = MARGIN_UM + 3 * CLUSTER_UM
    n_clusters = rng.poisson(density * (side + 2 * reach) ** 2 / 100 / CLUSTER)
    clusters = rng.uniform(-reach, side + reach, (n_clusters, 2))
    members = np.repeat(clusters, rng.poisson(CLUSTER, n_clusters), axis=0)
    middles = members + rng.normal(0, CLUSTER_UM, members.shape)
    seen = ((middles > -MARGIN_UM) & (middles < side + MARGIN_UM)).all(axis=1)
    # mixed, so that where it is crowded no cluster comes first
    return np.asarray(rng.permutation(middles[seen]))


def _with_room(middles: FloatArray, radii: FloatArray) -> npt.NDArray[np.bool_]:
    """Which vesicles (n,) lie apart from those before them."""
    pairs = cKDTree(middles).query_pairs(APART * DIAMETER_UM[1], output_type="ndarray")
    first, second = pairs.T
    distances = np.linalg.norm(middles[first] - middles[second], axis=1)
    return first_come(pairs[distances < APART * (radii[first] + radii[second])], len(middles))


def _vesicles(middles: FloatArray, radii: FloatArray, rings: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Points (n * N_POINTS, 2) of discs and rings, in sunflower order so that they cover them evenly; light (n,).

    What a vesicle holds grows with its square; a ring has as much more as makes it as bright as a disc.
    """
    k = np.arange(N_POINTS)
    inner = np.where(rings, np.maximum(radii - MEMBRANE_UM, 0), 0)[:, None] ** 2
    distance = np.sqrt(inner + (radii[:, None] ** 2 - inner) * (k + 0.5) / N_POINTS)
    ways = np.stack([np.sin(k * _GOLDEN), np.cos(k * _GOLDEN)], axis=-1)
    places = middles[:, None] + distance[..., None] * ways
    return places.reshape(-1, 2), np.pi * radii**2 * np.where(rings, RING_LIGHT, 1.0)
