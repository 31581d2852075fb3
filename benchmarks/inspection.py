"""What do the checks of `multiscope data inspect` find in real images, and what in images that were spoilt on purpose?

    python benchmarks/inspection.py FOLDER

FOLDER holds the sets `dsb2018_nuclei`, `neubias`, `cellprofiler_examples`, `yeast_cyclenet_fields` and
`stardist_nuclei2d`. Prints in how many real images each check fires, set by set, and the share of images in which it
fires after the defect it looks for was put on them.
"""

from __future__ import annotations

import argparse
import io
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from multiscope.errors import InputError
from multiscope.images.open import open_images
from multiscope.quality.duplicates import ALIKE, near_duplicates, thumbnail
from multiscope.quality.look import look_at
from multiscope.quality.summary import Quality

Plane = npt.NDArray[Any]
SETS = {
    "dsb2018_nuclei": "dsb2018_nuclei/images",
    "neubias": "neubias",
    "cellprofiler illumination": "cellprofiler_examples/illumination_AS_09047.zip",
    "cellprofiler human": "cellprofiler_examples/ExampleHuman",
    "cellprofiler vitra": "cellprofiler_examples/ExampleVitraImages",
    "cellprofiler other": "cellprofiler_examples/other",
    "yeast_cyclenet_fields": "yeast_cyclenet_fields/example.zip",
    "stardist_nuclei2d": "stardist_nuclei2d",
}
rng = np.random.default_rng(0)


def planes_in(path: Path) -> Iterator[tuple[str, str, Plane]]:
    """Name, channel and the middle plane of every channel of every image."""
    with open_images(path) as source:
        for image in source:
            try:
                pixels = image.read()
            except InputError:
                continue
            for channel, stack in enumerate(pixels):
                marked = image.info.name.rsplit("ch", 1)[-1][:1] if "fk1fl1" in image.info.name else str(channel)
                yield image.info.name, marked, stack[len(stack) // 2]


def stretched(plane: Plane) -> Plane:
    """In 8 bits, as people save images for a slide."""
    low, high = np.percentile(plane, (1, 99.8))
    return np.clip((plane - low) / max(high - low, 1) * 255, 0, 255).astype(np.uint8)


def jpeg(quality: int) -> Callable[[Plane], Plane]:
    """Saved as JPEG and read again."""

    def saved(plane: Plane) -> Plane:
        file = io.BytesIO()
        Image.fromarray(stretched(plane)).save(file, "jpeg", quality=quality)
        return np.asarray(Image.open(file))

    return saved


def bar(thickness: int) -> Callable[[Plane], Plane]:
    """A scale bar at the type's maximum near the lower right corner."""

    def drawn(plane: Plane) -> Plane:
        found, (height, width) = plane.copy(), plane.shape
        y, length = height - thickness - int(rng.integers(2, 24)), int(width * rng.uniform(0.05, 0.25))
        x = width - length - int(rng.integers(2, 24))
        found[y : y + thickness, x : x + length] = np.iinfo(plane.dtype).max
        return found

    return drawn


def text(plane: Plane) -> Plane:
    """A time stamp."""
    canvas = Image.new("L", plane.shape[::-1])
    font = ImageFont.load_default(size=int(rng.integers(10, 22)))
    ImageDraw.Draw(canvas).text((plane.shape[1] // 2, 8), "00:15 min", fill=255, font=font)
    opacity = np.asarray(canvas) / 255.0
    return (stretched(plane) * (1 - opacity) + 255 * opacity).astype(np.uint8)


def hot(plane: Plane) -> Plane:
    """One pixel at five times the 99.9th percentile."""
    found = plane.astype(np.uint16)
    y, x = (int(rng.integers(2, size - 2)) for size in plane.shape)
    found[y, x] = min(65535, 5 * float(np.percentile(plane, 99.9)) + 50)
    return found


def overexposed(plane: Plane) -> Plane:
    """The brightest half percent cut off at 12 bits."""
    return np.minimum(plane / max(np.percentile(plane, 99.5), 1) * 4095, 4095).astype(np.uint16)


def cut(plane: Plane) -> Plane:
    """A background of the 20th percentile subtracted."""
    return np.clip(plane.astype(np.int64) - int(np.percentile(plane, 20)) - 1, 0, None).astype(np.uint16)


SPOILT: dict[str, tuple[str, Callable[[Plane], Plane]]] = {
    "12 bits + 32768": ("offset", lambda plane: stretched(plane).astype(np.uint16) * 16 + 32768),
    "overexposed": ("saturated", overexposed),
    "background subtracted": ("clipped", cut),
    **{f"JPEG quality {quality}": ("jpeg_grid", jpeg(quality)) for quality in (50, 75, 85, 90, 95)},
    "scale bar, 2 pixels thick": ("annotation", bar(2)),
    "scale bar, 5 pixels thick": ("annotation", bar(5)),
    "time stamp": ("annotation", text),
    "one hot pixel": ("hot_pixels", hot),
}
ALTERED: dict[str, Callable[[Plane], Plane]] = {
    "noise, 5 % of the range": lambda p: p + rng.normal(0, 0.05 * np.ptp(np.percentile(p, (1, 99.8))), p.shape),
    "noise, 10 % of the range": lambda p: p + rng.normal(0, 0.1 * np.ptp(np.percentile(p, (1, 99.8))), p.shape),
    "rescaled": lambda p: p * 0.37 + 500,
    "stretched to 8 bits": stretched,
    "gamma 0.6": lambda p: stretched(p).astype(float) ** 0.6,
    "blurred by 1 pixel": lambda p: ndimage.gaussian_filter(p.astype(float), 1),
    "JPEG quality 50": jpeg(50),
}


def real(sets: dict[str, list[tuple[str, str, Plane]]]) -> pd.DataFrame:
    """Per set: number of planes, and of findings of each code; for all fields of a channel together 1 or 0."""
    rows = []
    for name, planes in sets.items():
        quality = Quality()
        for image, channel, plane in planes:
            quality.add(look_at(f"{image} {channel}", [plane[None]], channels=[channel]))
        rows.append({"set": name, "planes": len(planes)} | {told.code: told.n for told in quality.notices()})
    return pd.DataFrame(rows).fillna(0).set_index("set").astype(int)


def hits(planes: list[Plane]) -> pd.DataFrame:
    """Share of planes in which a check fires before and after the defect."""
    rows = []
    for name, (code, spoil) in SPOILT.items():
        before, after = (
            np.mean(
                [any(f.code == code for f in look_at("x", [p[None]], channels=["x"]).channels[0].findings) for p in ps]
            )
            for ps in (planes, [spoil(plane) for plane in planes])
        )
        rows.append({"defect": name, "check": code, "clean": before, "spoilt": after})
    return pd.DataFrame(rows).set_index("defect")


def copies(planes: list[Plane]) -> pd.DataFrame:
    """Share of altered copies that are taken for the same picture, and correlation of the most alike other images."""
    originals = np.stack([thumbnail(plane) for plane in planes])
    rows = []
    for name, alter in ALTERED.items():
        altered = np.stack([thumbnail(alter(plane)) for plane in planes])
        rows.append({"copy": name, "found": float(((originals * altered).sum(axis=1) >= ALIKE).mean())})
    others = originals @ originals.T
    np.fill_diagonal(others, 0)
    pairs = len(near_duplicates(originals))
    rows.append(
        {
            "copy": f"other images: {pairs} pairs (most are channels of one field) are taken for copies; most alike",
            "found": float(others.max()),
        }
    )
    return pd.DataFrame(rows).set_index("copy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the real sets")
    folder = parser.parse_args().folder
    sets = {name: list(planes_in(folder / place)) for name, place in SETS.items() if (folder / place).exists()}
    by_size: dict[str, list[Plane]] = defaultdict(list)
    for name, planes in sets.items():
        whole = [plane for _, _, plane in planes if min(plane.shape) >= 128 and plane.dtype.kind == "u"]
        by_size[name] = whole[:: max(len(whole) // 40, 1)]
    mixed = [plane for planes in by_size.values() for plane in planes if np.ptp(plane) > 20]
    with pd.option_context("display.width", 240, "display.max_columns", 30):
        print("Real images: planes in which a check fires\n", real(sets).T.to_string(), sep="")
        print(f"\nSpoilt images ({len(mixed)} real planes): share in which the check fires")
        print(hits(mixed).to_string(float_format="{:.2f}".format))
        print(f"\nAltered copies of {len(mixed)} real planes: share taken for the same picture")
        print(copies(mixed).to_string(float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
