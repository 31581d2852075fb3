import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.vector_quantizer import VectorQuantizer, histogram


def fresh(codes: int = 6, dims: int = 3) -> VectorQuantizer:
    torch.manual_seed(0)
    return VectorQuantizer(codes=codes, dims=dims)


@settings(deadline=None, max_examples=30)
@given(codes=st.integers(2, 20), dims=st.integers(1, 6), seed=st.integers(0, 1000))
def test_takes_the_nearest_code(codes: int, dims: int, seed: int) -> None:
    torch.manual_seed(seed)
    layer = VectorQuantizer(codes=codes, dims=dims).eval()
    maps = torch.randn(2, dims, 3, 4)
    found = layer(maps)
    for n in range(2):
        for y in range(3):
            for x in range(4):
                distances = [float((maps[n, :, y, x] - code).square().sum()) for code in layer.book]
                taken = int(found.codes[n, y, x])
                assert distances[taken] == pytest.approx(min(distances), rel=1e-4, abs=1e-5)
                torch.testing.assert_close(found.vectors[n, :, y, x], layer.book[taken])
    assert 1 <= float(found.perplexity) <= codes * (1 + 1e-5)


def test_gradient_goes_straight_through() -> None:
    layer = fresh().eval()
    maps = torch.randn(2, 3, 4, 4, requires_grad=True)
    weight = torch.randn(2, 3, 4, 4)
    (layer(maps).vectors * weight).sum().backward()
    assert maps.grad is not None
    torch.testing.assert_close(maps.grad, weight)


def test_commitment_draws_vectors_to_their_codes() -> None:
    layer = fresh().eval()
    maps = torch.randn(2, 3, 4, 4, requires_grad=True)
    found = layer(maps)
    found.commitment.backward()
    away = maps - found.vectors.detach()
    torch.testing.assert_close(found.commitment, away.square().mean())
    assert maps.grad is not None
    torch.testing.assert_close(maps.grad, 2 * away.detach() / away.numel())


def test_codes_find_clusters_and_none_is_left_unused() -> None:
    layer = fresh(codes=4, dims=2)
    centers = torch.tensor([[-9.0, 0], [9, 0], [0, 9], [0, -9]])
    for _ in range(1000):
        chosen = torch.randint(4, (256,))
        vectors = centers[chosen] + 0.5 * torch.randn(256, 2)
        found = layer(vectors.T.reshape(1, 2, 16, 16))
    assert float(found.perplexity) == pytest.approx(4, rel=0.05)
    for center in centers:
        assert (layer.book - center).norm(dim=1).min() < 0.3
    torch.testing.assert_close(layer.use, torch.ones(4), atol=0.15, rtol=0)


def test_first_batch_gives_the_codes() -> None:
    layer = fresh(codes=5, dims=3)
    maps = 100 + torch.rand(2, 3, 4, 4)
    layer(maps)
    assert layer.book.min() >= 100


def test_unused_code_gets_its_time_and_is_then_put_elsewhere() -> None:
    layer = fresh(codes=2, dims=1)
    layer.book.copy_(torch.tensor([[0.0], [50.0]]))
    layer.sums.copy_(layer.book)
    layer.use.fill_(1)
    maps = torch.rand(1, 1, 8, 8)
    steps = 0
    while layer.book[1] > 2 and steps < 1000:
        layer(maps)
        steps += 1
    assert steps == pytest.approx(math.log(0.02) / math.log(0.99), abs=3)


def test_nothing_is_learned_in_use() -> None:
    layer = fresh().eval()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    maps = torch.randn(1, 3, 4, 4)
    first, second = layer(maps), layer(maps)
    assert torch.equal(first.vectors, second.vectors)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    assert not list(layer.parameters())


def test_learning_is_a_matter_of_the_seed() -> None:
    books = []
    for _ in range(2):
        layer = fresh()
        layer(torch.randn(1, 3, 4, 4))
        books.append(layer.book)
    assert torch.equal(*books)


def test_half_precision_does_not_change_codes() -> None:
    layer = fresh(codes=50).eval()
    maps = torch.randn(2, 3, 8, 8)
    expected = layer(maps).codes
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(maps)
    assert torch.equal(found.codes, expected)
    assert found.vectors.dtype == torch.float32


@given(
    codes=st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=1, max_size=5),
    n_codes=st.integers(5, 9),
)
def test_histogram_counts_codes(codes: list[list[int]], n_codes: int) -> None:
    found = histogram(torch.tensor(codes).view(len(codes), 2, 2), n_codes)
    assert found.shape == (len(codes), n_codes)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.sum(dim=1), torch.ones(len(codes)))
    for row, counted in zip(codes, found.tolist(), strict=True):
        assert counted == [row.count(code) / 4 for code in range(n_codes)]
