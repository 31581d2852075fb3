from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from multiscope.nn.cards import load_network, save_network
from multiscope.nn.careamics_unet import CareamicsRestorer, CareamicsUNet

TWO = {"input_mean": [0.0, 1.0], "input_scale": [1.0, 2.0], "output_mean": [0.0, -3.0], "output_scale": [1.0, 5.0]}
ONE = {name: values[1:] for name, values in TWO.items()}


def restorer(**arguments: object) -> CareamicsRestorer:
    torch.manual_seed(0)
    return CareamicsRestorer(width=8, **{"depth": 2, **ONE, **arguments}).eval()  # type: ignore[arg-type]


def test_it_has_as_many_parameters_as_careamics_has_by_default() -> None:
    # counted in careamics 0.3.5: 32 channels, 2 halvings
    assert sum(p.numel() for p in CareamicsUNet(width=32, depth=2).parameters()) == 333729


def test_each_condition_has_its_network_and_its_units() -> None:
    model, x = restorer(**TWO), torch.randn(3, 1, 16, 16)
    made = model(x, torch.tensor([1, 0, 1]))
    torch.testing.assert_close(made[1:2], model.networks[0](x[1:2]))
    torch.testing.assert_close(made[[0, 2]], model.networks[1]((x[[0, 2]] - 1) / 2) * 5 - 3)


def test_one_network_needs_no_condition() -> None:
    model, x = restorer(), torch.randn(2, 1, 16, 16)
    torch.testing.assert_close(model(x), model.networks[0]((x - 1) / 2) * 5 - 3)


@pytest.mark.parametrize("depth", [1, 2])
def test_an_output_sees_no_farther_than_is_said(depth: int) -> None:
    model = restorer(depth=depth)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):  # all weights positive: nothing is cancelled, no ReLU closes
            nn.init.constant_(module.weight, 0.1)
    size = 96
    seen = []
    for place in range(size // 2, size // 2 + 2**depth):
        x = torch.ones(1, 1, size, size, requires_grad=True)
        model(x)[0, 0, place, place].backward()
        assert x.grad is not None
        rows = torch.nonzero(x.grad[0, 0].abs().sum(dim=1))[:, 0]
        seen += [place - int(rows.min()), int(rows.max()) - place]
    # what is said may be a little more, never less
    assert model.receptive - 2**depth <= max(seen) <= model.receptive


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    model, x = restorer(**TWO), torch.randn(2, 1, 16, 16)
    save_network(tmp_path, model, "careamics_restorer", {"width": 8, "depth": 2, **TWO}, {})
    loaded, _ = load_network(tmp_path)
    assert torch.equal(loaded(x, torch.tensor([0, 1])), model(x, torch.tensor([0, 1])))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="not as many"):
        restorer(**{**TWO, "input_mean": [0.0]})
    with pytest.raises(ValueError, match="one number a sample"):
        restorer(**TWO)(torch.zeros(2, 1, 16, 16), torch.tensor([0]))
    with pytest.raises(ValueError, match="another network"):
        CareamicsUNet(width=8, depth=2).take_over(CareamicsUNet(width=8, depth=1))
