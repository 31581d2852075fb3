"""Tables that people write."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.errors import InputError
from multiscope.images import table as module
from multiscope.images.table import Table, read_table


def read(path: Path, text: str | bytes) -> Table:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, required=["well", "protein"], optional=["plate"], may_be_empty=["protein"])


def cells(table: Table) -> list[tuple[str, str, str]]:
    return [(row["plate"], row["well"], row["protein"]) for row in table.rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_separators_line_ends_and_a_byte_order_mark(tmp_path: Path, delimiter: str, ending: str, mark: str) -> None:
    lines = [["Well", " protein ", "note"], ["B03", "ACT1", "a"], ["", "", ""], ["B04", "", '"x, y; z"']]
    table = read(tmp_path / "sheet.csv", mark + ending.join(delimiter.join(line) for line in lines) + ending)
    assert cells(table) == [("", "B03", "ACT1"), ("", "B04", "")]
    assert [row.where for row in table.rows] == [f"{tmp_path / 'sheet.csv'}: line {line}" for line in (2, 4)]
    assert (table.columns, table.unused) == (("well", "protein"), ("note",))


def test_lines_are_counted_through_cells_with_line_breaks(tmp_path: Path) -> None:
    table = read(tmp_path / "a.csv", 'well,protein,note\nB03,ACT1,"two\nlines"\nB04,TUB1,\n')
    assert [row.where[-6:] for row in table.rows] == ["line 2", "line 4"]


def test_nameless_columns_may_be_there_while_empty(tmp_path: Path) -> None:
    assert cells(read(tmp_path / "a.csv", "well,protein,,\nB03,ACT1,,\n")) == [("", "B03", "ACT1")]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", ": is empty; expected a line with the columns well, protein"),
        ("well,protein\n", ": has no rows"),
        ("well,gene\nB03,ACT1\n", r": line 1: has no column 'protein' \(but 'well', 'gene'\)"),
        ("well,protien\nB03,ACT1\n", ": line 1: has an unknown column 'protien'; did you mean 'protein'"),
        ("well,protein,Plates\nB03,ACT1,1\n", ": line 1: has an unknown column 'plates'; did you mean 'plate'"),
        ("well,protein,Well\nB03,ACT1,B03\n", ": line 1: has two columns 'well'"),
        ("well,protein\nB03,ACT1\n\nB04\n", ": line 4: has 1 cells, but the header names 2"),
        ("well,protein\nB03,ACT1,TUB1\n", ": line 2: has 3 cells"),
        ("well,protein\n,ACT1\n", ": line 2: has nothing in the column 'well'"),
        ("well,protein,\nB03,ACT1,x\n", ": line 2: has 'x' in a column without a name"),
        ('well,protein\nB03,"ACT1\n', ": line 2: cannot be read .*quotes"),
        ('well,protein\nB03,"AC"T1\n', ": line 2: cannot be read .*quotes"),
        ('well,protein\nB03,"ACT\n1"\n', ": line 2: has a line break"),
        ("well,protein\nB03,AC\x1b[2JT1\n", ": line 2: has a line break or another sign"),
        ("well,protein\nB03,AC\0T1\n", ": line 2: "),
        (b"well,protein\nB03,ACT1\nB04,\xe9\n", ": line 3: is not UTF-8"),
        ("well,protein\nB03,ACT1\n".encode("utf-16"), ": line 1: is not UTF-8"),
        ("well,protein\nB03," + "A" * 200000, ": line 2: cannot be read"),
        ("," * 2000, ": is empty|columns"),
        ("a," * 2000, ": line 1: has 2001 columns"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path: Path, text: str | bytes, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read(tmp_path / "sheet.csv", text)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "sheet.csv") + ": ")


def test_a_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_BYTES", 30)
    with pytest.raises(InputError, match="larger than 30 bytes"):
        read(tmp_path / "a.csv", "well,protein\n" + "B03,ACT1\n" * 9)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: "):
        read_table(tmp_path / "none.csv", required=["well"])


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8).map(lambda text: f"x{text}")


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_what_csv_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], sep: str
) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=sep)
    writer.writerows([("well", "protein"), *rows])
    table = read(tmp_path_factory.mktemp("t") / "a.csv", file.getvalue())
    assert [(row["well"], row["protein"]) for row in table.rows] == rows


@given(st.binary(max_size=80))
def test_any_bytes_end_in_rows_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    try:
        read(tmp_path_factory.mktemp("t") / "a.csv", b"well,protein\n" + content)
    except InputError as error:
        assert "\n" not in str(error)
