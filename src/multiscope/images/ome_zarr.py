"""Images, plates and bioformats2raw collections in OME-Zarr 0.1 to 0.5; everything is found through their metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.images.image import ImageInfo, as_labels, asked_for
from multiscope.images.zarr.metadata import channel_names, label_names, listed_paths, ome_block
from multiscope.images.zarr.multiscale import Multiscale
from multiscope.images.zarr.node import Node, is_zarr, open_node, safe_name

__all__ = ["OmeZarrImage", "is_zarr", "open_ome_zarr"]

Array = npt.NDArray[Any]
_LAYOUT = "bioformats2raw.layout"


class OmeZarrImage:
    """One image with its label images."""

    def __init__(self, node: Node, *, name: str, place: tuple[str, str, str] = ("", "", ""), remark: str = "") -> None:
        """Read the metadata of the image `node`, which its source calls `name`; `place` is plate, well and site."""
        self._node = node
        self._pixels = Multiscale(node)
        names, why_not = channel_names(self._pixels.block, self._pixels.shape[1])
        listing = node.child("labels")
        plate, well, site = place
        self.info = ImageInfo(
            name=name,
            where=node.where,
            format=f"OME-Zarr {self._pixels.version}",
            shape=self._pixels.shape,
            dtype=self._pixels.array.header.dtype,
            channels=names,
            axes=self._pixels.axes,
            pixel_size=self._pixels.pixel_size,
            n_levels=self._pixels.n_levels,
            labels=() if listing is None else label_names(ome_block(listing), listing.where),
            plate=plate,
            well=well,
            site=site,
            lossy=self._pixels.array.header.is_lossy,
            remarks=(*self._pixels.remarks, *(text for text in (why_not, remark) if text)),
        )
        self._label_image: Callable[[str], Multiscale] = cache(self._open_labels)

    def read(self, *, time: int = 0, channels: Sequence[int] | None = None) -> Array:
        """Pixels (C, Z, Y, X) of one time point, as stored.

        A chunk that is not there is the fill value, as the format says; an image without any is an `InputError`.
        """
        chosen = asked_for(self.info, time=time, channels=channels)
        if not self._pixels.array.n_files:
            raise InputError(
                f"{self.info.where}: no chunk of its pixels is there; copy the store again, or leave it out"
            )
        return self._pixels.read(time=time, channels=chosen)

    def read_labels(self, name: str, *, time: int = 0) -> npt.NDArray[np.uint32]:
        """The label image `name`, (Z, Y, X) of level 0, Z of the image or 1; one without times is valid for all."""
        if name not in self.info.labels:
            there = ", ".join(map(ascii, self.info.labels)) or "none"
            raise InputError(f"{self.info.where}: has no labels {name!a}; it has {there}: mend 'labels'")
        labels = self._label_image(name)
        if not labels.array.n_files and not labels.is_empty:
            raise InputError(f"{labels.where}: no chunk of its largest level is there; copy the store again")
        pixels = labels.read(time=time if labels.shape[0] > 1 else 0, channels=[0])[0]
        return as_labels(pixels, where=labels.where)

    def _open_labels(self, name: str) -> Multiscale:
        node = self._node.child(f"labels/{name}")
        if node is None:
            raise InputError(f"{self.info.where}: its labels {name!a} are not there; copy the store again")
        labels = Multiscale(node)
        (t, c, z, *plane), (n_times, _, n_z, *image_plane) = labels.shape, self.info.shape
        if plane != image_plane or t not in (1, n_times) or z not in (1, n_z) or c != 1:
            raise InputError(
                f"{labels.where}: has the shape {labels.shape} (t, c, z, y, x) beside an image of {self.info.shape}; "
                "expected its size: make the labels again"
            )
        return labels


def open_ome_zarr(path: Path) -> list[OmeZarrImage]:
    """All images of the OME-Zarr image, plate, well or bioformats2raw collection `path`, in the order of its metadata.

    Anything else, a group that only happens to contain images among them, is an `InputError`.
    """
    node = open_node(path)
    if node.array is not None:
        raise InputError(f"{path}: is a bare Zarr array without OME's metadata; name the folder of an OME-Zarr image")
    block = ome_block(node)
    if "plate" in block:
        return _plate(node, block["plate"], path.name)
    if "well" in block:
        return _images(node, {path: ("", "", path) for path in _fields(node)})
    if "multiscales" in block:
        return [OmeZarrImage(node, name=path.name or node.root.name)]
    if _LAYOUT in block or _LAYOUT in node.attributes:
        return _images(node, dict.fromkeys(_series(node), ("", "", "")))
    raise InputError(
        f"{path}: is a Zarr group without OME's metadata (multiscales, plate, well or {_LAYOUT}); name the folder of "
        "an OME-Zarr image"
    )


def _plate(node: Node, plate: object, folder: str) -> list[OmeZarrImage]:
    if not isinstance(plate, dict):
        raise InputError(f"{node.where}: its metadata 'plate' are no JSON object; export the plate again")
    name = plate.get("name")
    title = name if isinstance(name, str) and name else folder.removesuffix(".zarr").removesuffix(".ome")
    places: dict[str, tuple[str, str, str]] = {}
    for path in listed_paths(plate, "wells", node.where):
        well = node.child(path)
        fields = [""] if well is None else _fields(well)
        places |= {f"{path}/{field}".rstrip("/"): (title, _well_name(path, node.where), field) for field in fields}
    return _images(node, places)


def _fields(well: Node) -> list[str]:
    listed = ome_block(well).get("well")
    if not isinstance(listed, dict):
        raise InputError(f"{well.where}: is no well that lists its images; export the plate again")
    return listed_paths(listed, "images", well.where)


def _well_name(path: str, where: str) -> str:
    """`B03` for `B/3`."""
    row, _, column = path.partition("/")
    if not row or not column or "/" in column:
        raise InputError(f"{where}: its metadata name the well {path!a}; expected row/column, e.g. B/3")
    return row + (column.zfill(2) if column.isdecimal() else column)


def _series(node: Node) -> list[str]:
    """The images of a bioformats2raw collection, as listed in the group `OME`, otherwise its numbered groups."""
    ome = node.child("OME")
    listed = None if ome is None else ome_block(ome).get("series")
    if isinstance(listed, list):
        return list(dict.fromkeys(safe_name(name, where=node.where) for name in listed))
    numbers = {int(at.name) for at in node.path.iterdir() if at.name.isdecimal() and at.name == str(int(at.name))}
    gaps = range(min(max(numbers, default=0), len(numbers) + 100))
    return [str(number) for number in sorted(numbers | set(gaps))]


def _images(node: Node, places: dict[str, tuple[str, str, str]]) -> list[OmeZarrImage]:
    """The images at the paths `places`; those that are not there are told in a remark on all others."""
    found = {path: node.child(path) for path in places}
    missing = [path for path, child in found.items() if child is None]
    shown = ", ".join(ascii(path)[1:-1] for path in missing[:5]) + (", ..." if len(missing) > 5 else "")
    if len(missing) == len(found):
        raise InputError(
            f"{node.where}: none of its {len(found)} images is there ({shown or 'it lists none'}); copy it again"
        )
    remark = (
        f"{len(missing)} of {len(found)} images and wells that are listed are not there: {shown}" if missing else ""
    )
    return [
        OmeZarrImage(child, name=path, place=places[path], remark=remark)
        for path, child in found.items()
        if child is not None
    ]
