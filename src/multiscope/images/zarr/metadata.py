"""The metadata of OME-Zarr 0.1 to 0.5 (NGFF): version, axes, pixel size and names, as pure functions of JSON.

Source: https://ngff.openmicroscopy.org, versions 0.1 to 0.5.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from multiscope.errors import InputError
from multiscope.images.units import micrometres
from multiscope.images.zarr.node import Node, safe_name
from multiscope.stores.pixel_size import PixelSize

AXES = "tczyx"
_LAST = (0, 5)
_EXPORT = "export the image again"
_PARTS = ("multiscales", "plate", "well")


def ome_block(node: Node) -> dict[str, Any]:
    """What OME's metadata say of a group: `attributes.ome` (0.5) or the attributes themselves (0.1 to 0.4).

    Versions from 0.6 on, which describe space in another way, are an `InputError`.
    """
    block = node.attributes.get("ome", node.attributes)
    if not isinstance(block, dict):
        raise InputError(f"{node.where}: its metadata 'ome' are no JSON object; {_EXPORT}")
    written = version_of(node)
    version = version_number(written)
    scales = block.get("multiscales")
    parts = [block, *(part for part in (scales if isinstance(scales, list) else ()) if isinstance(part, dict))]
    found = [key for key in ("coordinateSystems", "scene") if any(key in part for part in parts)]
    if found or (version is not None and version > _LAST):
        later = version is not None and version > _LAST
        what = ascii(written)[1:-1] if later else f"of a version after 0.5 (its metadata have '{found[0]}')"
        raise InputError(
            f"{node.where}: is OME-Zarr {what}; 0.1 to 0.5 are read: convert it, e.g. "
            "'ngff-zarr -i OLD -o NEW --ome-zarr-version 0.5'"
        )
    if written and version is None:
        raise InputError(f"{node.where}: has the OME-Zarr version {written!a}; 0.1 to 0.5 are read: {_EXPORT}")
    return block


def version_of(node: Node) -> str:
    """The version that a group names, as written; empty where it names none."""
    block = node.attributes.get("ome", node.attributes)
    inner = [part[0] if isinstance(part, list) and part else part for part in map(block.get, _PARTS)]
    # without `ome` the attributes are everybody's, and their `version` may be of something else
    parts = [block, *inner] if "ome" in node.attributes else inner
    versions = [part.get("version") for part in parts if isinstance(part, dict)]
    return next((str(version)[:40] for version in versions if version is not None), "")


def version_number(written: str) -> tuple[int, int] | None:
    """`(0, 5)` for `0.5` and for `0.5-dev2`; None for what is no version."""
    number = re.match(r"(\d{1,3})\.(\d{1,3})", written, re.ASCII)
    return (int(number[1]), int(number[2])) if number else None


def first_multiscale(block: dict[str, Any], where: str) -> dict[str, Any]:
    """The first entry of `multiscales`, with its list of levels."""
    scales = block.get("multiscales")
    first = scales[0] if isinstance(scales, list) and scales else None
    levels = first.get("datasets") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(levels, list) or not all(isinstance(x, dict) for x in levels):
        raise InputError(f"{where}: its metadata 'multiscales' list no levels; {_EXPORT}")
    if not 0 < len(levels) <= 100:
        raise InputError(f"{where}: its metadata list {len(levels)} levels; expected 1 to 100: {_EXPORT}")
    return first


def axes_of(multiscale: dict[str, Any], ndim: int, where: str) -> str:
    """One letter of `tczyx` for each axis, in the order stored; `tczyx` where version 0.1 or 0.2 leaves them out."""
    listed = multiscale.get("axes")
    if listed is None and ndim == len(AXES):
        return AXES
    names = [_axis(axis) for axis in listed] if isinstance(listed, list) else []
    if len(names) != ndim or len(set(names)) != ndim or not {"y", "x"} <= set(names) <= set(AXES):
        shown = ", ".join(ascii(name)[1:-1] or "?" for name in names[:9]) or "no axes"
        raise InputError(
            f"{where}: has the axes {shown} for {ndim} dimensions; expected y, x and any of t, c, z: {_EXPORT}"
        )
    return "".join(names)


def _axis(axis: object) -> str:
    kind, name = (axis.get("type"), axis.get("name")) if isinstance(axis, dict) else (None, axis)
    if kind in ("time", "channel"):
        return str(kind)[0]
    return name.lower()[:20] if isinstance(name, str) else ""


def pixel_size(multiscale: dict[str, Any], level: dict[str, Any], axes: str) -> tuple[PixelSize, dict[str, str]]:
    """The size of a pixel of `level` in micrometres, and for each axis where it is unknown the reason.

    The scales of the level and of all levels are multiplied. A number without a unit is unknown.
    """
    scales = [_scale(part.get("coordinateTransformations"), len(axes)) for part in (level, multiscale)]
    factors = [scale for scale in scales if scale is not None]
    sizes: dict[str, float] = {}
    unknown: dict[str, str] = {}
    for i, axis in enumerate(axes):
        if axis not in "zyx":
            continue
        number = math.prod(factor[i] for factor in factors) if factors else math.nan
        listed = multiscale.get("axes")
        unit = listed[i].get("unit") if isinstance(listed, list) and isinstance(listed[i], dict) else None
        size = micrometres(number, unit) if isinstance(unit, str) else None
        if size is not None:
            sizes[axis] = size
        elif not (math.isfinite(number) and number > 0):
            unknown[axis] = "no scale"
        else:
            unknown[axis] = f"{number:g} without a unit" if unit is None else f"{number:g} in {ascii(unit)[:40]}"
    return PixelSize(**sizes), unknown


def _scale(transformations: object, ndim: int) -> list[float] | None:
    """The numbers of the one scale among the transformations; NaN where they make no sense."""
    listed = transformations if isinstance(transformations, list) else []
    found = [part for part in listed if isinstance(part, dict) and part.get("type") == "scale"]
    if not found:
        return None
    numbers = found[0].get("scale")
    if len(found) > 1 or not isinstance(numbers, list) or len(numbers) != ndim:
        return [math.nan] * ndim
    return [float(n) if type(n) in (int, float) and abs(n) < 1e30 else math.nan for n in numbers]


def channel_names(block: dict[str, Any], n_channels: int) -> tuple[tuple[str, ...], str | None]:
    """Names of the channels in `omero`, if every one has its own, and otherwise perhaps why there are none."""
    omero = block.get("omero")
    listed = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(listed, list):
        return (), None
    labels = [channel.get("label") if isinstance(channel, dict) else None for channel in listed]
    names = tuple(str(label) for label in labels if isinstance(label, str | int) and str(label))
    if len(names) != len(labels) or len(names) != n_channels or len(set(names)) != n_channels:
        return (), f"'omero' names {len(set(names))} channels, the image has {n_channels}: its names are not used"
    return names, None


def label_names(block: dict[str, Any], where: str) -> tuple[str, ...]:
    """Names of label images in the metadata of a group `labels`."""
    return tuple(safe_name(name, where=where) for name in _listed(block.get("labels", []), "labels", where))


def listed_paths(group: dict[str, Any], key: str, where: str) -> list[str]:
    """The `path` of each entry of a list in the metadata of a plate or well, each once."""
    entries = _listed(group.get(key), key, where)
    paths = [safe_name(entry.get("path") if isinstance(entry, dict) else None, where=where) for entry in entries]
    path, n = Counter(paths).most_common(1)[0] if paths else ("", 1)
    if n > 1:
        raise InputError(f"{where}: its metadata list {path!a} {n} times; {_EXPORT}")
    return paths


def _listed(value: object, key: str, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise InputError(f"{where}: its metadata have no list '{key}'; {_EXPORT}")
    return value
