from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiscope.nn.intensities import prepare

CROPS = torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(0)) * 1000 + 100
MASK = torch.zeros(3, 8, 8)
MASK[:, 2:6, 1:7] = 1


@pytest.mark.parametrize("how", ["standardize", "min_max", "masked"])
@given(gain=st.floats(0.1, 100), offset=st.floats(-1000, 1000))
def test_gain_and_offset_change_nothing(how: str, gain: float, offset: float) -> None:
    expected, found = prepare(CROPS, MASK, how), prepare(CROPS * gain + offset, MASK, how)
    assert torch.allclose(expected, found, atol=5e-3)


def test_bounds_are_those_of_the_crop_or_of_the_cell() -> None:
    whole, cell = prepare(CROPS, None, "min_max"), prepare(CROPS, MASK, "masked")
    assert whole.amin(dim=(-2, -1)).eq(0).all() and whole.amax(dim=(-2, -1)).allclose(torch.ones(3, 2))
    assert (cell[:, :, MASK[0] == 0] == 0).all()
    inside = cell[:, :, MASK[0] == 1]
    assert inside.amin(dim=-1).eq(0).all() and inside.amax(dim=-1).allclose(torch.ones(3, 2))


def test_what_lies_outside_of_the_cell_changes_nothing() -> None:
    other = torch.where(MASK[:, None] > 0, CROPS, CROPS.flip(0) * 7)
    assert prepare(CROPS, MASK, "masked").equal(prepare(other, MASK, "masked"))


@pytest.mark.parametrize("how", ["standardize", "min_max", "masked"])
def test_constant_channels_and_empty_cells_become_zero(how: str) -> None:
    constant = CROPS.clone()
    constant[:, 1] = 7
    assert prepare(constant, MASK, how)[:, 1].eq(0).all()
    if how == "masked":
        assert prepare(CROPS, torch.zeros(3, 8, 8), how).eq(0).all()


def test_any_type_as_stored() -> None:
    stored = CROPS.to(torch.uint16)
    assert prepare(stored, MASK, "min_max").allclose(prepare(stored.float(), MASK, "min_max"))
