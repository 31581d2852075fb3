"""Sheets of generated cells, a row for each compartment: to be looked at beside published images.

    python -m benchmarks.compartments docs/figures

Writes `compartments-yeast.png` and `compartments-human.png`: tagged proteins without planted differences, each row with
contrast of its own, and the cytosol marker of the last row's cells below.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from benchmarks.simulate import screen
from multiscope.config import Morphology
from multiscope.simulate.screen.crops import crops
from multiscope.simulate.screen.proteins import proteins

mpl.use("Agg")
from matplotlib import pyplot as plt

N = 12
CROP_SIZES: dict[Morphology, int] = {"yeast": 64, "human": 80}


def row(images: npt.NDArray[np.uint16]) -> npt.NDArray[np.float64]:
    """Crops (n, S, S) side by side, 0 to 1 from the darkest percent to the brightest 0.3 percent of all."""
    low, high = np.percentile(images, [1, 99.7])
    return np.hstack(list(np.clip((images - low) / (high - low), 0, 1)))


def sheet(morphology: Morphology) -> list[tuple[str, npt.NDArray[np.float64]]]:
    """Names and rows."""
    still = {"effects": {"process": 0, "pathway": 0, "complex": 0, "protein": 0}, "crop_size": CROP_SIZES[morphology]}
    config = type(screen(morphology)).model_validate(screen(morphology).model_dump() | still)
    rows = []
    for protein in proteins(config):
        images = crops(config, protein, [0]).image[:N].numpy()
        rows.append((protein.place.compartment.replace("_", " "), row(images[:, 0])))
    return [*rows, ("cytosol marker", row(images[:, 1]))]


def draw(rows: list[tuple[str, npt.NDArray[np.float64]]], path: Path) -> None:
    """Write the picture."""
    height, width = rows[0][1].shape
    figure, axes = plt.subplots(len(rows), 1, figsize=(10, 8.6 * len(rows) * height / width * 1.03))
    for axis, (name, image) in zip(axes, rows, strict=True):
        axis.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
        axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        axis.set_xticks([], [])
        axis.set_yticks([], [])
    figure.subplots_adjust(left=0.14, right=1, top=1, bottom=0, hspace=0.03)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main(argv: list[str] | None = None) -> None:
    """Draw both sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    folder.mkdir(parents=True, exist_ok=True)
    for morphology in CROP_SIZES:
        draw(sheet(morphology), folder / f"compartments-{morphology}.png")
        print(folder / f"compartments-{morphology}.png")


if __name__ == "__main__":
    main()
