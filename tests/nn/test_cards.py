"""Networks on disk: what is saved is loaded, and nothing that a folder claims is believed unseen."""

from __future__ import annotations

import hashlib
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from multiscope.errors import InputError
from multiscope.nn.cards import CARD, WEIGHTS, build_network, load_network, read_card, save_network

ARGUMENTS = {"in_channels": 1, "n_classes": 3, "width": 0.0625, "dense": 8, "crop_size": 64}
SMALL: dict[str, dict[str, Any]] = {
    "resnet_generator": {"width": 4, "blocks": 1, "n_conditions": 2},
    "published_cin_generator": {"width": 4, "blocks": 1, "n_conditions": 2},
    "care_unet": {"width": 4, "kernel": 3},
    "reflect_resnet": {"width": 4, "blocks": 1},
    "pix2pix_unet": {"width": 4, "downs": 4},
    "gaussian_filter": {"sigma": [1.0, 2.0]},
    "median_filter": {"size": [3, 5]},
    "non_local_means": {"sigma": [0.1, 0.1], "strength": [1.0, 1.0]},
    "richardson_lucy": {
        "sigma_y": [1.0, 0.0],
        "sigma_x": [1.0, 1.0],
        "iterations": [2, 3],
        "dark": [-1.0, -1.0],
    },
}
ENCODERS: dict[str, dict[str, Any]] = {
    "deeploc": {
        "in_channels": 2,
        "n_classes": 3,
        "width": 0.0625,
        "dense": 8,
        "dense_last": 4,
        "padding": "same",
        "dense_norm": True,
    },
    "backbone": {"network": "mobilenet_v3_small", "in_channels": 2, "n_classes": 3, "crop_size": 64},
    "paired_inpainting": {"in_channels": 2, "width": 0.0625, "crop_size": 64, "protein": 1, "marker": 0},
    "autoencoder": {"in_channels": 2, "width": 0.0625, "latent": 5, "crop_size": 64},
    "vae": {"in_channels": 2, "width": 0.0625, "latent": 5, "crop_size": 64},
    "cytoself": {
        "in_channels": 2,
        "n_proteins": 6,
        "width": 0.0625,
        "codes": 7,
        "dims": 3,
        "fc": 4,
        "crop_size": 64,
        "commitment": 0.25,
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_network(tmp_path, build_network("deeploc", ARGUMENTS), "deeploc", ARGUMENTS, {"classes": ["a", "b", "c"]})
    return tmp_path


def change(folder: Path, **facts: object) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | facts))


def test_what_is_saved_is_loaded(folder: Path) -> None:
    torch.manual_seed(0)
    expected = build_network("deeploc", ARGUMENTS).eval()
    network, card = load_network(folder)
    x = torch.rand(2, 1, 64, 64)
    assert torch.equal(network(x), expected(x))
    assert card["classes"] == ["a", "b", "c"]
    assert card["parameters"] == sum(p.numel() for p in expected.parameters())
    assert card == read_card(folder)
    assert not network.training
    assert all(p.requires_grad and p.device.type == "cpu" for p in network.parameters())


@pytest.mark.parametrize("architecture", sorted(SMALL))
def test_every_restorer_is_saved_and_loaded(tmp_path: Path, architecture: str) -> None:
    arguments = SMALL[architecture]
    before = build_network(architecture, arguments).eval()
    save_network(tmp_path, before, architecture, arguments, {})
    after, _ = load_network(tmp_path)
    x = torch.rand(2, 1, 32, 32)
    told = "n_conditions" in arguments or any(isinstance(value, list) for value in arguments.values())
    condition = (torch.tensor([0, 1]),) if told else ()
    with torch.no_grad():
        assert torch.equal(before(x, *condition), after(x, *condition))


@pytest.mark.parametrize("architecture", sorted(ENCODERS))
def test_every_encoder_is_saved_and_loaded(tmp_path: Path, architecture: str) -> None:
    torch.manual_seed(0)
    arguments, x = ENCODERS[architecture], torch.rand(4, 2, 64, 64)
    before: Any = build_network(architecture, arguments)
    # running means too are kept
    before.train()
    before(x, x[:, :1]) if architecture == "paired_inpainting" else before(x)
    before.eval()
    save_network(tmp_path, before, architecture, arguments, {})
    after: Any = load_network(tmp_path)[0]
    with torch.no_grad():
        expected, found = before.features(x), after.features(x)
    assert list(found) == list(expected)
    for name, value in found.items():
        assert torch.equal(value, expected[name]), name
        assert value.shape[0] == 4 and value.ndim == 2 and value.dtype == torch.float32


def test_loading_draws_no_random_numbers(folder: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    load_network(folder)
    assert torch.equal(torch.rand(1), expected)


def no_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def cut_weights(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-50])


def flipped_bit(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-5] ^= 1
    (folder / WEIGHTS).write_bytes(content)


def pickled_weights(folder: Path) -> None:
    torch.save({"a": torch.zeros(3)}, folder / WEIGHTS)


def other_weights(make: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Callable[[Path], None]:
    """Weights that are those of the card by their digest, but no others."""

    def spoil(folder: Path) -> None:
        save_file(make(load_file(folder / WEIGHTS)), folder / WEIGHTS)
        change(folder, sha256=hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest())

    return spoil


def said(**facts: object) -> Callable[[Path], None]:
    return lambda folder: change(folder, **facts)


def no_digest(folder: Path) -> None:
    card = json.loads((folder / CARD).read_text())
    del card["sha256"]
    (folder / CARD).write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (said(architecture="os.system"), "its architecture 'os.system' is none of"),
        (said(architecture=["deeploc"]), "unhashable"),
        (said(architecture="autoencoder"), "unexpected keyword|missing"),
        (said(arguments={**ARGUMENTS, "dense": 9}), r"its arguments make \d+ parameters, but it claims"),
        (said(arguments={**ARGUMENTS, "n_classes": 10**9}), "its argument 'n_classes' is 1000000000"),
        (said(arguments={**ARGUMENTS, "dense": 2**14, "width": 1e4}), "parameters, but it claims"),
        (said(arguments={**ARGUMENTS, "width": float("nan")}), "its argument 'width' is nan"),
        (said(arguments={**ARGUMENTS, "width": float("inf")}), "its argument 'width' is inf"),
        (said(arguments={**ARGUMENTS, "dense": -1}), "RuntimeError"),
        (said(arguments={**ARGUMENTS, "dense": [[1]]}), "its argument 'dense'"),
        (said(arguments={**ARGUMENTS, "dense": {"a": 1}}), "its argument 'dense'"),
        (said(arguments={**ARGUMENTS, "shell": "rm"}), "unexpected keyword argument"),
        (said(arguments="much"), "no JSON object"),
        (said(parameters=2**28 + 1), "claims 268435457 parameters; expected up to"),
        (said(parameters="many"), "claims 'many' parameters"),
        (no_digest, "'sha256' is missing"),
        (said(sha256="0" * 64), "has another sha256"),
        (no_weights, "FileNotFoundError"),
        (cut_weights, "has another sha256"),
        (flipped_bit, "has another sha256"),
        (pickled_weights, "has another sha256"),
        (other_weights(lambda weights: {k: v.double() for k, v in weights.items()}), "are .*torch.float64"),
        (other_weights(lambda weights: dict(list(weights.items())[1:])), "are missing"),
        (other_weights(lambda weights: weights | {"more": torch.zeros(1)}), "'more' are .*expected none"),
        (
            other_weights(lambda weights: {k: v.flatten() for k, v in weights.items()}),
            r"are \(\(\d+,\), torch.float32\); expected",
        ),
        (lambda folder: (folder / CARD).write_text("[]"), "no JSON object"),
        (lambda folder: (folder / CARD).write_text("{"), "JSONDecodeError"),
        (lambda folder: (folder / CARD).write_bytes(b"\xff"), "UnicodeDecodeError"),
        (lambda folder: (folder / CARD).write_text("[" * 10**5), "RecursionError"),
        (lambda folder: (folder / CARD).write_text(" " * 2**24 + "{}"), "more than"),
    ],
)
def test_what_was_changed_is_refused_in_one_line(folder: Path, spoil: Callable[[Path], None], why: str) -> None:
    spoil(folder)
    with pytest.raises(InputError, match=r"holds no usable network .* train it again") as caught:
        load_network(folder)
    assert "\n" not in str(caught.value)
    assert re.search(why, str(caught.value)), caught.value


def test_a_place_without_a_network_is_told(tmp_path: Path, folder: Path) -> None:
    (folder / CARD).unlink()
    with pytest.raises(InputError, match=r"holds no model\.json"):
        load_network(folder)
    with pytest.raises(InputError, match="is no folder"):
        read_card(tmp_path / "none")


def test_a_network_that_claims_too_much_takes_no_memory(folder: Path) -> None:
    change(folder, arguments={**ARGUMENTS, "width": 2.0**13, "dense": 2**14})
    tracemalloc.start()
    with pytest.raises(InputError, match="but it claims"):
        load_network(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24
