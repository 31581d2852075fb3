"""How many files and folders a run leaves, by stage, and how many a larger one will: quotas of clusters count both.

python -m benchmarks.inodes results                     # of what is there
python -m benchmarks.inodes --fields 10000 --size 1024  # of a screen of that size
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SMALLEST = 64
"""Pixels a side of the smallest copy of an image."""


@dataclass(frozen=True)
class Used:
    """What a folder takes."""

    files: int
    folders: int
    """With the folder itself."""
    nbytes: int

    @property
    def inodes(self) -> int:
        """What a quota counts."""
        return self.files + self.folders


def used(folder: Path) -> Used:
    """What `folder` takes, everything below it included."""
    below = list(folder.rglob("*"))
    files = [path.stat() for path in below if path.is_file()]
    return Used(len(files), len(below) - len(files) + 1, sum(file.st_blocks * 512 for file in files))


def levels(size: int) -> int:
    """Copies of an image of `size` pixels a side, itself included: each half as large, down to 64 pixels."""
    return 1 + max(0, math.floor(math.log2(size / SMALLEST)))


def of_image(size: int) -> int:
    """Inodes of one image (c, y, x): its group, and in each level an array with its shard below c/0/0."""
    return 2 + 6 * levels(size)


def of_labels(size: int) -> int:
    """Inodes of the label image beside it: two groups, and in each level an array with its shard below c/0."""
    return 4 + 5 * levels(size)


def table(results: Path) -> Iterator[str]:
    """A line a stage, then all of them."""
    yield f"{'stage':10} {'folders of results':>18} {'files':>8} {'inodes':>8} {'MB':>8}"
    stages = sorted(path for path in results.iterdir() if path.is_dir())
    for stage in stages:
        yield _line(stage.name, len(list(stage.rglob("manifest.json"))), used(stage))
    yield _line("all", len(list(results.rglob("manifest.json"))), used(results))


def _line(name: str, jobs: int, found: Used) -> str:
    return f"{name:10} {jobs:18} {found.files:8} {found.inodes:8} {found.nbytes / 1e6:8.1f}"


def budget(fields: int, size: int) -> Iterator[str]:
    """Inodes that grow with the number of fields; everything else is a few hundred a folder."""
    image, labels = of_image(size), of_labels(size)
    yield f"{fields} fields of {size} x {size} pixels, {levels(size)} levels:"
    for what, each in (
        ("data, clean images with labels", image + labels),
        ("data, clean images without labels", image),
        ("data, a degraded copy of each", image),
        ("segment, where it finds the cells", labels - 2),
        ("restore, a restored copy of each, for one method and seed", image),
    ):
        yield f"  {what:58} {each:4} a field {fields * each:10}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", help="folder of results")
    parser.add_argument("--fields", type=int, help="number of fields of a screen")
    parser.add_argument("--size", type=int, default=1024, help="height and width of a field in pixels")
    asked = parser.parse_args()
    if asked.results is None and asked.fields is None:
        parser.error("name a folder of results, or --fields")
    print("\n".join(table(asked.results) if asked.results else budget(asked.fields, asked.size)))


if __name__ == "__main__":
    main()
