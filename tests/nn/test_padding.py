import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.padding import pad_to_multiple


@settings(deadline=None)
@given(h=st.integers(1, 20), w=st.integers(1, 20), multiple=st.integers(1, 24))
def test_pads_as_numpy_reflects_and_crops_back(h: int, w: int, multiple: int) -> None:
    x = torch.arange(2 * h * w, dtype=torch.float32).reshape(2, 1, h, w)
    padded, crop = pad_to_multiple(x, multiple)
    down, right = -h % multiple, -w % multiple
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), (0, down), (0, right)), mode="reflect")
    np.testing.assert_array_equal(padded.numpy(), expected)
    assert padded.shape[-2] % multiple == padded.shape[-1] % multiple == 0
    assert torch.equal(padded[crop], x)


def test_nothing_to_do_copies_nothing() -> None:
    x = torch.rand(1, 1, 8, 12)
    assert pad_to_multiple(x, 4)[0] is x


def test_gradient_counts_each_pixel_as_often_as_it_is_seen() -> None:
    x = torch.rand(1, 3, requires_grad=True)
    pad_to_multiple(x, 5)[0].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[2 * 5, 2 * 5, 5]]


@pytest.mark.parametrize(("shape", "multiple"), [((4, 4), 0), ((0, 4), 4)])
def test_nonsense_is_refused(shape: tuple[int, int], multiple: int) -> None:
    with pytest.raises(ValueError, match=r"expected at least 1|cannot be padded"):
        pad_to_multiple(torch.zeros(shape), multiple)
