"""Crops of yeast for `benchmarks.realism`: real ones, simulated ones, and how both are prepared, alike.

Each channel of a field is scaled to 0..1 by its minimum and maximum and rounded to 1/430; the cell in the middle is
found in the marker by one function, as real crops have no masks; crops whose cell is cut, small or off the middle are
dropped. The real data may not be copied from here: see its README.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from multiscope.config import VirtualScreen
from multiscope.simulate.screen.field import field
from multiscope.simulate.screen.proteins import proteins

Array = npt.NDArray[Any]

SIDE, STEPS = 64, 430
PROTEINS = {"mitochondrion": ("AAC1", "AAC3"), "cytoplasm": ("AAH1", "AAP1", "AAR2")}
NAME = re.compile(r"images/\w+/([A-Z0-9]+)_(\d+)_rfp_(\d+)_gfp\.tif")
MOST_OFF, LEAST_AREA = 6.0, 100
SETTINGS: dict[str, Any] = {
    "pixel_size_um": 0.12,
    "budded": 0.2,
    "field_size": 512,
    "cells_per_field": 60,
    "crowding": 0.8,
    "optics": {"mode": "confocal", "pinhole": 2.5, "blur_um": 0.17},
    "conditions": {"expression": 0.28, "heights_um": 0.4, "dead": 0.02},
    "effects": {"process": 1, "pathway": 1, "complex": 0, "protein": 0.5},
}
"""What a user would set for this microscope, by what was measured: cells 35 pixels wide, edges of 7, spots of 2; sd of
log brightness 0.28; proteins of a compartment alike. Real crops have most buds as cells of their own."""
CAMERA: dict[str, Any] = {"gain": 0.4, "background": 33, "marker_photons": 75, "registration": 0.2}
PHOTONS = {"mitochondrion": (105.0,), "cytoplasm": (250.0, 360.0, 30.0)}
"""Of one protein after the other, as bright as the real ones."""


@dataclass(frozen=True)
class Crops:
    """Crops (n, 2, 64, 64) of 0..1, masks (n, 64, 64) of the cell in the middle, and the field of each (n,)."""

    images: Array
    masks: Array
    fields: Array

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.images)


def simulated(n: int, compartment: str, seed: int) -> tuple[Array, Array]:
    """Crops (n, 2, 64, 64) float32, scaled by field, and the field of each (n,): proteins of a compartment in turn."""
    other = next(name for name in PROTEINS if name != compartment)
    images: list[Array] = []
    fields: list[Array] = []
    while sum(map(len, images)) < n:
        k = len(images)
        camera = CAMERA | {"photons": PHOTONS[compartment][k % len(PHOTONS[compartment])]}
        config = VirtualScreen.model_validate(
            {"reader": "virtual_screen", "seed": seed, "compartments": [compartment, other], "defects": {}}
            | (SETTINGS | {"camera": camera})
        )
        own = [protein for protein in proteins(config) if protein.compartments[0] == compartment]
        drawn = field(config, own[k % len(own)], k)
        images.append(windows(scaled(drawn.image), drawn.labels)[0])
        fields.append(np.full(len(images[-1]), f"simulated {k}"))
    return np.concatenate(images)[:n], np.concatenate(fields)[:n]


def scaled(image: Array) -> Array:
    """Counts (C, Y, X) of a field, each channel to 0..1 by its minimum and maximum."""
    low, high = (f(axis=(1, 2), keepdims=True).astype(np.float32) for f in (image.min, image.max))
    return np.asarray((image - low) / (high - low), np.float32)


def windows(image: Array, labels: Array) -> tuple[Array, Array]:
    """Windows (n, C, 64, 64) around cells' centroids and masks (n, 64, 64); those that leave the field are dropped."""
    numbers = np.unique(labels[labels > 0])
    corners = np.rint(ndimage.center_of_mass(labels > 0, labels, numbers)).astype(int) - SIDE // 2
    kept = ((corners >= 0) & (corners + SIDE <= labels.shape)).all(axis=1)
    places = [np.s_[y : y + SIDE, x : x + SIDE] for y, x in corners[kept]]
    masks = [labels[place] == number for place, number in zip(places, numbers[kept], strict=True)]
    crops = [image[:, place[0], place[1]] for place in places]
    return np.stack(crops), np.stack(masks)


def real(data: Path, compartment: str) -> tuple[Array, Array]:
    """The real crops of a compartment, as they are, and the field of each."""
    images, fields = [], []
    with zipfile.ZipFile(data / "yeast_gfp" / "images.zip") as archive:
        for name in sorted(archive.namelist()):
            found = NAME.fullmatch(name)
            if found and found[1] in PROTEINS[compartment]:
                both = (name, name.removesuffix("gfp.tif") + "rfp.tif")
                images.append([tifffile.imread(io.BytesIO(archive.read(one))) for one in both])
                fields.append(f"{found[1]} {found[2]}")
    return np.array(images, np.float32), np.array(fields)


def cyclenet(data: Path) -> Crops:
    """Crops of GFP and cytosol by the masks of four fields of another microscope."""
    found = []
    with zipfile.ZipFile(data / "yeast_cyclenet_fields" / "example.zip") as archive:
        for name in sorted(n for n in archive.namelist() if n.startswith("labeled_images/")):
            plain = Path(name).name.removesuffix("_labeled.tiff")
            names = [f"input_images/{plain}-ch{channel}sk1fk1fl1.tiff" for channel in (1, 3)]
            image = np.stack([tifffile.imread(io.BytesIO(archive.read(one))) for one in names])
            labels = tifffile.imread(io.BytesIO(archive.read(name)))
            crops, masks = windows(scaled(image), labels)
            found.append((rounded(crops), masks, np.full(len(crops), plain)))
    return Crops(*(np.concatenate(part) for part in zip(*found, strict=True)))


def rounded(images: Array) -> Array:
    """To the step of the real crops."""
    return np.asarray(np.rint(images * STEPS) / STEPS, np.float32)


def prepared(images: Array, fields: Array) -> Crops:
    """Round, find the cell, drop crops whose cell is cut, small, or off the middle. Real and simulated alike."""
    images = rounded(images)
    masks = np.stack([middle_cell(image[1]) for image in images])
    border = np.ones((SIDE, SIDE), bool)
    border[1:-1, 1:-1] = False
    centres = np.array([ndimage.center_of_mass(mask) for mask in masks])
    off = np.hypot(*(centres - (SIDE - 1) / 2).T)
    kept = ~(masks & border).any(axis=(1, 2)) & (off < MOST_OFF) & (masks.sum(axis=(1, 2)) >= LEAST_AREA)
    return Crops(images[kept], masks[kept], fields[kept])


def middle_cell(marker: Array) -> Array:
    """Mask (64, 64) of the cell nearest to the middle: by Otsu's threshold, a watershed, then half of its own level."""
    smooth = ndimage.gaussian_filter(marker.astype(np.float64), 1.5)
    background, middle = np.percentile(smooth, 5), SIDE // 2
    centre = np.median(smooth[middle - 6 : middle + 7, middle - 6 : middle + 7])
    # beside a bright neighbour Otsu's threshold may pass over a dim cell
    inside = ndimage.binary_fill_holes(smooth > min(threshold_otsu(smooth), (background + centre) / 2))
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(inside), 1.5)
    peaks = peak_local_max(distance, min_distance=7, labels=inside.astype(int), exclude_border=False)
    seeds = np.zeros(marker.shape, int)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    nearest = np.argmin(((peaks - (SIDE - 1) / 2) ** 2).sum(axis=1)) + 1
    own = watershed(-distance, seeds, mask=inside) == nearest
    own = ndimage.binary_fill_holes(own & (smooth > (background + np.median(smooth[own])) / 2))
    parts, _ = ndimage.label(own)
    return np.asarray(parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1)
