"""Halves of names depend on the name alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.evaluate.scores.halves import tuning_half


@given(st.lists(st.text(), unique=True), st.randoms())
def test_a_name_is_in_the_same_half_in_any_order_and_company(names: list[str], random: object) -> None:
    half = dict(zip(names, tuning_half(names), strict=True))
    shuffled = sorted(names, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert {name: tuning_half([name])[0] for name in shuffled} == half


def test_about_half_of_the_names_are_chosen() -> None:
    assert tuning_half([f"YAL{i:04d}W" for i in range(10_000)]).mean() == pytest.approx(0.5, abs=0.02)
    assert tuning_half([]).shape == (0,)


def test_the_halves_never_change() -> None:
    # another half would change every published number
    assert tuning_half(["a", "b", "c", "d", "RPN1", "RPN2"]).tolist() == HALVES


HALVES = [True, False, False, False, True, True]
