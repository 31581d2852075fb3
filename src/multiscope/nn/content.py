"""Content and style losses on the features of a frozen network (Gatys et al. 2016; Johnson et al. 2016).

"Image Style Transfer Using Convolutional Neural Networks", CVPR 2016. Two networks: VGG16 up to block3_conv3 (the
layer of Razdaibiedina et al. 2019) from a file of torchvision weights, and a small autoencoder's encoder, which a run
trains on its own images where there is no such file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from multiscope.folders.manifest import digest_of
from multiscope.nn.weights_file import copy_weights, read_weights

_EXPECTED = "expected torchvision's VGG16 weights (vgg16-397923af.pth)"


class ContentFeatures(Protocol):
    """A network whose features are compared; the last tensor is the content layer."""

    name: str

    def __call__(self, x: Tensor, /) -> list[Tensor]:
        """Features (N, C, H', W') at several depths of images x (N, 1, H, W) in [-1, 1]."""
        ...


class VggContent(nn.Module):
    """VGG16 (Simonyan & Zisserman 2015) up to block3_conv3, frozen; features after the last ReLU of each block.

    The grey image is repeated to three channels and stays in [-1, 1]; ImageNet's mean is not taken off, as in the
    published code. Height and width are at least 4.
    """

    name = "vgg16"

    def __init__(self, path: Path) -> None:
        """Read the weights from `path`; any file that does not hold them is an `InputError`."""
        super().__init__()
        weights = read_weights(path, _EXPECTED)
        self.sha256 = digest_of(path)
        self.features = _vgg_layers()
        own = {f"features.{name}": tensor for name, tensor in self.features.state_dict().items()}
        copy_weights(own, weights, path, _EXPECTED)
        self.requires_grad_(False)
        self.eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of images x (N, 1, H, W): (N, 64, H, W), (N, 128, H/2, W/2), (N, 256, H/4, W/4)."""
        x = x.expand(-1, 3, -1, -1)
        found = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                found.append(x)
            x = layer(x)
        return [*found, x]


class SmallContent(nn.Module):
    """Encoder of three convolutions (stride 1, 2, 2), with the decoder that it is trained by."""

    name = "autoencoder"

    def __init__(self, width: int) -> None:
        """`width`, 2 and 4 times `width` channels; trainable until `freeze`."""
        super().__init__()
        self.encoder = nn.ModuleList(
            [
                nn.Conv2d(1, width, 3, padding=1),
                nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
                nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),
            ]
        )
        self.decoder = nn.ModuleList(
            [nn.Conv2d(4 * width, 2 * width, 3, padding=1), nn.Conv2d(2 * width, width, 3, padding=1)]
        )
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of images x (N, 1, H, W): (N, w, H, W), (N, 2w, H/2, W/2), (N, 4w, H/4, W/4), sizes rounded up."""
        found = []
        for layer in self.encoder:
            x = F.relu(layer(x))
            found.append(x)
        return found

    def reconstruct(self, x: Tensor) -> Tensor:
        """The autoencoder's output, same shape as x, unbounded: what its training compares with x."""
        first, second, code = self(x)
        for layer, like in zip(self.decoder, (second, first), strict=True):
            code = F.relu(layer(F.interpolate(code, size=like.shape[-2:], mode="nearest")))
        image: Tensor = self.last(code)
        return image

    def freeze(self) -> SmallContent:
        """End training: no gradients to the weights from here on."""
        return self.requires_grad_(False).eval()


def content_loss(net: ContentFeatures, a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of the content layer for images a and b, both (N, 1, H, W); a scalar."""
    return F.l1_loss(net(a)[-1], net(b)[-1])


def style_loss(net: ContentFeatures, a: Tensor, b: Tensor) -> Tensor:
    """Distance (Frobenius norm) of Gram matrices, mean over layers and samples; a scalar.

    Each Gram matrix is divided by C * H * W of its layer (Johnson et al. 2016, section 3.2), so that layers of
    different size weigh alike. The norm is not squared as it is in both papers: squared, it falls with the fourth
    power of the features and would vanish beside the content loss. a and b are (N, 1, H, W) of the same N; they may
    differ in size, and are not aligned.
    """
    layers = [torch.linalg.matrix_norm(gram(x) - gram(y)).mean() for x, y in zip(net(a), net(b), strict=True)]
    return torch.stack(layers).mean()


def published_style_loss(net: ContentFeatures, a: Tensor, b: Tensor) -> Tensor:
    """Distance of Gram matrices as in the published code of Razdaibiedina et al. 2019; a scalar.

    Absolute differences of Gram matrices that are not normalised, summed, divided by 4 * 3^2 * (H * W)^2 of the layer,
    averaged over samples, summed over layers and divided by 3. The layers are those of `net`; there they were four of
    VGG19. a and b are as for `style_loss`.
    """
    layers = []
    for x, y in zip(net(a), net(b), strict=True):
        difference = gram(x) * x[0].numel() - gram(y) * y[0].numel()
        layers.append(difference.abs().sum(dim=(1, 2)).mean() / (4 * 3**2 * x[0, 0].numel() ** 2))
    return torch.stack(layers).sum() / 3


def gram(features: Tensor) -> Tensor:
    """Products of channels summed over places, over C * H * W: (N, C, H, W) to (N, C, C)."""
    n, channels, height, width = features.shape
    flat = features.reshape(n, channels, height * width)
    return flat @ flat.transpose(1, 2) / (channels * height * width)


def _vgg_layers() -> nn.Sequential:
    """The layers of torchvision's VGG16 up to the last ReLU of block 3, without allocating its 0.5 GB classifier."""
    from torchvision.models import vgg  # costs seconds: imported only where the weights are given

    layers: nn.Sequential = vgg.make_layers(vgg.cfgs["D"])
    return nn.Sequential(*[nn.ReLU() if isinstance(layer, nn.ReLU) else layer for layer in layers[:16]])
