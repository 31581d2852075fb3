"""The batch normalization of several processes against torch's over the whole batch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from multiscope.nn.synced_norm import SyncedBatchNorm, sync_norms


class Messages:
    """`all_reduce` among threads that stand for processes."""

    def __init__(self, n: int) -> None:
        self.barrier, self.terms = Barrier(n), list[Tensor]()

    def all_reduce(self, term: Tensor) -> None:
        self.terms.append(term.clone())
        self.barrier.wait(timeout=30)
        term.copy_(torch.stack(self.terms).sum(0))
        if self.barrier.wait(timeout=30) == 0:
            self.terms.clear()
        self.barrier.wait(timeout=30)


def network(norm: type[nn.BatchNorm1d | nn.BatchNorm2d]) -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(norm(3), nn.Tanh(), norm(3, momentum=0.3, eps=1e-3), nn.ReLU(inplace=True))
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made.train()


@pytest.mark.parametrize("parts", [[8], [4, 4], [1, 5, 2]])
@pytest.mark.parametrize("shape", [(3,), (3, 5, 4)])
@pytest.mark.parametrize("level", [0.0, 300.0])
def test_parts_of_a_batch_are_normalized_as_the_whole(
    monkeypatch: pytest.MonkeyPatch, parts: list[int], shape: tuple[int, ...], level: float
) -> None:
    norm = nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d
    rng = torch.Generator().manual_seed(1)
    batch, to = (torch.randn((8, *shape), generator=rng) for _ in range(2))
    batch = (batch + level).requires_grad_()
    whole = network(norm)
    expected = whole(batch)
    (expected * to).sum().backward()

    messages = Messages(len(parts))
    monkeypatch.setattr(dist, "all_reduce", messages.all_reduce)
    pieces = [piece.requires_grad_() for piece in batch.detach().split(parts)]
    copies = [network(norm) for _ in parts]
    for copy in copies:
        sync_norms(copy)
        assert [type(layer) for layer in copy] == [SyncedBatchNorm, nn.Tanh, SyncedBatchNorm, nn.ReLU]

    def process(number: int) -> Tensor:
        made: Tensor = copies[number](pieces[number])
        (made * to.split(parts)[number]).sum().backward()
        return made.detach()

    with ThreadPoolExecutor(len(parts)) as threads:
        made = torch.cat(list(threads.map(process, range(len(parts)))))
    close = {"rtol": 1e-4, "atol": 1e-5 if level == 0 else 2e-4}
    torch.testing.assert_close(made, expected.detach(), **close)
    torch.testing.assert_close(torch.cat([piece.grad for piece in pieces]), batch.grad, **close)
    for name, parameter in whole.named_parameters():
        total = sum(copy.get_parameter(name).grad for copy in copies)
        torch.testing.assert_close(total, parameter.grad, **close)
    for copy in copies:
        for name, statistic in whole.named_buffers():
            torch.testing.assert_close(copy.get_buffer(name), statistic, **close)
