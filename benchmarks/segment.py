"""How well `segment` with the method `threshold` finds nuclei, beside Otsu's threshold and connected components alone.

    python benchmarks/segment.py ../shared/data

Real images with given labels: `dsb2018_nuclei` (291 fields) and `stardist_nuclei2d` (one). A found object is right if
it shares more than half of its union with a given one (IoU > 0.5). AP = right / (right + wrong + missed) and F1 =
2 right / (2 right + wrong + missed) of each image; mean and standard deviation over images. Both methods drop objects
below `min_area`; given labels are taken as they are. The defaults of the configuration were not fitted to these images.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.io import imread

from multiscope.config import Segment
from multiscope.segment.methods import open_method, remove_small

Plane = npt.NDArray[np.generic]
Finder = Callable[[Plane], Plane]


def match(given: Plane, found: Plane) -> tuple[int, int, int]:
    """Objects of `found` that are right, wrong, and missed: more than half of the union in common."""
    n_given, given_numbers = _numbered(given)
    n_found, found_numbers = _numbered(found)
    pairs = given_numbers.ravel() * (n_found + 1) + found_numbers.ravel()
    common = np.bincount(pairs, minlength=(n_given + 1) * (n_found + 1)).reshape(n_given + 1, n_found + 1)
    union = common.sum(axis=1, keepdims=True) + common.sum(axis=0, keepdims=True) - common
    # above one half, no object can match two others
    right = int((2 * common > union)[1:, 1:].sum())
    return right, n_found - right, n_given - right


def _numbered(labels: Plane) -> tuple[int, npt.NDArray[np.int64]]:
    present, numbers = np.unique(labels, return_inverse=True)
    shift = 0 if present[0] == 0 else 1
    return len(present) - 1 + shift, numbers.reshape(labels.shape) + shift


def naive(plane: Plane, min_area: int = 30) -> Plane:
    """Otsu's threshold and connected components."""
    labels = ndimage.label(plane > threshold_otsu(plane))[0]
    return remove_small(labels.astype(np.uint32), min_area)[0]


def images(data: Path) -> Iterator[tuple[str, Plane, Plane]]:
    """Name of the set, image and labels."""
    for path in sorted((data / "dsb2018_nuclei" / "images").iterdir()):
        yield "dsb2018_nuclei", imread(path), imread(data / "dsb2018_nuclei" / "labels" / path.name)
    star = data / "stardist_nuclei2d"
    yield "stardist_nuclei2d", imread(star / "img2d.tif"), imread(star / "mask2d.tif")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with dsb2018_nuclei and stardist_nuclei2d")
    config = Segment(data="x")
    by_threshold = open_method(config)
    methods: dict[str, Finder] = {
        "threshold (multiscope)": lambda plane: remove_small(by_threshold(plane), config.min_area)[0],
        "Otsu + components": lambda plane: naive(plane, config.min_area),
    }
    rows: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for name, plane, given in images(parser.parse_args().data):
        for method, find in methods.items():
            started = time.perf_counter()
            right, wrong, missed = match(given, find(plane))
            seconds = time.perf_counter() - started
            scores = (right / (right + wrong + missed), 2 * right / (2 * right + wrong + missed), seconds)
            rows.setdefault((name, method), []).append(scores)
    print(f"defaults: {config.model_dump(include={'sigma', 'min_distance', 'min_area'})}\n")
    print("| data | method | images | AP (IoU 0.5) | F1 | s an image |\n|---|---|---|---|---|---|")
    for (name, method), scored in rows.items():
        (ap, f1, seconds), (sd_ap, sd_f1, _) = np.mean(scored, axis=0), np.std(scored, axis=0)
        spread = (f" ± {sd_ap:.3f}", f" ± {sd_f1:.3f}") if len(scored) > 1 else ("", "")
        print(f"| {name} | {method} | {len(scored)} | {ap:.3f}{spread[0]} | {f1:.3f}{spread[1]} | {seconds:.3f} |")
    pairs = zip(
        rows["dsb2018_nuclei", "threshold (multiscope)"], rows["dsb2018_nuclei", "Otsu + components"], strict=True
    )
    gain = np.array([ours[0] - bare[0] for ours, bare in pairs])
    better, worse = (gain > 0).sum(), (gain < 0).sum()
    print(f"\ndsb2018_nuclei: AP {gain.mean():+.3f} image by image, better in {better}, worse in {worse}")


if __name__ == "__main__":
    main()
