from __future__ import annotations

from pathlib import Path

import pytest

from multiscope.config import parse_config
from multiscope.data.preflight import check_inputs
from multiscope.errors import InputError


def run(tmp_path: Path, **data: object) -> str:
    """What the check says of one data set; empty if nothing."""
    (tmp_path / "images").mkdir(exist_ok=True)
    values = {"data_root": str(tmp_path), "data": {"mine": data}}
    try:
        check_inputs(parse_config(values, "my.yaml"), "my.yaml")
    except InputError as error:
        assert "\n" not in str(error)
        return str(error)
    return ""


def test_what_is_there_and_readable_passes(tmp_path: Path) -> None:
    assert run(tmp_path, reader="fields", images="images", pattern="{field}.png") == ""
    assert run(tmp_path, reader="virtual_screen") == ""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"reader": "crops", "path": "nowhere.zip"}, "data.mine.path: "),
        ({"reader": "fields", "images": "images", "labels": "masks"}, "data.mine.labels: "),
        (
            {"reader": "fields", "images": "images", "pattern": "{fild}.tif"},
            "data.mine.pattern: '{fild}.tif' has the unknown",
        ),
        (
            {"reader": "crops", "path": "images", "pattern": "{field}.tif"},
            "data.mine.pattern: '{field}.tif' has no {cell}",
        ),
        (
            {"reader": "fields", "images": "images", "labels": "images", "labels_pattern": "{cell}.tif"},
            "data.mine.labels_pattern: ",
        ),
    ],
)
def test_what_is_not_is_named_before_any_job_starts(tmp_path: Path, data: dict[str, object], said: str) -> None:
    assert run(tmp_path, **data).startswith(f"my.yaml: {said}")


def test_what_a_rule_makes_need_not_be_there_yet(tmp_path: Path) -> None:
    def values(**keys: object) -> dict[str, object]:
        sheet = {"reader": "sheet", "sheet": "prep/sheet.csv", "plate_map": "prep/map.csv"}
        return {"data_root": str(tmp_path), "data": {"mine": sheet}, **keys}

    check_inputs(parse_config(values(made_by_rules=["prep"]), "my.yaml"), "my.yaml")
    check_inputs(parse_config(values(made_by_rules=["prep/sheet.csv", "prep/map.csv"]), "my.yaml"), "my.yaml")
    with pytest.raises(InputError, match=r"data.mine.plate_map: .*map.csv does not exist"):
        check_inputs(parse_config(values(made_by_rules=["prep/sheet.csv"]), "my.yaml"), "my.yaml")
    (tmp_path / "prep").mkdir()
    (tmp_path / "prep" / "sheet.csv").write_text("field,picture\n")
    with pytest.raises(InputError, match=r"sheet.csv: .*image"):
        check_inputs(parse_config(values(made_by_rules=["prep"]), "my.yaml"), "my.yaml")


def test_tables_are_read_before_any_job_starts(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("well,protien\nB03,ACT1\n")
    (tmp_path / "sheet.csv").write_text("field,image\nf1,images/a.tif\n")
    (tmp_path / "images").mkdir()
    said = run(tmp_path, reader="fields", images="images", plate_map="map.csv")
    assert said.startswith("my.yaml: data.mine: ") and "map.csv: line 1: " in said
    said = run(tmp_path, reader="sheet", sheet="sheet.csv")
    assert said.startswith("my.yaml: data.mine: ") and "line 2: image" in said and "does not exist" in said
    (tmp_path / "images" / "a.tif").touch()  # no image is opened
    assert run(tmp_path, reader="sheet", sheet="sheet.csv") == ""


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"evaluate": {"genes": "SGD.tab"}}, "evaluate.genes"),
        ({"evaluate": {"standards": {"go": {"path": "go.gaf", "scale": "process"}}}}, "evaluate.standards.go.path"),
        (
            {"evaluate": {"standards": {"go": {"path": "here", "scale": "process", "ontology": "go.obo"}}}},
            "evaluate.standards.go.ontology",
        ),
        (
            {"localize": {"data": "mine", "encoders": {"net": {"model": "transfer", "trained": "other/seed0"}}}},
            "localize.encoders.net.trained",
        ),
    ],
)
def test_what_only_the_last_stages_read_is_missed_at_once(tmp_path: Path, section: dict[str, object], key: str) -> None:
    (tmp_path / "here").touch()
    chain = {"data": {"mine": {"reader": "virtual_screen"}}, "crop": {"data": "mine"}, "localize": {"data": "mine"}}
    values = {"data_root": str(tmp_path), **chain, "embed": {}, **section}
    with pytest.raises(InputError, match=rf"my.yaml: {key}: .* does not exist"):
        check_inputs(parse_config(values, "my.yaml"), "my.yaml")
