"""OME-XML that lists the images of a collection, for tools that look there instead of at `series`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from multiscope.stores.chunks import Chunks
from multiscope.stores.ome_metadata import OmeMetadata

_NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_TYPES = {"uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "float32": "float"}


def write_ome_xml(file: Path, store: Path, paths: Iterable[str]) -> None:
    """Write the metadata of the images at `paths` in `store` to `file`, in their order."""
    root = ElementTree.Element("OME", xmlns=_NAMESPACE)
    for path in paths:
        image = ElementTree.SubElement(root, "Image", ID=f"Image:{path}", Name=path)
        _add_pixels(image, store / path, name=path)
    ElementTree.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)


def _add_pixels(image: ElementTree.Element, path: Path, *, name: str) -> None:
    metadata = OmeMetadata(path)
    level = Chunks(metadata.level_0)
    sizes = {"t": 1, "z": 1} | dict(zip(metadata.axes, level.shape, strict=True))
    attributes = {f"Size{axis.upper()}": str(sizes[axis]) for axis in "xyzct"}
    for axis, size in metadata.pixel_size._asdict().items():
        if size is not None:
            attributes |= {f"PhysicalSize{axis.upper()}": str(size), f"PhysicalSize{axis.upper()}Unit": "µm"}
    kind = _TYPES[level.dtype.name]
    pixels = ElementTree.SubElement(
        image, "Pixels", {"ID": f"Pixels:{name}", "DimensionOrder": "XYZCT", "Type": kind, **attributes}
    )
    for number, channel in enumerate(metadata.channels):
        ElementTree.SubElement(pixels, "Channel", ID=f"Channel:{name}:{number}", Name=channel, SamplesPerPixel="1")
    ElementTree.SubElement(pixels, "MetadataOnly")
