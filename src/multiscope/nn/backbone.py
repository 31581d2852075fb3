"""Networks of torchvision as classifiers of crops with any number of channels.

Their convolutions, the mean over place, and one dense layer to the classes. The further dense layers that VGG and
MobileNet have in torchvision are left out: they are made for ImageNet's 1000 classes.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import Path

from torch import Tensor, nn

from multiscope.errors import InputError
from multiscope.nn.weights_file import copy_weights, read_weights

_NETWORKS = {
    "resnet18": ("fc", 512),
    "resnet34": ("fc", 512),
    "resnet50": ("fc", 2048),
    "densenet121": ("classifier", 1024),
    "efficientnet_b0": ("classifier", 1280),
    "mobilenet_v3_small": ("classifier", 576),
    "vgg11_bn": ("classifier", 512),
}
"""Name of the dense layers in torchvision, and length of what is pooled before them."""
SMALLEST_CROP = 32
"""All halve the side five times."""


class Backbone(nn.Module):
    """A network of torchvision, by its name there."""

    def __init__(self, *, network: str, in_channels: int, n_classes: int, crop_size: int) -> None:
        """Randomly initialised as torchvision does; a first convolution that does not take 3 channels is a new one."""
        super().__init__()
        if network not in _NETWORKS:
            raise ValueError(f"no backbone is called {network!a}; expected one of {', '.join(_NETWORKS)}")
        if crop_size < SMALLEST_CROP:
            raise ValueError(
                f"crops of {crop_size} pixels are too small for {network}; expected at least {SMALLEST_CROP}"
            )
        self.network = network
        head, pooled = _NETWORKS[network]
        self.body = _vgg() if network == "vgg11_bn" else _of_torchvision(network, head)
        name, first = self.first
        if in_channels != first.in_channels:
            owner, _, last = name.rpartition(".")
            setattr(self.body.get_submodule(owner), last, _with_channels(first, in_channels))
        self.head = nn.Linear(pooled, n_classes)

    @property
    def first(self) -> tuple[str, nn.Conv2d]:
        """Name in the body and layer of the first convolution."""
        return next((name, part) for name, part in self.body.named_modules() if isinstance(part, nn.Conv2d))

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Layers of crops x (N, in_channels, S, S): the mean over place `pooled`, and `logits` (N, n_classes)."""
        pooled = self.body(x)
        return {"pooled": pooled, "logits": self.head(pooled)}

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, n_classes) of crops x (N, in_channels, crop_size, crop_size)."""
        return self.features(x)["logits"]


def load_pretrained(backbone: nn.Module, path: Path) -> None:
    """Fill a `Backbone`, except for its last layer, with the weights in `path` as torchvision distributes them.

    Where the crops have other than 3 channels, each channel of the first layer gets the mean over the colours times 3
    over the number of channels: an image that is the same in all channels gives what it gave in all colours. A file
    that does not hold the weights of this network is an `InputError`.
    """
    assert isinstance(backbone, Backbone)
    expected = f"expected torchvision's {backbone.network} weights (.pth or .safetensors)"
    head = _NETWORKS[backbone.network][0] + "."
    # densenets were published with names such as `norm.1.weight`, which torchvision too changes when it reads them
    given = {
        re.sub(r"\.(norm|conv)\.([12])\.", r".\1\2.", name): tensor
        for name, tensor in read_weights(path, expected).items()
        if not name.startswith(head)
    }
    # older files have no counters of batches
    own = {
        name: tensor
        for name, tensor in backbone.body.state_dict().items()
        if name in given or not name.endswith("num_batches_tracked")
    }
    if foreign := sorted(given.keys() - own.keys()):
        raise InputError(f"{path}: has a tensor {foreign[0]!a} that {backbone.network} has not; {expected}")
    name, first = backbone.first
    weight = given.get(f"{name}.weight")
    if weight is not None and weight.ndim == 4 and weight.shape[1] == 3 != first.in_channels:
        mean = weight.sum(dim=1, keepdim=True) / first.in_channels
        given[f"{name}.weight"] = mean.expand(-1, first.in_channels, -1, -1)
    copy_weights(own, given, path, expected)


def _of_torchvision(network: str, head: str) -> nn.Module:
    """The network without its dense layers: images to what is pooled (N, d)."""
    import torchvision.models  # costs seconds: imported only where such a network is made

    body: nn.Module = getattr(torchvision.models, network)(weights=None)
    setattr(body, head, nn.Identity())
    return body


def _vgg() -> nn.Module:
    """The convolutions of torchvision's VGG11 with batch norm, without allocating its 0.5 GB of dense layers."""
    from torchvision.models import vgg

    layers = vgg.make_layers(vgg.cfgs["A"], batch_norm=True)
    return nn.Sequential(OrderedDict(features=layers, pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten()))


def _with_channels(layer: nn.Conv2d, in_channels: int) -> nn.Conv2d:
    """A new convolution like `layer` that takes another number of channels."""
    return nn.Conv2d(
        in_channels,
        layer.out_channels,
        layer.kernel_size,  # type: ignore[arg-type]
        stride=layer.stride,  # type: ignore[arg-type]
        padding=layer.padding,  # type: ignore[arg-type]
        bias=layer.bias is not None,
    )
