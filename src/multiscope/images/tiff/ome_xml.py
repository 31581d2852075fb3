"""OME-XML: what an OME-TIFF says of its images, parsed without entities and bounded in size.

https://docs.openmicroscopy.org/ome-model/6.3.1/ome-tiff/specification.html
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from xml.etree import ElementTree

from multiscope.errors import InputError
from multiscope.images.units import micrometres
from multiscope.stores.pixel_size import PixelSize

MAX_XML_BYTES = 2**25
_Element = ElementTree.Element


@dataclass(frozen=True)
class TiffData:
    """A run of planes in a file."""

    first: dict[str, int] = field(default_factory=dict)
    """Of C, Z, T; 0 where not given."""
    ifd: int | None = None
    count: int | None = None
    uuid: str = ""
    file: str = ""


@dataclass(frozen=True)
class OmeImage:
    """One image (series)."""

    id: str
    order: str
    """E.g. `XYCZT`: of the planes, C runs fastest."""
    sizes: dict[str, int]
    """Of X, Y, Z, C, T."""
    samples: int
    """Channels in each plane."""
    channels: tuple[str, ...]
    """One name a channel, or none."""
    pixel_size: PixelSize
    tiff_data: tuple[TiffData, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class OmeXml:
    """A whole document."""

    uuid: str
    images: tuple[OmeImage, ...]
    metadata_file: str
    """Where the metadata is, if it is not here."""
    wells: dict[str, tuple[str, str, str]]
    """Plate, well and site of the images (by id) that have one."""


def is_ome_xml(text: str) -> bool:
    """Whether a text is OME-XML, going by its end."""
    return text.rstrip(" \t\r\n\0").endswith("OME>")


def parse_ome(text: str, *, where: str) -> OmeXml:
    """Parse OME-XML; damage, DOCTYPE and entities are an `InputError`."""
    text = text.strip(" \t\r\n\0\ufeff")
    if len(text) > MAX_XML_BYTES or "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{where}: has OME-XML with a DOCTYPE or beyond {MAX_XML_BYTES} bytes; export it again")
    try:
        root = ElementTree.fromstring(text)
        binary_only = next(iter(_all(root, "BinaryOnly")), None)
        return OmeXml(
            uuid=root.get("UUID", ""),
            images=tuple(_image(image, pixels) for image in _all(root, "Image") for pixels in _all(image, "Pixels")),
            metadata_file=binary_only.get("MetadataFile", "") if binary_only is not None else "",
            wells=_wells(root),
        )
    except (ElementTree.ParseError, ValueError, KeyError, OverflowError) as error:
        fault = " ".join(str(error).split())[:100]
        raise InputError(f"{where}: its OME-XML is damaged ({fault}); copy or export the file again") from None


def _all(parent: _Element, tag: str) -> list[_Element]:
    return [child for child in parent if child.tag.rpartition("}")[2] == tag]


def _image(image: _Element, pixels: _Element) -> OmeImage:
    order = pixels.get("DimensionOrder", "XYZCT")
    if order[:2] != "XY" or sorted(order) != sorted("XYZCT"):
        raise ValueError(f"DimensionOrder {order[:20]!r}")
    sizes = {axis: _whole(pixels, f"Size{axis}") for axis in order}
    if min(sizes.values()) < 1:
        raise ValueError(f"sizes {sizes}")
    channels = _all(pixels, "Channel")
    samples = {_whole(channel, "SamplesPerPixel", 1) for channel in channels} or {1}
    if len(samples) > 1 or min(samples) < 1 or sizes["C"] % min(samples):
        raise ValueError(f"SamplesPerPixel {sorted(samples)}")
    names, remarks = _channel_names(channels, sizes["C"])
    pixel_size, unknown = _pixel_size(pixels)
    return OmeImage(
        id=image.get("ID", ""),
        order=order,
        sizes=sizes,
        samples=min(samples),
        channels=names,
        pixel_size=pixel_size,
        tiff_data=tuple(_tiff_data(data) for data in _all(pixels, "TiffData")),
        remarks=(*remarks, *unknown),
    )


def _whole(element: _Element, key: str, default: int | None = None) -> int:
    text = element.get(key)
    if text is None and default is not None:
        return default
    if text is None or not text.strip().isascii() or not text.strip().isdigit():
        raise ValueError(f"{key} {ascii(text)[:20]}")
    return int(text)


def _channel_names(channels: list[_Element], n: int) -> tuple[tuple[str, ...], list[str]]:
    names = [" ".join(channel.get("Name", "").split()) for channel in channels]
    if len(names) != n or not any(names):
        return (), []
    names = [name or f"channel {number}" for number, name in enumerate(names)]
    name, n_so_named = Counter(names).most_common(1)[0]
    if n_so_named > 1:
        return (), [f"several channels are named {name[:80]!a}: channels go by their order"]
    return tuple(names), []


def _pixel_size(pixels: _Element) -> tuple[PixelSize, list[str]]:
    found: dict[str, float | None] = {}
    remarks = []
    for axis in "ZYX":
        text = pixels.get(f"PhysicalSize{axis}")
        if text is None:
            found[axis] = None
            continue
        unit = pixels.get(f"PhysicalSize{axis}Unit", "µm")
        found[axis] = micrometres(float(text), unit)
        if found[axis] is None:
            remarks.append(
                f"PhysicalSize{axis} {ascii(text)[1:-1]} {ascii(unit)[1:-1]} is no length that is understood"
            )
    return PixelSize(found["Z"], found["Y"], found["X"]), remarks


def _tiff_data(data: _Element) -> TiffData:
    uuid = next(iter(_all(data, "UUID")), None)
    count = data.get("PlaneCount", data.get("NumPlanes"))
    return TiffData(
        first={axis: _whole(data, f"First{axis}", 0) for axis in "CZT"},
        ifd=_whole(data, "IFD") if "IFD" in data.attrib else None,
        count=int(count) if count is not None else None,
        uuid=(uuid.text or "").strip() if uuid is not None else "",
        file=uuid.get("FileName", "") if uuid is not None else "",
    )


def _wells(root: _Element) -> dict[str, tuple[str, str, str]]:
    found: dict[str, tuple[str, str, str]] = {}
    for plate in _all(root, "Plate"):
        name = plate.get("Name", "") or plate.get("ID", "")
        for well in _all(plate, "Well"):
            place = _well_name(_whole(well, "Row"), _whole(well, "Column"))
            for number, sample in enumerate(_all(well, "WellSample")):
                for image in _all(sample, "ImageRef"):
                    found[image.get("ID", "")] = (name, place, str(number))
    return found


def _well_name(row: int, column: int) -> str:
    """`B03` of row 1, column 2."""
    letters = ""
    row += 1
    while row:
        row, rest = divmod(row - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{column + 1:02d}"
