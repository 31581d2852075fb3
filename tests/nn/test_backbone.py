from pathlib import Path
from typing import get_args

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from multiscope.config.encoders import BACKBONES
from multiscope.config.encoders import Backbone as Section
from multiscope.errors import InputError
from multiscope.nn.backbone import Backbone, load_pretrained

models = pytest.importorskip("torchvision.models")
READ = ["resnet18", "densenet121", "efficientnet_b0", "mobilenet_v3_small", "vgg11_bn"]


def published(network: str) -> nn.Module:
    """torchvision's network, with norms as if it had been trained, ending with what is pooled; VGG without 0.5 GB."""
    torch.manual_seed(1)
    if network == "vgg11_bn":
        net = nn.Sequential()
        net.add_module("features", models.vgg.make_layers(models.vgg.cfgs["A"], batch_norm=True))
        net.add_module("avgpool", nn.AdaptiveAvgPool2d(1))
        net.add_module("flat", nn.Flatten())
    else:
        net = getattr(models, network)(weights=None)
        setattr(net, "fc" if network.startswith("resnet") else "classifier", nn.Identity())
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1.0
    # without the norms that fit it, the output would hardly depend on the input
    with torch.no_grad():
        net.train()(torch.rand(4, 3, 64, 64))
    return net.eval()


def weights_of(net: nn.Module) -> dict[str, Tensor]:
    """Its weights as they are published, with a last layer."""
    return {**net.state_dict(), "fc.weight" if hasattr(net, "fc") else "classifier.1.weight": torch.ones(1000, 3)}


def size(part: nn.Module) -> int:
    return sum(p.numel() for p in part.parameters())


def test_those_of_the_section_are_there() -> None:
    assert set(get_args(Section.model_fields["network"].annotation)) == set(BACKBONES)
    for network in BACKBONES:
        with torch.device("meta"):
            Backbone(network=network, in_channels=1, n_classes=2, crop_size=64)


@pytest.mark.parametrize("network", BACKBONES)
def test_size_is_torchvision_s_up_to_both_ends(network: str) -> None:
    with torch.device("meta"):
        net, theirs = Backbone(network=network, in_channels=5, n_classes=7, crop_size=64), getattr(models, network)()
    head = theirs.fc if hasattr(theirs, "fc") else theirs.classifier
    first = net.first[1]
    added = 2 * first.out_channels * first.kernel_size[0] ** 2
    assert size(net) - size(net.head) - added == size(theirs) - size(head)
    assert first.in_channels == 5


@pytest.mark.parametrize("network", BACKBONES)
def test_small_crops_of_two_channels_pass_and_all_learns(network: str) -> None:
    torch.manual_seed(0)
    net = Backbone(network=network, in_channels=2, n_classes=3, crop_size=56)
    x = torch.rand(2, 2, 56, 56)
    net(x).square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.eval()
    features = net.features(x)
    assert list(features) == ["pooled", "logits"]
    assert features["pooled"].shape == (2, net.head.in_features)
    assert features["logits"].shape == (2, 3)
    assert torch.equal(net(x), features["logits"])
    assert torch.equal(net.features(x)["pooled"], features["pooled"])


@pytest.mark.parametrize("crop_size", [32, 64, 100])
def test_crops_of_other_sizes_pass(crop_size: int) -> None:
    for network in ("resnet18", "vgg11_bn", "densenet121"):
        net = Backbone(network=network, in_channels=1, n_classes=3, crop_size=crop_size).eval()
        assert net(torch.rand(1, 1, crop_size, crop_size)).shape == (1, 3)


@pytest.mark.parametrize("network", READ)
def test_pretrained_weights_give_what_they_gave(network: str, tmp_path: Path) -> None:
    theirs = published(network)
    torch.save(weights_of(theirs), tmp_path / "weights.pth")
    save_file(weights_of(theirs), tmp_path / "weights.safetensors")
    grey = torch.rand(2, 1, 56, 56)
    for name, channels in (("weights.pth", 3), ("weights.safetensors", 2)):
        net = Backbone(network=network, in_channels=channels, n_classes=4, crop_size=56).eval()
        head = net.head.weight.clone()
        load_pretrained(net, tmp_path / name)
        with torch.no_grad():
            expected = theirs(grey.expand(-1, 3, -1, -1))
            assert (expected - theirs(0.5 * grey.expand(-1, 3, -1, -1))).abs().max() > 0.1
            found = net.features(grey.expand(-1, channels, -1, -1))["pooled"]
        # sums over two channels are rounded otherwise than over three, and many layers follow
        assert (found - expected).abs().max() < 5e-3
        assert torch.equal(net.head.weight, head)
    with torch.no_grad():
        colours = torch.rand(2, 3, 56, 56)
        three = Backbone(network=network, in_channels=3, n_classes=4, crop_size=56).eval()
        load_pretrained(three, tmp_path / "weights.pth")
        torch.testing.assert_close(three.features(colours)["pooled"], theirs(colours))


def test_names_of_older_files_are_known(tmp_path: Path) -> None:
    theirs = published("densenet121")
    older = {
        name.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value
        for name, value in weights_of(theirs).items()
        if not name.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in older
    torch.save(older, tmp_path / "weights.pth")
    net = Backbone(network="densenet121", in_channels=3, n_classes=2, crop_size=56).eval()
    load_pretrained(net, tmp_path / "weights.pth")
    x = torch.rand(1, 3, 56, 56)
    with torch.no_grad():
        torch.testing.assert_close(net.features(x)["pooled"], theirs(x))


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ("resnet34", "has a tensor 'layer1.2.bn1.bias' that resnet18 has not"),
        ("mobilenet_v3_small", "has a tensor 'classifier.1.weight' that resnet18 has not"),
    ],
)
def test_weights_of_another_network_are_refused(other: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(weights_of(published(other)), path)
    net = Backbone(network="resnet18", in_channels=1, n_classes=2, crop_size=56)
    with pytest.raises(InputError) as caught:
        load_pretrained(net, path)
    assert str(caught.value) == f"{path}: {why}; expected torchvision's resnet18 weights (.pth or .safetensors)"


def test_weights_that_are_too_few_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    weights = weights_of(published("resnet18"))
    del weights["layer4.1.conv2.weight"]
    torch.save(weights, path)
    with pytest.raises(InputError, match=r"has no tensor 'layer4\.1\.conv2\.weight'"):
        load_pretrained(Backbone(network="resnet18", in_channels=1, n_classes=2, crop_size=56), path)


def test_unknown_networks_and_small_crops_are_refused() -> None:
    with pytest.raises(ValueError, match="no backbone is called 'list_models'"):
        Backbone(network="list_models", in_channels=1, n_classes=2, crop_size=64)
    with pytest.raises(ValueError, match="31 pixels are too small for resnet18; expected at least 32"):
        Backbone(network="resnet18", in_channels=1, n_classes=2, crop_size=31)
