"""A network that another run trained."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import nn

from multiscope.config import Transfer
from multiscope.errors import InputError
from multiscope.folders.manifest import verify
from multiscope.localize.learner import Learner
from multiscope.nn.cards import load_network

_INPUTS = ("standardize", "min_max", "masked")


class Trained(Learner[Transfer]):
    """Takes cells as the network was trained to, and begins with its weights."""

    @cached_property
    def trained(self) -> tuple[nn.Module, dict[str, Any]]:
        """The network and its card."""
        verify(self.config.trained, made_by=["localize"])
        network, card = load_network(self.config.trained)
        if card["intensities"] not in _INPUTS:
            raise InputError(f"{self.config.trained}: its {card['architecture']} is no network of images; name another")
        return network, card

    @property
    def architecture(self) -> str:  # type: ignore[override]
        """That of the trained network."""
        return str(self.trained[1]["architecture"])

    @property
    def arguments(self) -> dict[str, Any]:
        """Those of the trained network."""
        return dict(self.trained[1]["arguments"])

    @property
    def intensities(self) -> str:
        """Those of the trained network."""
        return str(self.trained[1]["intensities"])

    @cached_property
    def channels(self) -> list[str]:
        """Those of the trained network."""
        return list(self.trained[1]["channels"])

    @property
    def layer(self) -> str:
        """As asked for, or as the network was trained."""
        return self.config.layer or str(self.trained[1]["layer"])

    @property
    def facts(self) -> Mapping[str, Any]:
        """With the size of the crops that it takes."""
        return {**super().facts, "arguments": self.arguments, "learns": self.config.learns}

    def build(self) -> nn.Module:
        """The trained network; one without the layer that is asked for is an `InputError`."""
        if self.layer not in self.widths:
            raise InputError(
                f"{self.config.trained}: has no layer '{self.layer}'; it has {', '.join(self.widths)}: name one of them"
            )
        return self.trained[0]

    @cached_property
    def widths(self) -> dict[str, int]:
        """The number of features of each layer."""
        size = self.arguments["crop_size"]
        with torch.no_grad():
            layers = self.trained[0].features(torch.zeros(2, len(self.channels), size, size))  # type: ignore[operator]
        return {name: layer.shape[1] for name, layer in layers.items()}
