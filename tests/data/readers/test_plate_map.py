"""What was in each well."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.data.readers.plate_map import PlateMap, normal_well, read_plate_map
from multiscope.errors import InputError


def written(path: Path, text: str) -> PlateMap:
    (path / "map.csv").write_text(text)
    return read_plate_map(path / "map.csv")


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("b3", "B03"),
        ("B-3", "B03"),
        ("B/3", "B03"),
        ("B_03", "B03"),
        (" B 003 ", "B03"),
        ("aa7", "AA07"),
        ("H12", "H12"),
        ("P124", "P124"),
        ("007020", "007020"),
        ("empty", "empty"),
        ("", ""),
    ],
)
def test_wells_have_one_name(name: str, normal: str) -> None:
    assert normal_well(name) == normal
    assert normal_well(normal) == normal


@given(st.text(max_size=6))
def test_normal_names_stay(name: str) -> None:
    assert normal_well(normal_well(name)) == normal_well(name)


def test_one_map_counts_for_every_plate(tmp_path: Path) -> None:
    found = written(tmp_path, "well,protein\nB3,ACT1\nB4,\n")
    assert found.protein("P1", "B03") == found.protein("", "b3") == "ACT1"
    assert found.protein("P2", "B04") == ""


def test_plates_are_told_apart(tmp_path: Path) -> None:
    found = written(tmp_path, "plate,well,protein\nP1,B3,ACT1\nP2,B3,TUB1\n")
    assert (found.protein("P1", "B03"), found.protein("P2", "B03")) == ("ACT1", "TUB1")
    with pytest.raises(InputError, match=r"map\.csv: has no row for well 'B03', .*its plates are 'P1', 'P2'"):
        found.protein("", "B03")
    with pytest.raises(InputError, match="no row for well 'B03' of plate 'P3'"):
        found.protein("P3", "B03")


def test_a_map_of_one_plate_counts_where_the_plate_is_not_known(tmp_path: Path) -> None:
    found = written(tmp_path, "plate,well,protein\nP1,B3,ACT1\n")
    assert found.protein("", "B03") == "ACT1"
    with pytest.raises(InputError, match="P9"):
        found.protein("P9", "B03")


def test_a_well_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    found = written(tmp_path, "well,protein\nB3,ACT1\n")
    with pytest.raises(InputError, match=r"has no row for well 'C05', .*its wells are B03\); add it, with an empty"):
        found.protein("", "c5")
    with pytest.raises(InputError, match="the images do not tell their wells"):
        found.protein("", "")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("well,protein\nB3,ACT1\nC4,TUB1\nB03,ACT1\n", r"map\.csv: line 4: names well 'B03' again, after line 2"),
        ("plate,well,protein\nP1,B3,ACT1\n,B4,TUB1\n", r"map\.csv: line 3: has nothing in the column 'plate'"),
        ("well,protein\nB3,ACT1\n,TUB1\n", r"map\.csv: line 3: has nothing in the column 'well'"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        written(tmp_path, text)
