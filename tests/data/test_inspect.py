"""`multiscope data inspect` as a user sees it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from multiscope import cli
from multiscope.data.inspect import Inspection, check_writable, inspect
from multiscope.data.overview import MOST_ROWS, print_overview, shown
from multiscope.errors import InputError
from tests.quality.test_duplicates import cells

Run = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `multiscope data ...`; returns exit code, what was printed, and the errors."""

    def call(*arguments: object) -> tuple[int, str, list[str]]:
        monkeypatch.setattr("sys.argv", ["multiscope", "data", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, [x for x in said.err.splitlines() if x.startswith("multiscope: ")]

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five fields of two channels, one of them saturated, a JPEG, and a text."""
    place = tmp_path / "images"
    place.mkdir()
    for i in range(5):
        image = np.stack([cells(i), cells(i + 50)])
        image = np.minimum(image, 1023) if i == 3 else image
        metadata = {"axes": "CYX", "Channel": {"Name": ["GFP [raw]", "DNA"]}, "PhysicalSizeX": 0.25,
                    "PhysicalSizeY": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}  # fmt: skip
        tifffile.imwrite(place / f"field{i}.ome.tif", image, metadata=metadata)
    Image.fromarray((cells(9) / 16).astype(np.uint8)).save(place / "slide.jpg", quality=80)
    (place / "notes.txt").write_text("of the day")
    return place


def unwrapped(text: str) -> str:
    """`text` on one line, for where a line is broken depends on how long the path of a test's folder is."""
    return " ".join(text.split())


def overview(found: Inspection) -> str:
    file = io.StringIO()
    print_overview(found, file)
    return file.getvalue()


def test_what_is_there_is_printed_with_exact_numbers(run: Run, folder: Path) -> None:
    code, out, errors = run("inspect", folder)
    assert (code, errors) == (0, [])
    assert f"{folder}: 6 images" in out
    row = next(line for line in out.splitlines() if "OME-TIFF" in line)
    assert row.split()[0] == "5"
    for word in ("field0.ome.tif", "2 x 256 x 256 (cyx)", "uint16", "0.25 x 0.25", "GFP [raw], DNA"):
        assert word in row
    line = next(line for line in out.splitlines() if line.startswith("field2.ome.tif") and "DNA" in line)
    image = cells(52)
    numbers = [float(word) for word in line.split()[2:]]
    assert numbers[:2] == [image.min(), image.max()]
    assert numbers[2] == pytest.approx(image.mean(), rel=1e-5)
    expected = np.percentile(image, [0.1, 1, 50, 99, 99.9], method="inverted_cdf")
    assert numbers[4:] == expected.tolist()


def test_warnings_say_what_was_seen_and_what_to_do(run: Run, folder: Path) -> None:
    _, out, _ = run("inspect", folder)
    flat = " ".join(out.split())
    assert "warning: saturated: 1 image of 6, 'field3.ome.tif', channel" in flat
    assert "the most that 10 bits hold. What is brighter is lost" in flat
    assert "warning: jpeg: 1 of 6 images are compressed with loss (JPEG)" in flat
    assert "warning: mixed_dtype: 5 of 6 images have the type uint16, others uint8 (1)" in flat
    assert "could not be read" not in flat and "1 other file, no images: notes.txt" in flat


def test_tables_for_machines(run: Run, folder: Path, tmp_path: Path) -> None:
    run("inspect", folder, "--json", tmp_path / "x.json", "--csv", tmp_path / "x.csv")
    found = json.loads((tmp_path / "x.json").read_text())
    assert (found["n_images"], found["n_read"], len(found["channels"])) == (6, 6, 11)
    assert {"saturated", "jpeg", "mixed_dtype"} <= {notice["code"] for notice in found["notices"]}
    assert list(found["refused"]) == ["notes.txt"]
    table = pd.read_csv(tmp_path / "x.csv").query("name == 'field1.ome.tif'")
    assert table["channel"].tolist() == ["GFP [raw]", "DNA"]
    assert table["max"].tolist() == [cells(1).max(), cells(51).max()]
    assert (table["y_um"] == 0.25).all() and (table["size_x"] == 256).all()


def test_a_sample_is_spread_evenly_and_said_to_be_one(folder: Path) -> None:
    found = inspect(folder, max_images=3)
    assert (len(found.infos), found.n_read) == (6, 3)
    names = list(dict.fromkeys(row["name"] for row in found.rows))
    assert (names[0], names[-1]) == ("field0.ome.tif", "slide.jpg")
    assert "the pixels of 3 of 6 images were read, spread evenly" in overview(found)


def test_many_images_are_one_row_a_channel(tmp_path: Path) -> None:
    for i in range(MOST_ROWS + 2):
        tifffile.imwrite(tmp_path / f"{i}.tif", np.full((8, 9), 7 + i, np.uint16) + np.eye(8, 9, dtype=np.uint16))
    lines = overview(inspect(tmp_path)).splitlines()
    row = next(line for line in lines if line.startswith("0 ")).split()
    assert row[:5] == ["0", "uint16", "26", "7", "33"]
    assert any(line.startswith("min, max and mean are of all pixels") for line in lines)


def test_damage_is_listed_and_the_rest_is_looked_at(run: Run, folder: Path) -> None:
    path = folder / "field2.ome.tif"
    path.write_bytes(path.read_bytes()[:70000])
    code, out, _ = run("inspect", folder)
    assert code == 0
    assert "1 could not be read" in out and "field2.ome.tif: " in unwrapped(out)


def test_files_that_are_evidently_no_images_are_one_line(run: Run, folder: Path) -> None:
    for name in ("README", "LICENSE.BSD-3", "plate.csv", "run.yaml", "meta.JSON"):
        (folder / name).write_text("text")
    (folder / "damaged.png").write_bytes(b"no picture")
    (folder / "readme.tif").write_bytes(b"no picture either")
    code, out, _ = run("inspect", folder)
    assert code == 0
    assert "2 could not be read" in out
    assert "damaged.png: is not" in unwrapped(out) and "readme.tif: is not" in unwrapped(out)
    assert "6 other files, no images: LICENSE.BSD-3, README, meta.JSON, ..." in out.splitlines()


def test_a_long_path_is_not_cut(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / ("long-" * 40)
    folder.mkdir()
    tifffile.imwrite(folder / "field.tif", cells(0))
    (folder / "damaged.tif").write_bytes(b"no picture")
    code, out, _ = run("inspect", folder)
    assert code == 0
    assert any(f"{folder / 'damaged.tif'}:" in line for line in out.splitlines())


def test_the_first_that_is_named_is_no_readme(tmp_path: Path) -> None:
    (tmp_path / "a_readme.txt").write_text("text")
    (tmp_path / "damaged.tif").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"none of 2 files could be read as an image; the first, 'damaged\.tif'"):
        inspect(tmp_path)


@pytest.mark.parametrize(
    ("name", "said"), [("nowhere/x.csv", "nowhere is not a folder; make it first"), ("there", "is a folder; name")]
)
def test_where_nothing_can_be_written_is_refused_in_one_line(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match=said) as refused:
        check_writable(None, tmp_path / "x.csv", tmp_path / name)
    assert str(refused.value).startswith(f"{tmp_path / name}: ") and "\n" not in str(refused.value)
    check_writable(None, tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(("side", "is_uneven"), [(64, False), (127, False), (128, True)])
def test_uneven_illumination_is_not_looked_for_in_images_below_128_pixels(
    tmp_path: Path, side: int, is_uneven: bool
) -> None:
    yy, xx = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    rng = np.random.default_rng(0)
    for number in range(3):
        shaded = 2000 * (1 - 0.4 * (yy**2 + xx**2)) + rng.normal(0, 20, (side, side))
        tifffile.imwrite(tmp_path / f"{number}.tif", shaded.astype(np.uint16))
    assert ("uneven_illumination" in {told.code for told in inspect(tmp_path).notices}) == is_uneven


def test_the_cameras_pixel_size_is_told(tmp_path: Path) -> None:
    size = {"axes": "YX", **{f"PhysicalSize{axis}": 6.45 for axis in "XY"}}
    tifffile.imwrite(tmp_path / "a.ome.tif", cells(0), metadata=size)
    assert "warning: implausible_pixel_size: 1 of 1 images say that a pixel is 6.45 um large" in " ".join(
        overview(inspect(tmp_path)).split()
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.mkdir(), "holds no image; name an image file"),
        (lambda path: None, "x"),
        (lambda path: path.write_text("text"), "is not an image"),
        (lambda path: (path.mkdir(), (path / "a.txt").write_text("a"), (path / "b.txt").write_text("b")), "none of 2"),
    ],
)
def test_where_nothing_is_readable_it_ends_with_one_line(
    run: Run, tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    make(tmp_path / "x")
    code, out, errors = run("inspect", tmp_path / "x")
    assert (code, len(errors), out) == (2, 1, "")
    assert said in errors[0]


def test_foreign_names_are_shown_as_they_are_and_nothing_more(tmp_path: Path) -> None:
    name = "[bold]a\x1b[31m\u202eb.tif"
    tifffile.imwrite(tmp_path / name, cells(0))
    out = overview(inspect(tmp_path))
    assert r"[bold]a\x1b[31m\u202eb.tif" in out
    assert all(line.isprintable() for line in out.splitlines())
    assert shown("a\udc80") == r"a\udc80"


def test_plates_are_told_by_rows_columns_and_sites(folder: Path) -> None:
    found = inspect(folder, max_images=1)
    wells = [("A01", "0"), ("A01", "1"), ("A02", "0"), ("B02", "0")]
    infos = [replace(found.infos[0], plate="P", well=well, site=site) for well, site in wells]
    out = overview(replace(found, infos=infos))
    assert "plate P: 3 wells in 2 rows x 2 columns, 1 to 2 sites a well" in out


def test_without_a_subcommand_the_stage_asks_for_its_options(run: Run) -> None:
    for given, missing in (
        ([], "--out"),
        (["--out", "x"], "--dataset"),
        (["--out", "x", "--dataset", "d"], "--config"),
    ):
        code, _, errors = run(*given)
        assert (code, errors) == (2, [f"multiscope: Missing option '{missing}'; see --help"])
    code, _, errors = run("inspect")
    assert (code, len(errors)) == (2, 1)


def test_an_image_that_only_fails_when_its_pixels_are_read_is_refused(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    tifffile.imwrite(folder / "a.tif", cells(0), compression="zlib")
    content = bytearray((folder / "a.tif").read_bytes())
    content[-4000:] = bytes(4000)
    (folder / "a.tif").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tif"):
        inspect(folder)
