import hashlib
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiscope.errors import InputError
from multiscope.nn import weights_file as weights_module
from multiscope.nn.content import (
    SmallContent,
    VggContent,
    content_loss,
    gram,
    published_style_loss,
    style_loss,
)


@pytest.fixture(scope="module")
def torchvision_features() -> torch.nn.Sequential:
    """The convolutions of torchvision's VGG16 with random weights; its 500 MB classifier is left out."""
    vgg = pytest.importorskip("torchvision.models.vgg")
    torch.manual_seed(0)
    features: torch.nn.Sequential = vgg.make_layers(vgg.cfgs["D"])
    return features[:17]


@pytest.fixture(scope="module")
def weights(torchvision_features: torch.nn.Sequential) -> dict[str, Tensor]:
    return {f"features.{name}": value for name, value in torchvision_features.state_dict().items()}


@pytest.fixture(scope="module")
def weights_file(weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    torch.save({**weights, "classifier.6.bias": torch.zeros(1000)}, path)
    return path


@pytest.fixture(scope="module")
def vgg(weights_file: Path) -> VggContent:
    return VggContent(weights_file)


def frozen_small() -> SmallContent:
    torch.manual_seed(0)
    return SmallContent(4).freeze()


def test_vgg_is_torchvision_s(vgg: VggContent, torchvision_features: torch.nn.Sequential) -> None:
    x = torch.rand(2, 1, 20, 24) * 2 - 1
    found = vgg(x)
    with torch.no_grad():
        for ours, end in zip(found, (4, 9, 16), strict=True):
            torch.testing.assert_close(ours, torchvision_features[:end](x.repeat(1, 3, 1, 1)))
    assert [tuple(f.shape) for f in found] == [(2, 64, 20, 24), (2, 128, 10, 12), (2, 256, 5, 6)]


def test_vgg_says_what_it_is(vgg: VggContent, weights_file: Path) -> None:
    assert vgg.name == "vgg16"
    assert vgg.sha256 == hashlib.sha256(weights_file.read_bytes()).hexdigest()
    assert not vgg.training
    assert not any(p.requires_grad for p in vgg.parameters())


def test_vgg_reads_the_old_file_format(weights: dict[str, Tensor], vgg: VggContent, tmp_path: Path) -> None:
    """The published file is of 2017, before torch files were zip archives."""
    path = tmp_path / "old.pth"
    torch.save(weights, path, _use_new_zipfile_serialization=False)
    x = torch.rand(1, 1, 8, 8)
    assert torch.equal(VggContent(path)(x)[-1], vgg(x)[-1])


class Runs:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return Path.touch, (Path("ran"),)  # type: ignore[return-value]


def _changed(weights: dict[str, Tensor], **values: object) -> dict[str, object]:
    return {**weights, **{name.replace("__", "."): value for name, value in values.items()}}


def test_wrong_files_are_one_line(weights: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    without = {name: value for name, value in weights.items() if name != "features.14.bias"}
    cases: list[tuple[object, str]] = [
        ({"w": Runs()}, "not a weights file"),
        ([1, 2], "holds a list"),
        (without, r"no tensor 'features\.14\.bias'"),
        (_changed(weights, features__0__bias=3), r"no tensor 'features\.0\.bias'"),
        (_changed(weights, features__0__bias=torch.zeros(64, dtype=torch.int64)), "no tensor"),
        (_changed(weights, features__0__bias=torch.zeros(1).expand(10**12)), r"\(1000000000000,\), not \(64,\)"),
        (_changed(weights, features__0__bias=torch.full((64,), torch.nan)), "not finite"),
    ]
    for values, message in cases:
        path = tmp_path / "wrong.pth"
        torch.save(values, path)
        with pytest.raises(InputError, match=message) as caught:
            VggContent(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_files_that_torch_did_not_write(tmp_path: Path) -> None:
    path = tmp_path / "wrong.pth"
    with pytest.raises(InputError, match="no such file"):
        VggContent(path)
    for data in (b"", b"PK\x03\x04 no archive", pickle.dumps({"features.0.weight": 1}), b"\x00" * 100):
        path.write_bytes(data)
        with pytest.raises(InputError):
            VggContent(path)


def test_size_is_checked_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module, "_MAX_BYTES", 10_000)
    path = tmp_path / "large.pth"
    path.write_bytes(b"\x00" * 10_001)
    with pytest.raises(InputError, match="holds 10001 bytes, the limit is 10000"):
        VggContent(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x00" * 1_000_000)
    assert path.stat().st_size < 10_000
    with pytest.raises(InputError, match="holds 1000000 bytes"):
        VggContent(path)


@settings(deadline=None, max_examples=15)
@given(h=st.integers(1, 20), w=st.integers(1, 20), width=st.integers(1, 5))
def test_small_shapes(h: int, w: int, width: int) -> None:
    net = SmallContent(width)
    x = torch.rand(2, 1, h, w)
    shapes = [tuple(f.shape[1:]) for f in net(x)]
    halves = [(-(-h // 2**i), -(-w // 2**i)) for i in range(3)]
    assert shapes == [(width * 2**i, *halves[i]) for i in range(3)]
    assert net.reconstruct(x).shape == x.shape


def test_small_learns_to_reconstruct_and_freezes() -> None:
    torch.manual_seed(0)
    net = SmallContent(4)
    assert net.name == "autoencoder"
    x = torch.rand(4, 1, 4, 4).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3) * 2 - 1
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(net.reconstruct(x), x)
        loss.backward()
        optimizer.step()
    assert all(p.grad is not None for p in net.parameters())
    assert loss < 0.3 * x.var()
    assert net.freeze() is net
    assert not any(p.requires_grad for p in net.parameters()) and not net.training


@pytest.mark.parametrize("kind", ["vgg", "small"])
@pytest.mark.parametrize("loss", [content_loss, style_loss])
def test_gradients_reach_the_image_and_not_the_weights(kind: str, loss: Callable[..., Tensor], vgg: VggContent) -> None:
    net = vgg if kind == "vgg" else frozen_small()
    a = torch.rand(2, 1, 16, 16, requires_grad=True)
    b = torch.rand(2, 1, 16, 16)
    assert loss(net, b, b) == 0
    value = loss(net, a, b)
    assert value.shape == () and value.detach() > 0
    torch.testing.assert_close(value, loss(net, b, a))
    value.backward()
    assert a.grad is not None and a.grad.abs().sum() > 0
    assert all(p.grad is None for p in net.parameters())


def test_content_loss_is_the_mean_difference_of_the_last_layer() -> None:
    net = frozen_small()
    a, b = torch.rand(2, 3, 1, 16, 16)
    torch.testing.assert_close(content_loss(net, a, b), (net(a)[-1] - net(b)[-1]).abs().mean())


def test_gram_by_hand() -> None:
    f = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    expected = torch.einsum("nchw,ndhw->ncd", f, f) / 60
    torch.testing.assert_close(gram(f), expected)


class Layers:
    """Hands out given features, to look at the loss alone."""

    name = "layers"

    def __call__(self, x: Tensor, /) -> list[Tensor]:
        return [x, x.repeat(1, 3, 1, 1), x.repeat_interleave(2, dim=-1)]


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), n=st.integers(1, 3))
def test_style_ignores_where_things_are_and_how_many_channels_repeat(seed: int, n: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, n, 2, 4, 6, generator=generator, dtype=torch.float64)
    loss = style_loss(Layers(), a, b)
    moved = a.flatten(2)[..., torch.randperm(24, generator=generator)].reshape(a.shape)
    torch.testing.assert_close(style_loss(Layers(), moved, b), loss)
    torch.testing.assert_close(style_loss(Layers(), moved, a), torch.zeros((), dtype=torch.float64))
    # all three layers hold the same statistics at different sizes, so each weighs the same
    torch.testing.assert_close(loss, (gram(a) - gram(b)).square().sum(dim=(1, 2)).sqrt().mean())


def test_losses_take_gradients_through_both_networks_exactly() -> None:
    net = frozen_small().double()
    a, b = torch.rand(2, 1, 1, 6, 6, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda a: style_loss(net, a, b), (a.requires_grad_(),))
    assert torch.autograd.gradcheck(lambda a: content_loss(net, a, b), (a.requires_grad_(),))


def test_losses_of_equal_images_have_finite_gradients() -> None:
    net = frozen_small()
    a = torch.rand(1, 1, 8, 8, requires_grad=True)
    (content_loss(net, a, a.detach()) + style_loss(net, a, a.detach())).backward()
    assert a.grad is not None and a.grad.isfinite().all()


def test_published_style_loss_is_its_formula() -> None:
    class Twice:
        name = "twice"

        def __call__(self, x: Tensor, /) -> list[Tensor]:
            return [torch.cat([x, x + 1], dim=1), x[..., ::2, ::2]]

    a, b = torch.rand(2, 2, 1, 8, 6, dtype=torch.float64)
    expected = 0.0
    for x, y in zip(Twice()(a), Twice()(b), strict=True):
        places = x.shape[2] * x.shape[3]
        for n in range(2):
            flat = [z[n].reshape(z.shape[1], places) for z in (x, y)]
            grams = [f @ f.T for f in flat]
            expected += float((grams[0] - grams[1]).abs().sum() / (4 * 3**2 * places**2)) / 2
    assert float(published_style_loss(Twice(), a, b)) == pytest.approx(expected / 3)
    assert published_style_loss(Twice(), a, a) == 0
