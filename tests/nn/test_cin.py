import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.cin import ConditionalInstanceNorm2d, add_conditions, condition_tables


def norm_with_random_tables(channels: int, n_conditions: int, seed: int = 0) -> ConditionalInstanceNorm2d:
    norm = ConditionalInstanceNorm2d(channels, n_conditions)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        norm.gamma.normal_(generator=generator)
        norm.beta.normal_(generator=generator)
    return norm


def test_equal_rows_are_torch_instance_norm() -> None:
    torch.manual_seed(0)
    norm, plain = norm_with_random_tables(5, 3), torch.nn.InstanceNorm2d(5, affine=True)
    with torch.no_grad():
        norm.gamma[:] = norm.gamma[0].clone()
        norm.beta[:] = norm.beta[0].clone()
        plain.weight.copy_(norm.gamma[0])
        plain.bias.copy_(norm.beta[0])
    x = torch.randn(4, 5, 7, 6)
    torch.testing.assert_close(norm(x, torch.tensor([0, 1, 2, 1])), plain(x))


def test_starts_as_plain_normalization() -> None:
    x = 3 + 2 * torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    out = ConditionalInstanceNorm2d(4, 2)(x, torch.tensor([0, 1]))
    torch.testing.assert_close(out.mean(dim=(2, 3)), torch.zeros(2, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.var(dim=(2, 3), unbiased=False), torch.ones(2, 4), atol=1e-4, rtol=0)


def test_eps_is_on_the_variance() -> None:
    x = 1e-3 * torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    expected = (x - x.mean()) / (x.var(unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(ConditionalInstanceNorm2d(1, 1)(x, torch.tensor([0])), expected)


def test_gradient_touches_only_the_rows_used() -> None:
    norm = norm_with_random_tables(4, 3)
    norm(torch.randn(2, 4, 5, 5), torch.tensor([1, 1])).square().sum().backward()
    for table in (norm.gamma, norm.beta):
        assert table.grad is not None
        assert table.grad[1].abs().min() > 0
        assert table.grad[[0, 2]].abs().max() == 0


@settings(deadline=None, max_examples=20)
@given(condition=st.lists(st.integers(0, 2), min_size=1, max_size=6), seed=st.integers(0, 1000))
def test_mixed_batch_is_the_batches_of_its_conditions(condition: list[int], seed: int) -> None:
    norm = norm_with_random_tables(3, 3, seed)
    x = torch.randn(len(condition), 3, 4, 5, generator=torch.Generator().manual_seed(seed))
    labels = torch.tensor(condition)
    mixed = norm(x, labels)
    for i in labels.unique():
        own = labels == i
        torch.testing.assert_close(mixed[own], norm(x[own], labels[own]))


def test_gradients_are_right() -> None:
    norm = norm_with_random_tables(2, 2).double()
    x = torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: norm(x, torch.tensor([1, 0])), (x,))


def test_one_condition_for_two_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="one number a sample"):
        ConditionalInstanceNorm2d(2, 2)(torch.zeros(2, 2, 4, 4), torch.tensor([0]))


def test_weights_of_one_row_are_that_row_and_weights_blend() -> None:
    norm, x = norm_with_random_tables(3, 2), torch.randn(2, 3, 4, 4)
    labels = torch.tensor([1, 0])
    torch.testing.assert_close(norm(x, torch.nn.functional.one_hot(labels).float()), norm(x, labels))
    mixed = norm(x, torch.tensor([[0.25, 0.75], [0.25, 0.75]]))
    ends = [norm(x, torch.tensor([i, i])) for i in (0, 1)]
    torch.testing.assert_close(mixed, 0.25 * ends[0] + 0.75 * ends[1])


def test_weights_of_another_number_of_conditions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected weights of \(2, 3\)"):
        ConditionalInstanceNorm2d(2, 3)(torch.zeros(2, 2, 4, 4), torch.zeros(2, 2))


def test_added_conditions_start_at_the_mean_and_leave_the_rest() -> None:
    known, extended = norm_with_random_tables(3, 2), ConditionalInstanceNorm2d(3, 4)
    add_conditions(known, extended)
    for old, new in zip(condition_tables(known), condition_tables(extended), strict=True):
        assert torch.equal(new[:2], old)
        torch.testing.assert_close(new[2:], old.mean(dim=0).expand(2, -1))
