"""What PyTorch keeps of one pass through each network, in layers of the configured width at full size.

    python -m benchmarks.activations

The memory that rules ask for (`src/multiscope/plan/memory.py`) counts such layers. Counted on the CPU, exactly: nothing
depends on the machine.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from multiscope.nn.cards import build_network

BATCH = 2
NETWORKS: dict[str, tuple[str, dict[str, Any], int, float]] = {
    "cgan, small": ("resnet_generator", {"width": 16, "blocks": 4, "output": "residual", "lateral": True}, 64, 16),
    "cgan, paper": ("resnet_generator", {"width": 64, "blocks": 9, "dropout": 0.5}, 64, 64),
    "care, small": ("care_unet", {"width": 16}, 64, 16),
    "care, paper": ("care_unet", {"width": 32, "kernel": 5}, 64, 32),
    "deblurgan": ("reflect_resnet", {"width": 16, "blocks": 9}, 64, 16),
    "pix2pix": ("pix2pix_unet", {"width": 16}, 128, 16),
    "deeploc": ("deeploc", {"width": 0.25, "dense": 128, "in_channels": 2, "crop_size": 64, "n_classes": 6}, 64, 16),
    "autoencoder": ("autoencoder", {"width": 0.25, "latent": 64, "in_channels": 2, "crop_size": 64}, 64, 16),
    "resnet18": ("backbone", {"network": "resnet18", "in_channels": 2, "n_classes": 6, "crop_size": 64}, 64, 64),
    "resnet50": ("backbone", {"network": "resnet50", "in_channels": 2, "n_classes": 6, "crop_size": 64}, 64, 64),
}
"""Architecture, arguments, side of the image, width that a layer is counted by."""


def kept_bytes(network: nn.Module, image: Tensor) -> int:
    """Bytes of all tensors that a pass keeps for the gradients, each once, without the parameters."""
    seen = {parameter.data_ptr(): 0 for parameter in network.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        seen.setdefault(tensor.data_ptr(), tensor.numel() * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = network.train()(image)  # noqa: F841  what is kept lives as long as the result
    return sum(seen.values())


def main() -> None:
    """Print the table."""
    print("| network | layers |\n|---|---|")
    for name, (architecture, arguments, side, width) in NETWORKS.items():
        network = build_network(architecture, arguments)
        image = torch.rand(BATCH, arguments.get("in_channels", 1), side, side)
        print(f"| {name} | {kept_bytes(network, image) / (4 * BATCH * side**2 * width):.1f} |")


if __name__ == "__main__":
    main()
