"""Images at a path, whatever is there: a file, an OME-Zarr image, a folder or a zip archive of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.images.arrays import open_arrays
from multiscope.images.bounded import opened
from multiscope.images.container import Archive, Container, Folder, open_container, path_order
from multiscope.images.image import Image, ImageInfo
from multiscope.images.image_file import open_image_file
from multiscope.images.ome_zarr import is_zarr, open_ome_zarr

__all__ = ["Images", "open_image_file", "open_images", "open_member"]

_NPY, _HDF5, _ZIP = b"\x93NUMPY", b"\x89HDF\r\n\x1a\n", b"PK"
_Open = Callable[[], Sequence[Image]]


class Images:
    """The images at a path, in natural order; iterating reads the metadata, file by file, and no pixels."""

    def __init__(self, path: Path, files: Mapping[str, _Open], *, strict: bool) -> None:
        """`files` says how to open each file; if `strict`, one that cannot be read is an error, else it is counted."""
        self.path = path
        self.names = list(files)
        """Files and Zarr stores there, in natural order."""
        self.refused: dict[str, str] = {}
        """Why files were left out: complete after iterating."""
        self._files, self._strict = files, strict

    def __iter__(self) -> Iterator[Image]:
        """Open file by file; a set of files gives its images once, when its first file is reached."""
        self.refused.clear()
        told: set[str] = set()
        named: set[str] = set()
        for name, opener in self._files.items():
            if name in told:
                continue
            try:
                images = opener()
                _check_names(images, named)
            except InputError as error:
                if self._strict:
                    raise
                self.refused[name] = str(error)
                continue
            told.update(
                str(PurePosixPath(name).parent / partner) for image in images for partner in image.info.partners
            )
            named.update(image.info.name for image in images)
            yield from images


@dataclass(frozen=True)
class _Named:
    """An image by the name that it has in a folder of several sources."""

    image: Image
    info: ImageInfo

    def read(self, *, time: int = 0, channels: Sequence[int] | None = None) -> npt.NDArray[Any]:
        return self.image.read(time=time, channels=channels)

    def read_labels(self, name: str, *, time: int = 0) -> npt.NDArray[np.uint32]:
        return self.image.read_labels(name, time=time)


@contextmanager
def open_images(path: Path) -> Iterator[Images]:
    """The images at `path`: of one file or OME-Zarr store, or of all in a folder or zip archive.

    In a folder or archive hidden files are skipped, and what is no image is told in `refused`; a file or store named
    itself that cannot be read is an `InputError`.
    """
    if is_zarr(path):
        yield Images(path, {path.name: lambda: open_ome_zarr(path)}, strict=True)
    elif path.is_dir() or _is_archive(path):
        with open_container(path, key="the path") as container:
            yield Images(path, _files_of(container), strict=False)
    else:
        yield Images(path, {path.name: lambda: _open_file(path, str(path), path.name)}, strict=True)


def _check_names(images: Sequence[Image], before: set[str]) -> None:
    """Refuse names that tables cannot tell apart or hold."""
    seen = set(before)
    for info in (image.info for image in images):
        if info.name in seen:
            raise InputError(f"{info.where}: is a second image named {info.name!a}; rename one")
        if not info.name.isascii() and info.name.encode(errors="replace").decode() != info.name:
            raise InputError(f"{ascii(info.where)[1:-1]}: has a name that is not UTF-8; rename it")
        seen.add(info.name)


def _files_of(container: Folder | Archive) -> dict[str, _Open]:
    files: dict[str, _Open] = {name: partial(open_member, container, name) for name in container.names}
    files |= {name: partial(_open_store, container, name) for name in container.stores}
    return {name: files[name] for name in sorted(files, key=path_order)}


def open_member(container: Container, name: str) -> list[Image]:
    """The images of the file `name` of a folder or archive."""
    where = container.where(name)
    if not isinstance(container, Archive):
        source = container.read(name)
        assert isinstance(source, Path)
        return _open_file(source, where, name)
    # read again whenever it is needed: an archive need not fit into memory
    return open_image_file(partial(container.read, name), where=where, name=name, folder=None)


def _open_store(container: Folder | Archive, name: str) -> list[Image]:
    if not isinstance(container, Folder):
        raise InputError(f"{container.where(name)}: is a Zarr store in an archive; unpack the archive to read it")
    return _named(open_ome_zarr(container.read(name)), name)


def _open_file(path: Path, where: str, name: str) -> list[Image]:
    with opened(path, where=where) as file:
        start = file.read(8)
    if start == _HDF5:
        raise InputError(
            f"{where}: is an HDF5 file, of which only crops as DeepLoc publishes them are read; use 'reader: "
            "deeploc_hdf5', or export the images"
        )
    if start.startswith(_ZIP) and path.suffix.lower() != ".npz":
        raise InputError(f"{where}: is a zip archive among other files; name it itself to read what is in it")
    if start.startswith(_NPY) or (start.startswith(_ZIP) and path.suffix.lower() == ".npz"):
        images = open_arrays(path)
        return images if name == path.name else _named(images, name)
    return open_image_file(path, where=where, name=name, folder=path.parent)


def _named(images: Sequence[Image], name: str) -> list[Image]:
    """Images by the path of their file, and their name in it where there are several."""
    if len(images) == 1:
        return [_Named(images[0], replace(images[0].info, name=name))]
    return [_Named(image, replace(image.info, name=f"{name}/{image.info.name}")) for image in images]


def _is_archive(path: Path) -> bool:
    if path.suffix.lower() == ".npz" or not path.is_file():
        return False
    with opened(path, where=str(path)) as file:
        return file.read(2) == _ZIP
