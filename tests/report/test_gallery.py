"""The section on cells: galleries of crops, what was dropped, what was found."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from multiscope import config
from multiscope.crop.stage import run as run_crop
from multiscope.folders.manifest import stage_output
from multiscope.report.gallery import KEPT, _outline, _part, _seen_at
from multiscope.report.stage import run
from multiscope.segment.stage import run as run_segment
from multiscope.stores.samples import SampleStore, write_samples
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


@pytest.mark.parametrize("n_planes", [None, 3])
def test_crops_that_were_given_are_shown(tmp_path: Path, n_planes: int | None) -> None:
    shape = (20, 2, *([] if n_planes is None else [n_planes]), 24, 24)
    images = np.random.default_rng(0).integers(100, 900, shape).astype(np.uint16)
    with stage_output(tmp_path / "given", stage="data", version=1, config={"reader": "crops"}, inputs={}) as made:
        table = pd.DataFrame({"cell_id": [f"<b>{i}" for i in range(20)], "field_id": "", "split": "train"})
        write_samples(made.path / "crops.zarr", {"image": images}, table)
        for key, value in {"kind": "crops", "dataset": "given", "channels": ["gfp", "dna"]}.items():
            made.note(key, value)
    html = page(tmp_path, data=[tmp_path / "given"])
    section = html[html.index('<section id="cells">') :]
    assert "Crops of given" in section and "8 of 20 crops, drawn at random" in section
    assert "cut from the fields" not in section and "<b>" not in section
    cells = pd.read_csv(tmp_path / "report" / "figures" / "crops_given.csv")
    assert len(cells) == 8 and set(cells["cell_id"]) <= set(table["cell_id"])


def test_outlines_of_a_small_field_leave_its_cells_to_be_seen() -> None:
    labels = np.zeros((48, 48), np.uint32)
    labels[10:20, 10:20] = 1
    labels[10:20, 20:30] = 2
    axis = Figure().subplots()
    _outline(axis, labels, KEPT)
    drawn = np.asarray(axis.images[0].get_array())
    inside = drawn[:, :, 3][drawn.shape[0] * 10 // 48 : drawn.shape[0] * 20 // 48][:, drawn.shape[1] * 10 // 48 :]
    assert (inside[:, : drawn.shape[1] * 10 // 48] > 0).mean() < 0.15
    assert {tuple(np.round(255 * colour[:3]).astype(int)) for colour in drawn[drawn[:, :, 3] > 0]} == {
        (0x56, 0xB4, 0xE9),
        (0, 0, 0),
    }
    assert tuple(axis.images[0].get_extent()) == (-0.5, 47.5, 47.5, -0.5)


def test_a_scattered_object_is_shown_at_its_largest_piece() -> None:
    mask = np.zeros((100, 100), bool)
    mask[5:12, 5:12] = mask[90:93, 90:93] = True
    assert _seen_at(mask, np.array([40, 40]), 16) == (0, 0)
    assert _seen_at(mask, np.array([4, 3]), 16) == (4, 3)


def test_hidden_objects_are_counted_but_have_no_picture(tmp_path: Path) -> None:
    plane, labels = blobs(0)
    stack, objects = np.stack([plane] * 3), np.stack([labels] * 3)
    objects[0, 60:63, 2:5] = 77
    objects[1, 60:63, 2:5] = 78
    objects[2, 60:63, 2:5] = 79
    data = make_data(tmp_path / "data", [("W/0/0", stack[None], objects)], channels=["dna"])
    settings = config.Crop(data="x", size=32, z="max", min_area=20)
    run_crop(data=data, source="clean", restored=None, out=tmp_path / "clean", config=settings)
    dropped = pd.read_parquet(tmp_path / "clean" / "dropped.parquet")
    assert "hidden" in set(dropped["reason"])
    html = page(tmp_path, data=[data], crops=[tmp_path / "clean"])
    assert "behind other objects" in html
    assert "hidden" not in set(pd.read_csv(tmp_path / "report" / "figures" / "dropped_hand.csv")["reason"])
