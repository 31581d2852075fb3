"""Image files of unknown origin, known by their first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.images.bounded import Source, opened
from multiscope.images.colours import TRANSPARENT
from multiscope.images.image import Image, as_intensities
from multiscope.images.raster import open_bmp, open_jpeg, open_png
from multiscope.images.tiff.reader import open_companion, open_tiff

Array = npt.NDArray[Any]


def open_image_file(source: Source, *, where: str, name: str, folder: Path | None) -> list[Image]:
    """The images of a TIFF, PNG, JPEG or BMP file, or of a set of OME-TIFF files.

    The metadata is read, and the pixels of colour files, to tell whether they are grey. `where` names the file in
    messages, `name` in its source; parts of a set are looked for in `folder`, or refused where it is None. What is no
    image, damaged or too large is an `InputError`.
    """
    with opened(source, where=where) as file:
        start = file.read(512)
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return open_tiff(source, where=where, name=name, folder=folder)
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return open_png(source, where=where, name=name)
    if start.startswith(b"\xff\xd8\xff"):
        return open_jpeg(source, where=where, name=name)
    if start.startswith(b"BM"):
        return open_bmp(source, where=where, name=name)
    if name.endswith(".ome") and start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return open_companion(source, where=where, name=name, folder=folder)
    what = "is empty" if not start else "is not an image"
    raise InputError(f"{where}: {what}; expected a TIFF, PNG, JPEG or BMP file; export it as one")


def read_plane(source: Path | bytes, *, where: str) -> Array:
    """Read the one plane (Y, X) of an image file, or of the content of one; `where` names it in messages.

    uint8, uint16, uint32 and float32 keep their type and every value; see `as_intensities` for others. Several planes
    or channels, damage, NaN, and an image beyond 2^28 pixels are an `InputError`.
    """
    images = open_image_file(
        source, where=where, name=where, folder=source.parent if isinstance(source, Path) else None
    )
    if len(images) != 1:
        raise InputError(f"{where}: holds {len(images)} images; expected one: save each as a file of its own")
    info = images[0].info
    n_times, n_channels, n_z, _, _ = info.shape
    if (
        n_channels > 1
        and n_times == n_z == 1
        and info.axes in ("yxc", "cyx")
        and info.format in ("PNG", "JPEG", "BMP", "TIFF")
    ):
        what = "has transparent parts" if TRANSPARENT in info.remarks else "is a colour image"
        raise InputError(
            f"{where}: {what}; expected one channel of intensities: save each channel as a grey image of its own"
        )
    if n_times * n_channels * n_z > 1:
        n = n_times * n_channels * n_z
        raise InputError(f"{where}: holds {n} planes; expected one (Y, X): save each plane as a file of its own")
    return as_intensities(images[0].read()[0, 0], where=where)
