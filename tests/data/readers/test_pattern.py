"""File name patterns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.data.readers.pattern import PLACEHOLDERS, NamePattern
from multiscope.errors import InputError

word = st.text(alphabet="abcXYZ0189. é+(", min_size=1, max_size=8)


def pattern(text: str, *, channels: tuple[str, ...] = (), required: tuple[str, ...] = ()) -> NamePattern:
    return NamePattern(text, key="pattern", allowed=PLACEHOLDERS, required=required, channels=channels)


def test_reads_the_names_of_the_real_yeast_crops() -> None:
    names = pattern("{protein}_{field}_rfp_{cell}_{channel}.tif", channels=("gfp", "rfp"))
    said = {"protein": "AAC1", "field": "1", "cell": "10", "channel": "gfp"}
    assert names.match("images/AAC1/AAC1_1_rfp_10_gfp.tif") == said
    assert names.match("images/AAC1/AAC1_1_rfp_10_dapi.tif") is None
    assert names.match("images/AAC1/AAC1_1_rfp_10_gfp.tiff") is None
    assert names.match("images/AAC1/_1_rfp_10_gfp.tif") is None


@given(values=st.tuples(word, word, word))
def test_what_is_written_by_a_pattern_is_read_back(values: tuple[str, str, str]) -> None:
    names = pattern("{protein}_{field}-{cell}.tif")
    name = "{}_{}-{}.tif".format(*values)
    assert names.match(f"folder/{name}") == dict(zip(("protein", "field", "cell"), values, strict=True))


@given(protein=st.text("ab_", min_size=1, max_size=5), field=st.text("12_", min_size=1, max_size=5))
def test_a_name_that_reads_two_ways_is_refused_and_only_then(protein: str, field: str) -> None:
    names, name = pattern("{protein}_{field}.tif"), f"{protein}_{field}"
    readings = [i for i in range(1, len(name) - 1) if name[i] == "_"]
    if len(readings) == 1:
        assert names.match(f"{name}.tif") == {"protein": protein, "field": field}
    else:
        with pytest.raises(InputError, match=r"reads two ways by pattern '\{protein\}_\{field\}\.tif'"):
            names.match(f"{name}.tif")


def test_channels_settle_what_would_read_two_ways() -> None:
    assert pattern("{field}_{channel}.tif", channels=("a_gfp", "b")).match("x_a_gfp.tif") == {
        "field": "x",
        "channel": "a_gfp",
    }
    with pytest.raises(InputError, match="reads two ways"):
        pattern("{field}_{channel}.tif", channels=("a_gfp", "gfp")).match("x_a_gfp.tif")


def test_anything_takes_as_little_as_will_do_and_no_folder() -> None:
    names = pattern("{field}-ch{channel}sk{_}.tiff", channels=("1", "2"))
    assert names.match("r01c01f01p01-ch2sk1fk1fl1.tiff") == {"field": "r01c01f01p01", "channel": "2"}
    assert names.match("r01-ch2sk.tiff") == {"field": "r01", "channel": "2"}
    assert pattern("{_}_{field}.tif").match("a_b_c.tif") == {"field": "b_c"}
    assert pattern("x{_}-{field}.tif").match("x/-a.tif") is None


def test_folders_in_the_pattern_are_held_against_the_last_folders_of_the_path() -> None:
    names = pattern("{protein}/{field}.tif")
    assert names.match("plate/ACT1/7.tif") == {"protein": "ACT1", "field": "7"}
    assert names.match("7.tif") is None


def test_signs_of_regular_expressions_are_plain_signs() -> None:
    assert pattern("a.b(+)_{field}[1].tif").match("a.b(+)_x[1].tif") == {"field": "x"}
    assert pattern("a.b_{field}.tif").match("axb_x.tif") is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{feild}.tif", "unknown placeholder {feild}; expected some of {protein}"),
        ("{}.tif", "unknown placeholder {}"),
        ("{field,[0-9]+}.tif", "unknown placeholder {field,[0-9]+}"),
        ("{field}_{field}.tif", "{field} more than once"),
        ("{field.tif", "a brace without its partner"),
        ("field}.tif", "a brace without its partner"),
        ("{protein}{field}.tif", "two placeholders with nothing between"),
        ("{protein}.tif", "has no {field}; add it"),
        ("{_}a{_}a{_}a{_}a{_}a{_}a{_}a{_}a{field}", "more than 8 placeholders"),
    ],
)
def test_a_faulty_pattern_is_named_with_its_fault(text: str, fault: str) -> None:
    with pytest.raises(InputError, match=re.escape(fault)) as caught:
        pattern(text, required=("field",))
    assert str(caught.value).startswith(f"pattern: '{text}' ")
    assert "\n" not in str(caught.value)


def test_endless_names_do_not_match() -> None:
    assert pattern("{protein}_{field}_{cell}.tif").match("_" * 60_000) is None
