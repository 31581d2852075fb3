"""The section on what the images look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multiscope import config
from multiscope.data.quality import QualityCheck
from multiscope.errors import InputError
from multiscope.folders.manifest import stage_output
from multiscope.report.album import Album
from multiscope.report.blocks import Plot, Statements, Table
from multiscope.report.inputs import open_folders
from multiscope.report.page import render
from multiscope.report.quality import MOST_DRAWN, _panel, _statement, intensities, quality_blocks
from multiscope.report.sections import Results, what_they_look_like
from multiscope.report.stage import run
from tests.quality.test_duplicates import cells


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set of five fields, one of them saturated, with a hostile name."""
    out = tmp_path / "data" / "screen"
    check = QualityCheck(["gfp", "<b>rfp"])
    for i in range(5):
        image = np.stack([cells(i), cells(i + 20)])
        check.add("<script>" if i == 2 else f"f{i}", np.minimum(image, 600) if i == 2 else image)
    with stage_output(out, stage="data", version=1, config={"reader": "fields"}, inputs={}, seed=0) as made:
        check.table().to_parquet(made.path / "quality.parquet")
        made.note("dataset", "screen")
        made.note("warnings", check.warnings())
        made.note("remarks", ["a.tif: its channel <b>'DAPI' is taken for 'gfp'"])
    return out


def test_warnings_numbers_and_a_figure(data: Path, tmp_path: Path) -> None:
    warnings, numbers, plot = quality_blocks(Album(tmp_path / "figures"), open_folders([data])[0])
    assert isinstance(warnings, Statements) and isinstance(numbers, Table) and isinstance(plot, Plot)
    assert warnings.headline == "5 images looked at: 1 warning."
    assert (warnings.items[0].lead, warnings.items[0].verdict) == ("saturated", "worse")
    assert warnings.items[-1].text == "a.tif: its channel <b>'DAPI' is taken for 'gfp'"
    assert [row[0].text for row in numbers.rows] == ["gfp", "<b>rfp"]
    image = np.concatenate([np.minimum(cells(i), 600 if i == 2 else 65535).ravel() for i in range(5)])
    assert [cell.text for cell in numbers.rows[0][1:5]] == [
        "5",
        str(image.min()),
        str(image.max()),
        f"{image.mean():.6g}",
    ]
    drawn = pd.read_csv(tmp_path / "figures" / f"{plot.name}.csv")
    assert len(drawn) == 10


def test_the_page_has_the_section_and_escapes_names(data: Path, tmp_path: Path, run_config: config.Config) -> None:
    section = what_they_look_like(Album(tmp_path / "f"), Results(run_config=run_config, data=open_folders([data])))
    assert section is not None
    html = render(title="t", subtitle="s", sections=[section])
    assert "What the images look like" in html
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_the_report_has_it_after_what_was_run(data: Path, tmp_path: Path, run_config: config.Config) -> None:
    run(out=tmp_path / "report", config=config.Report(), run_config=run_config, data=[data])
    html = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert html.index('id="run"') < html.index('id="quality"')


def test_data_that_was_not_looked_at_has_no_section(tmp_path: Path) -> None:
    with stage_output(tmp_path / "d", stage="data", version=1, config={}, inputs={}, seed=0) as made:
        made.note("dataset", "d")
    assert quality_blocks(Album(tmp_path / "f"), open_folders([tmp_path / "d"])[0]) == []


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    with stage_output(tmp_path / "d", stage="data", version=1, config={}, inputs={}, seed=0) as made:
        pd.DataFrame({"field_id": ["a"]}).to_parquet(made.path / "quality.parquet")
    with pytest.raises(InputError, match=r"quality\.parquet: has no column channel"):
        quality_blocks(Album(tmp_path / "f"), open_folders([tmp_path / "d"])[0])


def test_of_many_images_some_are_drawn_and_the_caption_says_so(tmp_path: Path) -> None:
    n = 3 * MOST_DRAWN
    rows = {name: np.linspace(100, 200, n) for name in ("p0_1", "p1", "p50", "p99", "p99_9")}
    table = pd.DataFrame({"field_id": range(n), "channel": "gfp", **rows})
    plot = intensities(Album(tmp_path / "f"), "many", table)
    assert f"{MOST_DRAWN:,} images of each channel are drawn" in plot.caption
    assert len(pd.read_csv(tmp_path / "f" / f"{plot.name}.csv")) == MOST_DRAWN


def drawn_axis(**columns: list[float]) -> Axes:
    names = ("p0_1", "p1", "p50", "p99", "p99_9")
    n = len(next(iter(columns.values())))
    axis = Figure().subplots()
    _panel(axis, pd.DataFrame({"image": range(n), **{name: columns.get(name, [100.0] * n) for name in names}}))
    return axis


def test_a_logarithmic_axis_is_bounded_and_shows_every_median() -> None:
    bounded = drawn_axis(p0_1=[1e-15, 50.0], p99_9=[1e4, 1e4])
    assert (bounded.get_yscale(), bounded.get_ylim()[0]) == ("log", 1.0)
    usual = drawn_axis(p0_1=[60.0, 50.0], p99_9=[1e4, 1e4])
    assert (usual.get_yscale(), usual.get_ylim()[0]) == ("log", 50.0)
    for dark in (1e-12, 0.0, -3.0):
        assert drawn_axis(p0_1=[dark, 50.0], p50=[dark, 100.0], p99_9=[1e4, 1e4]).get_yscale() == "linear"


@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_images_are_numbered_by_whole_numbers(n: int) -> None:
    axis = drawn_axis(p50=[100.0] * n)
    ticks = [tick for tick in axis.get_xticks() if -0.5 <= tick <= n - 0.5]
    assert ticks and all(float(tick).is_integer() for tick in ticks)


def test_examples_are_called_examples() -> None:
    row = {
        "code": "eight_bit",
        "level": "information",
        "text": "72 of 72 images have 8 bits.",
        "examples": ["O01", "O02"],
    }
    assert _statement(row).text == "72 of 72 images have 8 bits. E.g. O01, O02."
