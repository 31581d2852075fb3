from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.config import CinGan
from multiscope.config.faults import parse
from multiscope.errors import InputError

NAMES = get_args(CinGan.model_fields["profile"].annotation)


def test_every_profile_has_its_defaults() -> None:
    assert set(CinGan.PROFILES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_sets_what_is_left_out(name: str) -> None:
    config = CinGan.model_validate({"profile": name})
    for key, value in CinGan.PROFILES[name].items():
        assert getattr(config, key) == value


def test_a_key_beside_a_profile_wins() -> None:
    config = CinGan(profile="paper", width=8)
    assert (config.width, config.blocks) == (8, 12)


@given(name=st.sampled_from(NAMES), width=st.none() | st.integers(2, 256), lateral=st.none() | st.booleans())
def test_what_is_resolved_is_read_back_as_it_was(name: str, width: int | None, lateral: bool | None) -> None:
    keys = {key: value for key, value in {"width": width, "lateral": lateral}.items() if value is not None}
    config = CinGan.model_validate({"profile": name, **keys})
    assert CinGan.model_validate(config.model_dump(mode="json")) == config
    assert CinGan.model_validate_json(config.model_dump_json()) == config


def test_an_unknown_profile_is_one_line() -> None:
    with pytest.raises(InputError, match=r"^here: profile: .*'small', 'paper' or 'published_code'.*'tiny'"):
        parse(CinGan, {"profile": "tiny"}, "here")


def test_the_published_generator_has_one_output() -> None:
    with pytest.raises(InputError, match="has skip 'half_sum'"):
        parse(CinGan, {"generator": "published_code"}, "here")
