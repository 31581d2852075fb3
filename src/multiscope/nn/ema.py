"""Exponential moving average of a network's weights (Polyak & Juditsky 1992; Tarvainen & Valpola 2017)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

_AVERAGE = "average."


class Ema:
    """Average of a module's parameters and buffers, which moves faster while it is young."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        """Start at the module's present values, on its device; `decay` in [0, 1), 0 follows the module."""
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; expected 0 <= decay < 1")
        self.decay = decay
        self.n_updates = 0
        self.average = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @property
    def current_decay(self) -> float:
        """Decay of the next update: min(decay, (1 + n) / (10 + n)) after n updates."""
        return min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards the module's present values; whole numbers (counters) are copied."""
        share = 1 - self.current_decay
        for name, value in module.state_dict().items():
            average = self.average[name]
            if average.is_floating_point():
                average.lerp_(value.to(average), share)
            else:
                average.copy_(value)
        self.n_updates += 1

    def copy_to(self, module: nn.Module) -> None:
        """Overwrite the module's parameters and buffers with the averages."""
        module.load_state_dict(self.average)

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of the averages (`average.<name>`) and the number of updates (`n_updates`)."""
        averages = {_AVERAGE + name: value.clone() for name, value in self.average.items()}
        return {"n_updates": torch.tensor(self.n_updates), **averages}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state_dict` gave; raises ValueError where names or shapes are another module's."""
        shapes = {name: value.shape for name, value in state.items() if name.startswith(_AVERAGE)}
        if "n_updates" not in state or shapes != {_AVERAGE + n: v.shape for n, v in self.average.items()}:
            raise ValueError("the averages are those of another module")
        for name, value in self.average.items():
            value.copy_(state[_AVERAGE + name])
        self.n_updates = int(state["n_updates"])
