from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from multiscope.errors import InputError
from multiscope.nn.cards import CARD, WEIGHTS, build_network, load_network, save_network

ARGUMENTS = {"in_channels": 1, "n_classes": 3, "width": 0.0625, "dense": 8, "crop_size": 64}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_network(tmp_path, build_network("deeploc", ARGUMENTS), "deeploc", ARGUMENTS, {"classes": ["a", "b", "c"]})
    return tmp_path


def test_what_is_saved_is_loaded(folder: Path) -> None:
    torch.manual_seed(0)
    expected = build_network("deeploc", ARGUMENTS).eval()
    network, card = load_network(folder)
    x = torch.rand(2, 1, 64, 64)
    assert torch.equal(network(x), expected(x))
    assert card["classes"] == ["a", "b", "c"]
    assert card["parameters"] == sum(p.numel() for p in expected.parameters())
    assert not network.training


def another_architecture(folder: Path) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"architecture": "os.system"}))


def other_arguments(folder: Path) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"arguments": {**ARGUMENTS, "dense": 9}}))


def no_card(folder: Path) -> None:
    (folder / CARD).unlink()


def cut_weights(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-50])


def pickled_weights(folder: Path) -> None:
    torch.save({"a": torch.zeros(3)}, folder / WEIGHTS)


@pytest.mark.parametrize("spoil", [another_architecture, other_arguments, no_card, cut_weights, pickled_weights])
def test_anything_else_is_refused_in_one_line(folder: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    spoil(folder)
    with pytest.raises(InputError, match=r"holds no usable network .* train it again") as caught:
        load_network(folder)
    assert "\n" not in str(caught.value)
