import pytest
import torch

from multiscope.nn.cin import condition_tables
from multiscope.nn.published_cin import PublishedCinCritic, PublishedCinGenerator, ScalarConditionalNorm


def small() -> PublishedCinGenerator:
    torch.manual_seed(0)
    return PublishedCinGenerator(n_conditions=2, width=2, blocks=1, dropout=0.0)


def test_published_sizes() -> None:
    with torch.device("meta"):
        generator, critic = PublishedCinGenerator(n_conditions=3), PublishedCinCritic(size=128)
    assert sum(p.numel() for p in generator.parameters()) == 14_918_419
    assert sum(p.numel() for p in critic.parameters()) == 3_722_825
    assert sum(table.numel() for table in condition_tables(generator)) == 18


def test_the_norm_keeps_how_channels_differ() -> None:
    x = torch.randn(3, 4, 6, 5, generator=torch.Generator().manual_seed(1))
    out = ScalarConditionalNorm(2)(x, torch.tensor([0, 1, 0]))
    for sample, made in zip(x, out, strict=True):
        torch.testing.assert_close(made, (sample - sample.mean()) / (sample.std(correction=0) + 1e-3))


def test_a_flat_image_has_finite_gradients() -> None:
    network = small()
    network(torch.full((1, 1, 8, 8), -1.0), torch.tensor([0])).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_only_the_encoder_is_told() -> None:
    network, x = small(), torch.rand(1, 1, 12, 8).expand(2, -1, -1, -1)
    same = network(x, torch.tensor([0, 1]))
    assert same.shape == x.shape
    torch.testing.assert_close(same[0], same[1])
    with torch.no_grad():
        network.norms[2].beta[1] += 1.0
    apart = network(x, torch.tensor([0, 1]))
    torch.testing.assert_close(apart[0], same[0])
    assert (apart[1] - same[1]).abs().max() > 1e-5


def test_the_critic_takes_patches_of_its_size_and_no_condition() -> None:
    critic = PublishedCinCritic(size=20, width=2, dense=4)
    assert critic(torch.rand(3, 1, 20, 20)).shape == (3, 1)
    with pytest.raises(ValueError, match="not told"):
        critic(torch.rand(1, 1, 20, 20), torch.tensor([0]))


def test_odd_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 4, at least 8"):
        small()(torch.zeros(1, 1, 10, 12), torch.tensor([0]))
