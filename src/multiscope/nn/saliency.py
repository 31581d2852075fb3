"""Where in a crop a classifier sees a class: Grad-CAM.

Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization", ICCV: the
feature maps of a layer, each weighted by the mean over place of the gradient of the class's logit, summed, and what is
below zero cut off (equations 1 and 2).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from multiscope.nn.deeploc import DeepLoc

LEAST = 7
"""Places across the maps of the networks for which Grad-CAM was made, at least; there the last layer has so many."""
_POOLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


def deepest_maps(network: nn.Module, x: Tensor, *, least: int = LEAST) -> nn.Module:
    """The last layer of a network of crops x (N, C, S, S) whose maps have `least` x `least` places or more.

    Pooling does not count as a layer. Where no layer has so many places, the one that has the most is taken.
    """
    found: list[tuple[int, nn.Module]] = []

    def note(layer: nn.Module, _: Any, output: Tensor) -> None:
        if output.ndim == 4:
            found.append((min(int(output.shape[-1]), least), layer))

    layers = [layer for layer in network.modules() if not list(layer.children()) and not isinstance(layer, _POOLING)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        with torch.no_grad():
            network(x)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise ValueError(f"{type(network).__name__} has no layer with feature maps")
    most = max(side for side, _ in found)
    return next(layer for side, layer in reversed(found) if side == most)


def grad_cam(network: nn.Module, layer: nn.Module, x: Tensor, kind: int) -> Tensor:
    """Saliency (N, h, w), 0 or more, of the class `kind` in prepared crops x (N, C, S, S), at the places of `layer`.

    `network`, in eval mode, gives logits (N, K). Values of two crops can be compared, those of two classes or layers
    cannot.
    """
    kept: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        kept[:] = [output]
        return output.clone()  # what is changed in place behind the layer stays as it was

    hook = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            logits = network(x.detach().requires_grad_(True))
            (slope,) = torch.autograd.grad(logits[:, kind].sum(), kept)
    finally:
        hook.remove()
    weights = slope.mean(dim=(-2, -1), keepdim=True)
    return (weights * kept[0]).sum(dim=1).clamp_min(0).detach()


def places(network: nn.Module, layer: nn.Module, *, size: int, side: int) -> tuple[float, float]:
    """Centre of the first place of the maps (side x side) of `layer` in crops of `size` pixels, and the distance to the
    next, in pixels.

    Maps of convolutions that are padded evenly cover the crop. Those of DeepLoc as the second paper has it are not:
    there the maps cover the middle.
    """  # noqa: D205
    if not isinstance(network, DeepLoc):
        return (size / side - 1) / 2, size / side
    first, step = 0.0, 1.0
    for part in network.trunk.net:
        if isinstance(part, nn.Conv2d):
            first += step * (0.0 if part.padding == "same" else (part.kernel_size[0] - 1) / 2)
        elif isinstance(part, nn.MaxPool2d):
            first, step = first + step / 2, 2 * step
        if part is layer:
            break
    return first, step
