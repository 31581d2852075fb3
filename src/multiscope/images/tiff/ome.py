"""OME-TIFF: planes found through OME-XML, in the file itself or in other files beside it."""

from __future__ import annotations

import math
from pathlib import Path

from multiscope.errors import InputError
from multiscope.images.bounded import Source, read_bounded
from multiscope.images.tiff.layout import Layout, PartFile
from multiscope.images.tiff.ome_xml import MAX_XML_BYTES, OmeImage, OmeXml, TiffData, is_ome_xml, parse_ome
from multiscope.images.tiff.pages import MAX_PAGES, PageRef, opened_tiff, page_at, page_offsets
from multiscope.images.tiff.plain import reordered

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def ome_layouts(
    text: str, source: Source, offsets: list[int], *, where: str, name: str, folder: Path | None
) -> list[Layout]:
    """The images that the OME-XML `text` of a TIFF file with pages at `offsets` describes."""
    document = parse_ome(text, where=where)
    files = _Files(folder, where=where, own=PartFile(source), own_name=Path(name).name, offsets=offsets)
    files.uuid = document.uuid
    if document.metadata_file:
        there = files.beside(document.metadata_file)
        document = parse_ome(_metadata_of(there, where), where=f"{where}: {there.name}")
        files.add(PartFile(there, there.name))
    return _layouts(document, files, where)


def tiff_of_companion(source: Source, *, where: str, name: str, folder: Path | None) -> list[Layout]:
    """The images that a metadata file (`.companion.ome`) describes."""
    content = read_bounded(source, limit=MAX_XML_BYTES, where=where, instead="name one of the TIFF files")
    return _layouts(parse_ome(_decoded(content, where), where=where), _Files(folder, where=where), where)


class _Files:
    """The files of a set, each looked into once."""

    def __init__(
        self,
        folder: Path | None,
        *,
        where: str,
        own: PartFile | None = None,
        own_name: str = "",
        offsets: list[int] | None = None,
    ) -> None:
        """`own` is the TIFF file that was opened, if it was one."""
        self.uuid, self.parts = "", [own] if own else []
        self._folder, self._where, self._own_name = folder, where, own_name
        self._numbers: dict[str, int] = {}
        self._offsets = {0: offsets or []} if own else {}
        self._has_own = own is not None

    def number(self, data: TiffData) -> int:
        """The file in which a run of planes is."""
        own = not data.file or data.file == self._own_name or (data.uuid != "" and data.uuid == self.uuid)
        if self._has_own and own:
            return 0
        if data.file not in self._numbers:
            self._numbers[data.file] = self.add(PartFile(self.beside(data.file), data.file))
        return self._numbers[data.file]

    def add(self, part: PartFile) -> int:
        """Another file of the set."""
        self.parts.append(part)
        return len(self.parts) - 1

    def claim(self, images: tuple[OmeImage, ...]) -> None:
        """A file that was renamed still names itself by its old name: it is the only one named, and is not there."""
        named = {data.file for image in images for data in image.tiff_data}
        if self._has_own and len(named) == 1 and (file := named.pop()) and not self._is_there(file):
            self._numbers[file] = 0

    def offsets(self, number: int) -> list[int]:
        """Offsets of the pages of a file."""
        if number not in self._offsets:
            part = self.parts[number]
            with opened_tiff(part.source, where=f"{self._where}: {part.name}") as tiff:
                self._offsets[number] = page_offsets(tiff, where=f"{self._where}: {part.name}")
        return self._offsets[number]

    def beside(self, name: str) -> Path:
        """A file in the same folder; any other place, and a missing file, are an `InputError`."""
        shown = ascii(name)[1:-1][:200]
        if self._folder is None:
            raise InputError(f"{self._where}: a part of it is in the file {shown}; unpack the archive to read the set")
        if not name or Path(name).name != name or "\\" in name or not name.isprintable():
            raise InputError(f"{self._where}: a part of it is in '{shown}'; expected a file in the same folder")
        if not self._is_there(name):
            raise InputError(
                f"{self._where}: a part of it is in the file {shown}, which is not beside it; copy all files of the "
                "set into one folder"
            )
        return self._folder / name

    def _is_there(self, name: str) -> bool:
        try:
            return self._folder is not None and Path(name).name == name and (self._folder / name).is_file()
        except (OSError, ValueError):
            return False


def _metadata_of(path: Path, where: str) -> str:
    """The OME-XML in a file of a set, itself a TIFF or not."""
    there = f"{where}: {path.name}"
    with path.open("rb") as file:
        magic = file.read(4)
    if magic in _TIFF_MAGIC:
        with opened_tiff(path, where=there) as tiff:
            text = str(page_at(tiff, page_offsets(tiff, where=there)[0]).description)
    else:
        text = _decoded(read_bounded(path, limit=MAX_XML_BYTES, where=there, instead="export the set again"), there)
    if not is_ome_xml(text):
        raise InputError(f"{there}: has no OME-XML, which should say what the set is; copy the set again")
    return text


def _decoded(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{where}: its OME-XML is not UTF-8; export it again") from None


def _layouts(document: OmeXml, files: _Files, where: str) -> list[Layout]:
    if not document.images:
        raise InputError(f"{where}: its OME-XML describes no image; export it again")
    n_planes = sum(_n_planes(image) for image in document.images)
    if n_planes > MAX_PAGES:
        raise InputError(f"{where}: describes {n_planes} planes; expected up to {MAX_PAGES}: cut it into parts")
    files.claim(document.images)
    found = [(image, _planes(image, files, where)) for image in document.images]
    return [
        Layout(
            format="OME-TIFF",
            sizes=(image.sizes["T"], image.sizes["C"] // image.samples, image.sizes["Z"]),
            pages=tuple(pages),
            files=tuple(files.parts),
            axes="".join(axis.lower() for axis in reversed(image.order[2:]) if _planes_of(image, axis) > 1),
            channels=image.channels,
            pixel_size=image.pixel_size,
            remarks=image.remarks,
            place=document.wells.get(image.id, ("", "", "")),
            plane=(image.sizes["Y"], image.sizes["X"]),
            samples=image.samples,
        )
        for image, pages in found
    ]


def _planes_of(image: OmeImage, axis: str) -> int:
    return image.sizes["C"] // image.samples if axis == "C" else image.sizes[axis]


def _n_planes(image: OmeImage) -> int:
    return math.prod(_planes_of(image, axis) for axis in "CZT")


def _planes(image: OmeImage, files: _Files, where: str) -> list[PageRef]:
    """The pages of an image in the order t, c, z; one that is missing is an `InputError`."""
    axes = image.order[:1:-1]
    sizes = [_planes_of(image, axis) for axis in axes]
    n, found = math.prod(sizes), dict[int, PageRef]()
    n_named = 0
    for data in image.tiff_data or (TiffData(),):
        file = files.number(data)
        offsets = files.offsets(file)
        at, ifd = _position(data, axes, sizes), data.ifd or 0
        # ImageJ leaves planes in the metadata that it cut off the image
        if at is None or ifd >= len(offsets):
            continue
        count = data.count if data.count is not None else 1 if data.ifd is not None else len(offsets)
        run = range(min(max(count, 0), n - at, len(offsets) - ifd))
        n_named += len(run)
        if n_named > 2 * n + 1000:
            raise InputError(f"{where}: its OME-XML names planes again and again; export it again")
        found |= {at + k: PageRef(file, offsets[ifd + k]) for k in run}
    if len(found) < n:
        missing = next(number for number in range(n) if number not in found)
        raise InputError(
            f"{where}: {n - len(found)} of its {n} planes are not in the file (number {missing} is the first); "
            "copy or export it again"
        )
    return reordered([found[number] for number in range(n)], axes.lower(), sizes)


def _position(data: TiffData, axes: str, sizes: list[int]) -> int | None:
    """Number of the first plane of a run, or None where the image has no such plane."""
    at = 0
    for axis, size in zip(axes, sizes, strict=True):
        if data.first.get(axis, 0) >= size:
            return None
        at = at * size + data.first.get(axis, 0)
    return at
