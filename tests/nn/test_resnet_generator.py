import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.cin import ConditionalInstanceNorm2d
from multiscope.nn.resnet_generator import ResnetGenerator, contrast


def n_parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def small(**settings: object) -> ResnetGenerator:
    torch.manual_seed(0)
    return ResnetGenerator(**{"width": 2, "blocks": 1, "dropout": 0.0, **settings})  # type: ignore[arg-type]


def test_published_size() -> None:
    with torch.device("meta"):
        assert n_parameters(ResnetGenerator(width=64, blocks=9)) == 11_376_129


def test_conditions_add_one_affine_a_norm() -> None:
    with torch.device("meta"):
        one, three = ResnetGenerator(blocks=12), ResnetGenerator(blocks=12, n_conditions=3)
    affine = 2 * (64 + 128 + 256 + 12 * 2 * 256 + 128 + 64)
    assert n_parameters(three) - n_parameters(one) == (3 - 1) * affine
    assert sum(isinstance(m, ConditionalInstanceNorm2d) for m in three.modules()) == 29
    assert not any(isinstance(m, torch.nn.InstanceNorm2d) for m in three.modules())


@settings(deadline=None, max_examples=15)
@given(h=st.integers(2, 8), w=st.integers(2, 8), n_conditions=st.integers(0, 3), in_channels=st.integers(1, 2))
def test_keeps_the_shape(h: int, w: int, n_conditions: int, in_channels: int) -> None:
    net = small(n_conditions=n_conditions, in_channels=in_channels)
    x = torch.rand(2, in_channels, 4 * h, 4 * w)
    condition = torch.tensor([0, n_conditions - 1]) if n_conditions else None
    assert net(x, condition).shape == x.shape


@pytest.mark.parametrize("n_conditions", [0, 2])
def test_untrained_residual_is_the_identity(n_conditions: int) -> None:
    x = 3 * torch.randn(2, 1, 12, 16)
    condition = torch.tensor([1, 0]) if n_conditions else None
    net = small(output="residual", n_conditions=n_conditions)
    torch.testing.assert_close(net(x, condition), x, rtol=0, atol=0)


def test_residual_leaves_the_identity_in_training() -> None:
    net = small(output="residual")
    x = torch.rand(2, 1, 16, 16)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        (net(x) - 1).square().mean().backward()
        optimizer.step()
    assert (net(x) - 1).square().mean() < (x - 1).square().mean()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.encoder[0].norm.parameters())


def test_half_sum_stays_in_its_bounds() -> None:
    x = torch.rand(2, 1, 16, 16) * 2 - 1
    net = small()
    with torch.no_grad():
        net.last.weight.mul_(1e3)
    assert ((2 * net(x) - x).abs() <= 1 + 1e-6).all()


def test_only_the_condition_tells_defects_apart() -> None:
    net = small(n_conditions=2)
    x = torch.rand(1, 1, 16, 16)
    both = net(x.repeat(2, 1, 1, 1), torch.tensor([0, 1]))
    torch.testing.assert_close(both[0], both[1])
    with torch.no_grad():
        net.encoder[1].norm.beta[1] += 1.0
    apart = net(x.repeat(2, 1, 1, 1), torch.tensor([0, 1]))
    torch.testing.assert_close(apart[0], both[0])
    assert (apart[1] - both[1]).abs().max() > 1e-4


def test_dropout_in_training_only_and_by_seed() -> None:
    net, x = small(dropout=0.5), torch.rand(1, 1, 16, 16)
    torch.manual_seed(1)
    first = net(x)
    assert not torch.equal(net(x), first)
    torch.manual_seed(1)
    assert torch.equal(net(x), first)
    net.eval()
    assert torch.equal(net(x), net(x))


@pytest.mark.parametrize("shape", [(1, 1, 10, 12), (1, 1, 12, 10), (1, 1, 4, 16)])
def test_odd_sizes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiples of 4, at least 8"):
        small()(torch.zeros(shape))


def test_condition_exactly_where_conditions_are() -> None:
    x = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match="2 conditions got condition None"):
        small(n_conditions=2)(x)
    with pytest.raises(ValueError, match="0 conditions"):
        small()(x, torch.tensor([0]))


def test_untrained_stochastic_is_near_the_identity_and_never_twice_the_same() -> None:
    net = small(output="stochastic", n_conditions=2)
    x = torch.rand(2, 1, 32, 32) * 2 - 1
    made = [net(x, torch.tensor([1, 0])) for _ in range(2)]
    assert (made[0] - x).abs().max() < 0.1
    assert not torch.equal(*made)


def test_noise_has_the_spread_of_its_map_and_follows_the_contrast() -> None:
    net = small(output="stochastic", n_conditions=1)
    with torch.no_grad():
        net.last.bias[1] = 4.0  # a spread of log(2)
    dim = torch.rand(8, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    dim = torch.nn.functional.avg_pool2d(dim, 9, 1, 4)
    added = []
    for x in (dim, 5 * dim):
        made = torch.stack([net(x, torch.zeros(8, dtype=torch.int64)) for _ in range(16)])
        added.append((made.std(dim=0) / contrast(x)).mean())
    assert added[0].item() == pytest.approx(0.693, rel=0.05)
    assert added[1].item() == pytest.approx(0.693, rel=0.05)


def test_contrast_is_that_of_coarse_structure() -> None:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.nn.functional.interpolate(torch.randn(4, 1, 16, 16, generator=generator), scale_factor=4.0)
    noisy = coarse + torch.randn(4, 1, 64, 64, generator=generator)
    torch.testing.assert_close(contrast(noisy), contrast(coarse), rtol=0.1, atol=0)
    assert contrast(torch.zeros(1, 1, 16, 16)).item() == pytest.approx(0.02)


def test_stochastic_needs_conditions() -> None:
    with pytest.raises(ValueError, match="needs conditions"):
        small(output="stochastic")
