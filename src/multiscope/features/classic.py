"""All classic features of a set of crops, one row a cell."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.errors import InputError
from multiscope.features.correlation import manders, pearson
from multiscope.features.granularity import granularity
from multiscope.features.intensity import intensity
from multiscope.features.light import inside, light_of
from multiscope.features.moments import moments
from multiscope.features.radial import radial
from multiscope.features.regions import Floats, Masks, Regions, regions_of
from multiscope.features.shape import shape
from multiscope.features.spots import spots
from multiscope.features.texture import texture
from multiscope.features.zernike import zernike

_BLOCK = 16
"""Crops at a time: their planes fit in the processor's cache, and their cells in one window."""


def classic_features(images: npt.NDArray[Any], masks: Masks, channels: Sequence[str]) -> pd.DataFrame:
    """Measure cells as CellProfiler does (Stirling et al., BMC Bioinformatics 22:433, 2021); n rows of float32.

    Columns are `<Group>_<feature>_<channel>`; those of the shape have no channel, those of the correlation two. None
    changes with a turn by 90 degrees or a flip; what has no unit of brightness (all but `Intensity_`, whose
    displacement has none either) changes with no offset or scale of a channel. All are finite; of a cell without pixels
    or without contrast they are 0. docs/classic-features.md has every group.

    Args:
        images: crops (n, C, S, S), C channels of any real type, finite.
        masks: pixels of the cell, (n, S, S), bool.
        channels: names of the C channels, each once.

    Raises:
        InputError: shapes, types or names do not fit, or a pixel is not finite.
    """
    _check(images, masks, channels)
    if not len(masks):
        return pd.DataFrame(columns=feature_names(channels), dtype="float32")
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(masks), _BLOCK)]
    tables = [_measured(images[block], masks[block], channels) for block in blocks]
    return pd.DataFrame(
        {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}, dtype="float32"
    )


def feature_names(channels: Sequence[str]) -> list[str]:
    """The columns of `classic_features`."""
    return list(_measured(np.zeros((1, len(channels), 1, 1)), np.zeros((1, 1, 1), dtype=bool), channels))


def _measured(images: npt.NDArray[Any], masks: Masks, channels: Sequence[str]) -> dict[str, Floats]:
    window = _window(masks)
    lights = {channel: light_of(images[:, at], masks)[window] for at, channel in enumerate(channels)}
    regions = regions_of(masks[window])
    found = {f"Shape_{name}": values for name, values in shape(regions).items()}
    for channel, light in lights.items():
        groups = _of_one_channel(light, regions)
        found |= {f"{g}_{name}_{channel}": v for g, features in groups.items() for name, v in features.items()}
    for one, other in combinations(channels, 2):
        found[f"Correlation_{one}_{other}"] = pearson(lights[one], lights[other], regions)
        for a, b in ((one, other), (other, one)):
            found[f"Manders_{a}_{b}"] = manders(lights[a], lights[b], regions)
    return found


def _window(masks: Masks) -> tuple[slice, slice, slice]:
    """The smallest window that holds all cells of a block: nothing is measured outside of them but the background."""
    places = [np.flatnonzero(masks.any(axis=axes)) for axes in ((0, 2), (0, 1))]
    rows, columns = (slice(at[0], at[-1] + 1) if len(at) else slice(0, 1) for at in places)
    return slice(None), rows, columns


def _of_one_channel(light: Floats, regions: Regions) -> dict[str, dict[str, Floats]]:
    weights = inside(light, regions.masks)
    return {
        "Intensity": intensity(light, regions),
        "Granularity": granularity(weights, regions.masks),
        "Radial": radial(weights, regions),
        "Texture": texture(light, regions),
        "Spots": spots(light, regions),
        "Moments": moments(weights, regions),
        "Zernike": zernike(weights, regions),
    }


def _check(images: npt.NDArray[Any], masks: Masks, channels: Sequence[str]) -> None:
    if images.ndim != 4 or masks.shape != (len(images), *images.shape[2:]) or min(images.shape[2:]) < 1:
        raise InputError(
            f"classic features: images {images.shape} and masks {masks.shape}; expected (n, C, S, S) and (n, S, S)"
            " of the same crops: give both for the same cells"
        )
    if images.dtype.kind not in "biuf" or masks.dtype != np.bool_:
        raise InputError(
            f"classic features: images are {images.dtype} and masks {masks.dtype}; expected real numbers and bool:"
            " convert them"
        )
    if len(channels) != images.shape[1] or len(set(channels)) != len(channels):
        raise InputError(
            f"classic features: {images.shape[1]} channels are named {', '.join(channels) or 'nothing'}; expected each"
            " named once: name them anew"
        )
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise InputError("classic features: a pixel is NaN or infinite; expected finite numbers: drop that crop")
