"""Weights as safetensors with a JSON card that says which network they belong to and how to use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from multiscope.errors import InputError
from multiscope.nn.autoencoder import Autoencoder
from multiscope.nn.deeploc import DeepLoc
from multiscope.nn.resnet_generator import ResnetGenerator

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "resnet_generator": ResnetGenerator,
    "deeploc": DeepLoc,
    "autoencoder": Autoencoder,
}
WEIGHTS, CARD = "model.safetensors", "model.json"


def build_network(architecture: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A network of a registered architecture, randomly initialised."""
    return ARCHITECTURES[architecture](**arguments)


def save_network(
    folder: Path, network: nn.Module, architecture: str, arguments: Mapping[str, Any], facts: Mapping[str, Any]
) -> None:
    """Write weights and card into `folder`; `facts` are what its user must know (channels, classes, ...)."""
    save_weights(folder / WEIGHTS, network)
    parameters = sum(p.numel() for p in network.parameters())
    card = {"architecture": architecture, "arguments": dict(arguments), "parameters": parameters, **facts}
    (folder / CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")


def save_weights(path: Path, network: nn.Module) -> None:
    """Write the weights alone: a checkpoint."""
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}, path)


def load_network(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network in `folder` with its weights, in eval mode, and its card."""
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
        network = build_network(card["architecture"], card["arguments"])
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise InputError(f"{folder}: holds no usable network ({why}); train it again") from None
    return network.eval(), card
