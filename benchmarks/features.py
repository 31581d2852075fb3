"""How fast classic features are measured, beside a plain loop of mahotas and scikit-image over cells.

    python -m benchmarks.features            # 512 cells of a virtual screen, two channels of 64 x 64: a minute or two
    python -m benchmarks.features --n 64     # a quick look

The loop measures what both libraries have ready: regionprops with intensities, Haralick's features at three distances
on as many levels, Zernike moments of the same degree. Ours measures these and granularity, rings, spots, moments and
correlations as well. One thread each; contenders take turns in every round, and ratios are those within a round.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from mahotas.features import haralick, zernike_moments
from skimage.measure import regionprops
from threadpoolctl import threadpool_limits

from benchmarks.restore import turns
from benchmarks.stores import LOAD, Line
from benchmarks.summary import machine
from multiscope.config import VirtualCrops
from multiscope.features.cell import central_cells
from multiscope.features.classic import classic_features
from multiscope.features.light import inside, light_of
from multiscope.features.regions import Regions, regions_of
from multiscope.features.texture import DISTANCES, LEVELS
from multiscope.features.zernike import DEGREE, reach, zernike
from multiscope.simulate.screen.crops import crops
from multiscope.simulate.screen.proteins import proteins

Array = npt.NDArray[Any]
CHANNELS = ("protein", "cytosol")
OURS, THEIRS = "multiscope, all groups", "mahotas and scikit-image, cell by cell"
SHAPES = ("area", "eccentricity", "solidity", "perimeter", "extent")
OF_LIGHT = ("intensity_mean", "intensity_std", "intensity_max", "intensity_min", "centroid_weighted")


def cells(n: int) -> tuple[Array, Array]:
    """Crops (n, 2, 64, 64) uint16 of proteins in turn, and the masks of their cells (n, 64, 64)."""
    config = VirtualCrops.model_validate({"reader": "virtual_crops", "cells_per_field": 16, "crop_size": 64})
    named = proteins(config)
    made = [crops(config, named[k % len(named)], [k]) for k in range(-(-n // 16))]
    images, masks = (np.concatenate([getattr(each, name).numpy() for each in made])[:n] for name in ("image", "mask"))
    return images, masks


def plain(images: Array, masks: Array) -> Array:
    """One cell after the other, as the examples of both libraries go."""
    return np.array([of_cell(image, mask) for image, mask in zip(images, masks, strict=True)], dtype=np.float32)


def of_cell(image: Array, mask: Array) -> list[float]:
    """Features of one cell."""
    light = np.stack([plane - np.median(plane[~mask]) for plane in image.astype(float)])
    region = regionprops(mask.astype(np.uint8), intensity_image=light.transpose(1, 2, 0))[0]
    found = [float(region[name]) for name in SHAPES]
    found += np.concatenate([np.ravel(region[name]) for name in OF_LIGHT]).tolist()
    for plane in light:
        low, high = np.quantile(plane[mask], (0.01, 0.99))
        levels = np.clip((plane - low) / max(high - low, 1e-9) * LEVELS, 0, LEVELS - 1).astype(np.uint8) + 1
        for distance in DISTANCES:
            found += haralick(levels * mask, ignore_zeros=True, distance=distance, return_mean=True).tolist()
        weights = np.maximum(plane, 0) * mask
        radius = region.axis_major_length / 2
        found += zernike_moments(weights, radius, degree=DEGREE, cm=region.centroid).tolist()
    return found


def zernike_of_mahotas(weights: Array, regions: Regions) -> Array:
    """Of one channel (n, S, S)."""
    places = zip(weights, reach(regions), regions.centre, strict=True)
    return np.array([zernike_moments(plane, radius, degree=DEGREE, cm=centre) for plane, radius, centre in places])


def rate(measure: Callable[[], Any], n: int) -> float:
    """Cells a second."""
    began = time.perf_counter()
    measure()
    return n / (time.perf_counter() - began)


def lines(n: int, rounds: int) -> Iterator[Line]:
    images, masks = cells(n)
    weights, regions = inside(light_of(images[:, 0], masks), masks), regions_of(masks)
    contenders: dict[str, Callable[[], Any]] = {
        OURS: lambda: classic_features(images, masks, CHANNELS),
        THEIRS: lambda: plain(images, masks),
        "Zernike of one channel: multiscope": lambda: zernike(weights, regions),
        "Zernike of one channel: mahotas": lambda: zernike_of_mahotas(weights, regions),
        "masks of the cells in the middle": lambda: central_cells(images[:, 1]),
    }
    found = turns({name: partial(rate, measure, n) for name, measure in contenders.items()}, rounds)
    yield Line("other load, share of the cores", list(found.pop(LOAD)))
    for name in contenders:
        yield Line(name, list(found[name]), "cells/s")
    yield Line("features: multiscope / cell by cell", list(found[OURS] / found[THEIRS]), least=1)
    shares = [found[f"Zernike of one channel: {name}"] for name in ("multiscope", "mahotas")]
    yield Line("Zernike: multiscope / mahotas", list(shares[0] / shares[1]), least=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=512, help="number of cells")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("mahotas", "scikit-image", "numpy"))
    print(f"{machine()}; {packages}\n{given.n} cells of {len(CHANNELS)} x 64 x 64, {given.rounds} rounds\n", flush=True)
    with threadpool_limits(1):
        found = list(lines(given.n, given.rounds))
    print("\n".join(map(str, found)))
    if not all(line.holds for line in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
