"""Weights as safetensors with a JSON card that says which network they belong to and how to use it.

A folder may come from somebody else: nothing in it is run, and nothing it claims is believed before it was checked. The
card is bounded, the weights are those whose sha256 the card has, and the network is built without memory (on torch's
device `meta`) to count its parameters before any are allocated.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from multiscope.errors import InputError
from multiscope.nn.autoencoder import Autoencoder
from multiscope.nn.backbone import Backbone
from multiscope.nn.care_unet import CareUNet
from multiscope.nn.careamics_unet import CareamicsRestorer
from multiscope.nn.classic import ClassicFeatures
from multiscope.nn.cytoself import Cytoself
from multiscope.nn.deeploc import DeepLoc
from multiscope.nn.filters import FILTERS
from multiscope.nn.one_hot import OneHot
from multiscope.nn.paired_inpainting import PairedInpainting
from multiscope.nn.pix2pix_unet import Pix2PixUNet
from multiscope.nn.published_cin import PublishedCinGenerator
from multiscope.nn.reflect_resnet import ReflectResnet
from multiscope.nn.resnet_generator import ResnetGenerator
from multiscope.nn.variational import VariationalAutoencoder

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "resnet_generator": ResnetGenerator,
    "published_cin_generator": PublishedCinGenerator,
    "care_unet": CareUNet,
    "careamics_restorer": CareamicsRestorer,
    "reflect_resnet": ReflectResnet,
    "pix2pix_unet": Pix2PixUNet,
    **FILTERS,
    "deeploc": DeepLoc,
    "backbone": Backbone,
    "paired_inpainting": PairedInpainting,
    "autoencoder": Autoencoder,
    "vae": VariationalAutoencoder,
    "cytoself": Cytoself,
    "classic": ClassicFeatures,
    "one_hot": OneHot,
}
WEIGHTS, CARD = "model.safetensors", "model.json"
MAX_PARAMETERS = 2**28
_HEADER_BYTES = 2**20
_CARD_BYTES = 2**22
# whatever torch, safetensors and a network's constructor raise for what they cannot use
_FAULTS = (OSError, KeyError, TypeError, ValueError, RuntimeError, ArithmeticError, AttributeError, SafetensorError)
_MAX_NUMBER, _MAX_ITEMS, _MAX_TEXT = 2**14, 2**10, 100


def build_network(architecture: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A network of a registered architecture, randomly initialised."""
    return ARCHITECTURES[architecture](**arguments)


def save_network(
    folder: Path, network: nn.Module, architecture: str, arguments: Mapping[str, Any], facts: Mapping[str, Any]
) -> None:
    """Write weights and card into `folder`; `facts` are what its user must know (channels, classes, ...)."""
    save_weights(folder / WEIGHTS, network)
    card = {
        "architecture": architecture,
        "arguments": dict(arguments),
        "parameters": _count(network),
        "sha256": _sha256(folder / WEIGHTS),
        **facts,
    }
    (folder / CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")


def save_weights(path: Path, network: nn.Module) -> None:
    """Write the weights alone: a checkpoint."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    path.write_bytes(save(tensors))  # safetensors' own files are for their owner alone, whatever the umask


def read_card(folder: Path) -> dict[str, Any]:
    """The card in `folder`, of a known architecture; the weights are not looked at."""
    file = folder / CARD
    if not file.is_file():
        what = "holds no model.json" if folder.is_dir() else "is no folder"
        raise InputError(f"{folder}: {what}; expected a folder with a trained network: name what the training made")
    with _unusable(folder):
        with file.open("rb") as stream:
            text = stream.read(_CARD_BYTES + 1)
        if len(text) > _CARD_BYTES:
            raise ValueError(f"{CARD} has more than {_CARD_BYTES} bytes")
        card = json.loads(text)
        if not isinstance(card, dict):
            raise ValueError(f"{CARD} is no JSON object")
        if card["architecture"] not in ARCHITECTURES:
            shown = ascii(card["architecture"])[:_MAX_TEXT]
            raise ValueError(f"its architecture {shown} is none of {', '.join(ARCHITECTURES)}")
        return card


def load_network(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network in `folder` with its weights, in eval mode, and its card.

    Weights that are not those of the card, and a card that claims more than it has, are an `InputError`.
    """
    card = read_card(folder)
    with _unusable(folder):
        network = _outline(card)
        size, most = (folder / WEIGHTS).stat().st_size, _bytes_of(network) + _HEADER_BYTES
        if size > most:
            raise ValueError(f"{WEIGHTS} has {size} bytes, the network at most {most}")
        if _sha256(folder / WEIGHTS) != card["sha256"]:
            raise ValueError(f"{WEIGHTS} has another sha256 than {CARD} says")
        weights = load_file(folder / WEIGHTS)
        _check_weights(network, weights)
        network.load_state_dict(weights, assign=True)
        return network.eval(), card


def load_checkpoint(network: nn.Module, path: Path) -> None:
    """Put the weights that `save_weights` wrote into `network`; a file of another network is an `InputError`."""
    try:
        size, most = path.stat().st_size, _bytes_of(network) + _HEADER_BYTES
        if size > most:
            raise ValueError(f"it has {size} bytes, the network at most {most}")
        weights = load_file(path)
        _check_weights(network, weights)
        network.load_state_dict(weights)
    except _FAULTS as error:
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise InputError(f"{path}: is no checkpoint of this network ({why}); train it again") from None


def _bytes_of(network: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())


@contextmanager
def _unusable(folder: Path) -> Iterator[None]:
    """Whatever goes wrong in a folder with a network is told in one line."""
    try:
        yield
    except _FAULTS as error:
        text = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        why = f"{type(error).__name__}: {' '.join(text.split())[:300]}"
        raise InputError(f"{folder}: holds no usable network ({why}); copy it again, or train it again") from None


def _outline(card: Mapping[str, Any]) -> nn.Module:
    """The card's network without memory for its weights; absurd arguments and counts are a `ValueError`."""
    claimed = card["parameters"]
    if not isinstance(claimed, int) or not 0 <= claimed <= MAX_PARAMETERS:
        raise ValueError(f"it claims {ascii(claimed)[:40]} parameters; expected up to {MAX_PARAMETERS}")
    arguments = card["arguments"]
    if not isinstance(arguments, dict):
        raise ValueError("its arguments are no JSON object")
    for name, value in arguments.items():
        _check_argument(name, value)
    # the numbers of the weights are read, not drawn
    with torch.device("meta"):
        network = build_network(card["architecture"], arguments)
    if _count(network) != claimed:
        raise ValueError(f"its arguments make {_count(network)} parameters, but it claims {claimed}")
    return network


def _check_argument(name: str, value: object, *, nested: bool = False) -> None:
    """Layers are made one by one, which takes time even without memory: no argument is larger than any network has."""
    match value:
        case list() if not nested and len(value) <= _MAX_ITEMS:
            for item in value:
                _check_argument(name, item, nested=True)
        case None:
            pass
        case int() | float() if math.isfinite(value) and abs(value) <= _MAX_NUMBER:
            pass
        case str() if len(value) <= _MAX_TEXT:
            pass
        case _:
            raise ValueError(f"its argument {name!a} is {ascii(value)[:40]}, which no network takes")


def _check_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """What is missing would stay without memory; torch itself lets some of it pass."""
    own, there = (
        {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}
        for tensors in (network.state_dict(), weights)
    )
    if wrong := sorted(name for name in own.keys() | there.keys() if own.get(name) != there.get(name)):
        name = wrong[0]
        raise ValueError(f"its weights {name!a} are {there.get(name, 'missing')}; expected {own.get(name, 'none')}")


def _count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
