"""What is read of files that other programs wrote: the table of docs/formats.md.

    python benchmarks/formats.py DATA [--out docs/formats.md]

DATA is a folder of real images with the folders `ome_written_by_tools`, `ome_third_party` and `neubias`; their READMEs
say where they are from. The images are not part of this repository.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from multiscope.images.image import Image
from multiscope.images.open import open_images

FOLDERS = {
    "ome_written_by_tools": "One image of three channels, 256 x 256, written as OME-Zarr, OME-TIFF and ImageJ TIFF by "
    "ome-zarr-py, ngff-zarr, bioio, ngio, iohub and tifffile. Each reads to minimum 106, maximum 4326, mean 411.89.",
    "ome_third_party": "Files that the viewers Viv and Neuroglancer are tested with.",
    "neubias": "Images of the NEUBIAS training resources, saved by ImageJ.",
}
_HEAD = """# Image files that are read

Written by `python benchmarks/formats.py DATA` from real files (DATA: a folder with the ones below); a test compares the
table where the files are there. Do not edit by hand.

| kind | what is read |
|---|---|
| OME-Zarr 0.1 to 0.5 | images, plates, wells and bioformats2raw collections, with labels, found by their metadata |
| OME-TIFF | 2D to 5D in any order of axes, pyramids (their full size), several images a file, plates, sets of files |
| ImageJ TIFF | stacks and hyperstacks, also those beyond 4 GB; names of channels where slices are labelled so |
| other TIFF | BigTIFF, strips and tiles, usual compressions, 1 to 64 bit; pages of one size are a stack in z |
| PNG, JPEG | 8 and 16 bit, grey, colour and palette; JPEG is told to be lossy |
| npy, npz | arrays of images, nothing unpickled |
| folder | all of these, however deep, in natural order; what is no image is counted with the reason |
| zip archive | TIFF, PNG and JPEG in it, read in place |

Colours that are equal everywhere are one grey channel. Sizes of pixels are in micrometres (z, y, x), `-` where the file
does not say; resolutions of printers are no sizes of pixels. Shapes are t, c, z, y, x.
"""
_COLUMNS = ("file", "format", "axes", "shape", "type", "channels", "pixel size", "min", "max", "mean", "remarks")


def page(data: Path) -> str:
    """`docs/formats.md` from the files below `data`."""
    return "\n".join([_HEAD, *(line for name, about in FOLDERS.items() for line in _section(data / name, about))])


def _section(folder: Path, about: str) -> Iterator[str]:
    yield f"## {folder.name}\n\n{about}\n"
    yield f"| {' | '.join(_COLUMNS)} |"
    yield "|---" * len(_COLUMNS) + "|"
    with open_images(folder) as images:
        yield from (_row(image) for image in images)
        refused = {name: why for name, why in images.refused.items() if "is not an image" not in why}
    yield ""
    if refused:
        yield "Refused:\n"
        yield from (f"- `{name}`: {why.partition(f'{name}: ')[2]}" for name, why in refused.items())
        yield ""


def _row(image: Image) -> str:
    info = image.info
    pixels = np.stack([image.read(time=time) for time in range(info.shape[0])])
    size = (
        "-" if set(info.pixel_size) == {None} else " x ".join("-" if v is None else f"{v:.4g}" for v in info.pixel_size)
    )
    cells = [
        f"`{info.name}`",
        info.format,
        info.axes,
        " x ".join(map(str, info.shape)),
        str(info.dtype),
        ", ".join(info.channels) or "-",
        size,
        f"{pixels.min():g}",
        f"{pixels.max():g}",
        f"{pixels.mean(dtype=np.float64):.2f}",
        "; ".join(info.remarks),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/formats.md"))
    arguments = parser.parse_args()
    arguments.out.write_text(page(arguments.data), encoding="utf-8")


if __name__ == "__main__":
    main()
