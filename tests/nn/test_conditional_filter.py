import pytest
import torch
from scipy.ndimage import convolve

from multiscope.nn.conditional_filter import ConditionalFilter, ConditionalLevel


def random_filter(n_conditions: int, size: int) -> ConditionalFilter:
    filtering = ConditionalFilter(n_conditions, size)
    with torch.no_grad():
        filtering.kernel.normal_(std=0.05, generator=torch.Generator().manual_seed(0))
    return filtering


def test_starts_near_the_identity() -> None:
    x = torch.rand(2, 1, 20, 16)
    made = ConditionalFilter(2)(x, torch.tensor([0, 1]))
    assert (made - x).abs().max() < 0.02


def test_is_the_convolution_of_scipy() -> None:
    filtering, x = random_filter(2, 5), torch.rand(3, 1, 9, 11)
    condition = [1, 0, 1]
    made = filtering(x, torch.tensor(condition))
    rows = 20.0 * filtering.kernel
    kernels = ((rows + rows.flip(1)) / 2).softmax(dim=1).view(2, 5, 5).detach().numpy()
    for image, found, i in zip(x, made, condition, strict=True):
        expected = convolve(image[0].numpy(), kernels[i], mode="nearest")
        torch.testing.assert_close(found[0].detach(), torch.from_numpy(expected), atol=1e-5, rtol=0)


def test_keeps_the_light() -> None:
    flat = torch.full((2, 1, 8, 8), 0.3)
    torch.testing.assert_close(random_filter(2, 5)(flat, torch.tensor([0, 1])), flat)


def test_moves_nothing() -> None:
    spot = torch.zeros(2, 1, 15, 15)
    spot[..., 7, 7] = 1.0
    made = random_filter(2, 5)(spot, torch.tensor([0, 1]))
    torch.testing.assert_close(made, made.flip(-2, -1))


def test_weights_blend_rows() -> None:
    filtering, x = random_filter(2, 5), torch.rand(2, 1, 8, 8)
    rows = torch.tensor([1, 0])
    torch.testing.assert_close(filtering(x, torch.nn.functional.one_hot(rows).float()), filtering(x, rows))
    halves = filtering(x, torch.full((2, 2), 0.5))
    assert not torch.allclose(halves, filtering(x, rows))


def test_gradient_touches_only_the_rows_used() -> None:
    filtering = random_filter(3, 5)
    filtering(torch.rand(2, 1, 8, 8), torch.tensor([1, 1])).square().sum().backward()
    assert filtering.kernel.grad is not None
    assert filtering.kernel.grad[1].abs().max() > 0
    assert filtering.kernel.grad[[0, 2]].abs().max() == 0


def test_one_condition_a_sample() -> None:
    with pytest.raises(ValueError, match="one number a sample"):
        ConditionalFilter(2)(torch.rand(2, 1, 8, 8), torch.tensor([0]))


def test_a_level_starts_where_it_is_told_and_is_one_of_a_condition() -> None:
    level, x = ConditionalLevel(2, -4.0), torch.rand(3, 2, 4, 4)
    torch.testing.assert_close(level(x, torch.tensor([0, 1, 1])), x - 4)
    with torch.no_grad():
        level.level[1] += 1.0
    made = level(x, torch.tensor([0, 1, 1]))
    torch.testing.assert_close(made[0], x[0] - 4)
    assert (made[1:] > x[1:]).all()
