"""OME-Zarr 0.5 metadata of images: written, and read back with all that may be wrong in them."""

from __future__ import annotations

import colorsys
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.stores.pixel_size import PixelSize

Array = npt.NDArray[Any]
OME_VERSION = "0.5"
_UNIT = "micrometer"
_SHOWN_PERCENTILES = (0.1, 99.9)
_SAMPLE = 2**18
_METADATA_BYTES = 2**24
_SAFE_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


def multiscales(name: str, axes: str, n_levels: int, pixel_size: PixelSize) -> list[dict[str, Any]]:
    """Axes (`c`, `z`, `y`, `x`) and levels of a pyramid halved in y and x; a unit only where the size is known."""
    return [
        {
            "name": name,
            "axes": [_axis(axis, pixel_size) for axis in axes],
            "datasets": [_level(number, axes, pixel_size) for number in range(n_levels)],
        }
    ]


def _axis(axis: str, pixel_size: PixelSize) -> dict[str, str]:
    if axis == "c":
        return {"name": "c", "type": "channel"}
    known = getattr(pixel_size, axis) is not None
    return {"name": axis, "type": "space"} | ({"unit": _UNIT} if known else {})


def _level(number: int, axes: str, pixel_size: PixelSize) -> dict[str, Any]:
    sizes = [1.0 if axis == "c" else float(getattr(pixel_size, axis) or 1.0) for axis in axes]
    factors = [2**number if axis in "yx" else 1 for axis in axes]
    scale = [size * factor for size, factor in zip(sizes, factors, strict=True)]
    transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if number:
        # a pixel of a binned level is centred between those it was made of
        shift = [size * (factor - 1) / 2 for size, factor in zip(sizes, factors, strict=True)]
        transforms.append({"type": "translation", "translation": shift})
    return {"path": str(number), "coordinateTransformations": transforms}


def omero(channels: Sequence[str], image: Array) -> dict[str, Any]:
    """Names of the channels of `image` (C, ..., Y, X) and how a viewer shows them at first."""
    return {
        "channels": [
            {"label": name, "color": _color(number, len(channels)), "active": True, "window": _window(image[number])}
            for number, name in enumerate(channels)
        ]
    }


def _color(number: int, n: int) -> str:
    """White for one channel; else colors that differ most: green and magenta, green, blue and red, ..."""
    red, green, blue = colorsys.hsv_to_rgb((1 / 3 + number / n) % 1, 1.0 if n > 1 else 0.0, 1.0)
    return "".join(f"{round(255 * part):02X}" for part in (red, green, blue))


def _window(stack: Array) -> dict[str, float]:
    """The range shown: percentiles of a sample of the pixels, within the exact minimum and maximum."""
    low, high = float(stack.min()), float(stack.max())
    sample = stack.ravel()[:: max(1, stack.size // _SAMPLE) | 1]
    start, end = (float(value) for value in np.percentile(sample, _SHOWN_PERCENTILES))
    if start >= end:
        start, end = low, high
    # viewers refuse a range without width
    return {"min": low, "max": max(high, low + 1), "start": start, "end": end if end > start else start + 1}


class OmeMetadata:
    """The metadata of an image or label image on disk; what is missing or malformed is an `InputError`."""

    def __init__(self, path: Path) -> None:
        """Read the metadata of the group `path`."""
        self.path = path
        self._ome = self._read()

    def _read(self) -> dict[str, Any]:
        file = self.path / "zarr.json"
        try:
            with file.open("rb") as stream:
                text = stream.read(_METADATA_BYTES + 1)
        except OSError:
            raise InputError(f"{self.path}: is not an OME-Zarr {OME_VERSION} image; make it again") from None
        with self._damage():
            if len(text) > _METADATA_BYTES:
                raise ValueError(f"zarr.json has more than {_METADATA_BYTES} bytes")
            attributes = json.loads(text)["attributes"]
        if not isinstance(attributes, dict) or not isinstance(attributes.get("ome"), dict):
            raise InputError(f"{self.path}: is not an OME-Zarr {OME_VERSION} image; make it again")
        return dict(attributes["ome"])

    @property
    def axes(self) -> str:
        """Names of the axes in their order, e.g. `cyx`."""
        with self._damage():
            return "".join(str(axis["name"]) for axis in self._ome["multiscales"][0]["axes"])

    @property
    def level_0(self) -> Path:
        """Folder of the array with the full size."""
        with self._damage():
            name = self._ome["multiscales"][0]["datasets"][0]["path"]
            if not isinstance(name, str) or not _SAFE_PATH.fullmatch(name):
                raise ValueError(f"{ascii(name)[:60]} is no path of an array")
            folder = self.path / name
            if not folder.resolve().is_relative_to(self.path.resolve()):
                raise ValueError(f"{name} lies elsewhere")
            return folder

    @property
    def channels(self) -> list[str]:
        """Names of the channels."""
        with self._damage():
            return [str(channel["label"]) for channel in self._ome["omero"]["channels"]]

    @property
    def pixel_size(self) -> PixelSize:
        """Pixel size of level 0, of the axes whose unit is known."""
        with self._damage():
            image = self._ome["multiscales"][0]
            transforms = image["datasets"][0]["coordinateTransformations"]
            (scale,) = (each["scale"] for each in transforms if each["type"] == "scale")
            sizes = {
                axis["name"]: float(size)
                for axis, size in zip(image["axes"], scale, strict=True)
                if axis.get("unit") == _UNIT
            }
            return PixelSize(**sizes)

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            fault = " ".join(str(error).split())[:200] or type(error).__name__
            if isinstance(error, KeyError):
                fault = f"{fault} is missing"
            raise InputError(f"{self.path}: damaged: its metadata cannot be read ({fault}); make it again") from None
