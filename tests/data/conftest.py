"""Writing small folders of images, as people have them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

Images = Mapping[str, npt.NDArray[Any] | bytes]


def as_tiff(image: npt.NDArray[Any] | bytes) -> bytes:
    if isinstance(image, bytes):
        return image
    file = io.BytesIO()
    tifffile.imwrite(file, image)
    return file.getvalue()


@pytest.fixture(params=["folder", "zip"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Images], Path]:
    """Write named images into a folder, or into a zip archive."""

    def write(images: Images) -> Path:
        if request.param == "zip":
            return write_zip(tmp_path / "images.zip", images)
        return write_folder(tmp_path / "images", images)

    return write


def write_folder(path: Path, images: Images) -> Path:
    for name, image in images.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(as_tiff(image))
    return path


def write_zip(path: Path, images: Images) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, image in images.items():
            archive.writestr(name, as_tiff(image))
    return path


@pytest.fixture
def folder() -> Callable[[Path, Images], Path]:
    return write_folder


@pytest.fixture
def archive() -> Callable[[Path, Images], Path]:
    return write_zip


@pytest.fixture
def fields_on_disk(tmp_path: Path) -> Path:
    """Folder with `images` (2 proteins, 4 fields each, 2 channels, sizes differ) and `labels` (2 cells each)."""
    rng = np.random.default_rng(0)
    for protein in ("ACT1", "TUB1"):
        for number in range(4):
            shape = (70, 80 + number)
            labels = np.zeros(shape, np.uint16)
            labels[20:35, 25:40], labels[40:60, 50:70] = 3, 900
            for channel in ("gfp", "rfp"):
                image = (rng.poisson(100, shape) + 50 * (labels > 0)).astype(np.uint16)
                write_folder(tmp_path / "images", {f"{protein}_{number}_{channel}.tif": image})
            write_folder(tmp_path / "labels", {f"{protein}_{number}.tif": labels})
    return tmp_path
