"""The section on cells: galleries of crops, what was dropped, what was found."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from multiscope import config
from multiscope.crop.stage import run as run_crop
from multiscope.report.gallery import _part
from multiscope.report.stage import run
from multiscope.segment.stage import run as run_segment
from multiscope.stores.samples import SampleStore
from tests.segment.folders import blobs, make_data


def page(folder: Path, **inputs: list[Path]) -> str:
    run_config = config.Config(data={"tiny": config.VirtualScreen(reader="virtual_screen")})
    run(out=folder / "report", config=config.Report(n_examples=1), run_config=run_config, **inputs)  # type: ignore[arg-type]
    return (folder / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown(tiny_screen: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The page of two sources of a screen."""
    folder = tmp_path_factory.mktemp("cells")
    settings = config.Crop(data="tiny", size=48, min_area=300)
    for source in ("degraded", "clean"):
        run_crop(data=tiny_screen, source=source, restored=None, out=folder / source, config=settings)
    return page(folder, data=[tiny_screen], crops=[folder / "degraded", folder / "clean"]), folder


def test_the_same_random_cells_of_every_source_are_shown(shown: tuple[str, Path]) -> None:
    html, folder = shown
    assert '<section id="cells">' in html
    cells = pd.read_csv(folder / "report" / "figures" / "crops_tiny.csv")
    store = SampleStore(folder / "clean" / "crops.zarr")
    assert len(cells) == 8
    assert set(cells["cell_id"]) <= set(store.table["cell_id"])
    assert "from degraded, clean, outlined" in html
    image = np.asarray(Image.open(folder / "report" / "figures" / "crops_tiny.png").convert("RGB")).astype(int)
    assert (np.abs(image - [0x56, 0xB4, 0xE9]).max(axis=2) < 40).sum() > 500  # outlines


def test_everything_dropped_is_counted_and_shown_with_its_reason(shown: tuple[str, Path]) -> None:
    html, folder = shown
    dropped = pd.read_parquet(folder / "clean" / "dropped.parquet")
    table = re.search(r"what it means.*?</table>", html, flags=re.DOTALL)
    assert table
    text = " ".join(re.sub(r"<[^>]+>", " ", table[0]).split())
    for reason, n in dropped["reason"].value_counts().items():
        assert re.search(rf"{reason} [a-z_ ,]+ {n} ", text), (reason, n, text)
    assert set(pd.read_csv(folder / "report" / "figures" / "dropped_tiny.csv")["reason"]) == set(dropped["reason"])


def test_found_cells_are_shown_with_the_method_and_only_with_their_labels(tmp_path: Path) -> None:
    drawn = [blobs(seed)[0] for seed in range(2)]
    data = make_data(tmp_path / "data", [(f"W/{i}/0", p[None], None) for i, p in enumerate(drawn)], channels=["dna"])
    found = tmp_path / "found"
    run_segment(data=data, out=found, config=config.Segment(data="x"))
    settings = config.Crop(data="x", size=32)
    run_crop(data=data, source="clean", restored=None, labels=found, out=tmp_path / "clean", config=settings)
    html = page(tmp_path, data=[data], segmented=[found], crops=[tmp_path / "clean"])
    assert "segment.method: threshold" in html
    assert "Cells in fields of hand" in html and "What was dropped" not in html
    assert 'id="cells"' not in page(tmp_path, data=[data], crops=[tmp_path / "clean"])


@pytest.mark.parametrize("corner", [(-3, -3), (7, 7), (2, -5), (-20, 4), (30, 30), (2, 2)])
def test_a_part_beyond_the_field_is_empty(corner: tuple[int, int]) -> None:
    plane = np.arange(100.0).reshape(10, 10)
    top, left = corner
    expected = np.pad(plane, 40, constant_values=np.nan)[top + 40 : top + 46, left + 40 : left + 46]
    np.testing.assert_array_equal(_part(plane, top, left, 6), expected)
