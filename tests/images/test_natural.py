"""Names in the order people expect."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from multiscope.images.natural import natural


def test_natural_order() -> None:
    assert sorted(["f10", "f2", "e", "f2b", "10", "2"], key=natural) == ["2", "10", "e", "f2", "f2b", "f10"]


@given(st.lists(st.text(max_size=6)))
def test_natural_order_compares_any_texts(texts: list[str]) -> None:
    assert sorted(sorted(texts, key=natural), key=natural) == sorted(texts, key=natural)
