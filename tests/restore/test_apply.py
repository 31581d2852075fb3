"""`restore apply`: whole images of any kind in, valid OME-Zarr out, told from where."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import torch
import zarr
from ome_zarr_models.v05 import Image, ImageLabel
from scipy.ndimage import gaussian_filter

from multiscope import __version__
from multiscope.cli import main
from multiscope.errors import InputError
from multiscope.folders.disk import sha256
from multiscope.folders.manifest import verify
from multiscope.folders.parts import Part
from multiscope.images.open import open_images
from multiscope.nn.cards import build_network, save_network
from multiscope.quality.familiar import Range, patch_features
from multiscope.restore import apply as applying
from multiscope.restore import source as sources
from multiscope.restore.apply import apply_restorer
from multiscope.restore.restorer import Restorer
from multiscope.stores.fields import read_field, read_labels, write_field
from multiscope.stores.pixel_size import PixelSize
from multiscope.stores.plates import describe_store

CPU = torch.device("cpu")
Array = npt.NDArray[Any]
SIZES = {"t": 3, "c": 2, "z": 4, "y": 150, "x": 131}
FACTS: dict[str, Any] = {
    "channels": ["gfp", "rfp"],
    "scale": {"gfp": {"low": 100.0, "high": 1100.0}, "rfp": {"low": 0.0, "high": 2000.0}},
    "defects": ["blur", "noise"],
    "conditional": True,
    "tile": 32,
    "multiple": 4,
    "receptive": 0,
    "self_ensemble": False,
    "floor": True,
    "method": "cgan",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that changes what it is shown, and has to be told the defect."""
    folder = tmp_path_factory.mktemp("model")
    arguments = {"width": 2, "blocks": 1, "n_conditions": 2}
    torch.manual_seed(3)
    save_network(folder, build_network("resnet_generator", arguments), "resnet_generator", arguments, FACTS)
    return folder


def draw(axes: str, dtype: Any = np.uint16) -> Array:
    shape = tuple(SIZES[axis] for axis in axes)
    return np.random.default_rng(0).integers(100, 1100, shape).astype(dtype)


def write_ome(
    path: Path, pixels: Array, axes: str, *, zarr_format: int = 3, names: Sequence[str] = ("gfp", "rfp")
) -> None:
    """An OME-Zarr image as others write it."""
    kinds = {"t": "time", "c": "channel"}
    units = {"t": {"unit": "second"}, "c": {}} | {axis: {"unit": "micrometer"} for axis in "zyx"}
    scale = [{"t": 2.5, "c": 1.0, "z": 0.5, "y": 0.2, "x": 0.1}[axis] for axis in axes]
    multiscale = {
        "axes": [{"name": axis, "type": kinds.get(axis, "space"), **units[axis]} for axis in axes],
        "datasets": [{"path": "s0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}],
    }
    omero = {"omero": {"channels": [{"label": name, "color": "FFFFFF"} for name in names]}} if names else {}
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)  # type: ignore[arg-type]
    if zarr_format == 3:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [multiscale], **omero}
    else:
        group.attrs.update({"multiscales": [multiscale | {"version": "0.4"}], **omero})
    chunks = tuple({"t": 1, "c": 1, "z": 3, "y": 64, "x": 64}[axis] for axis in axes)
    array = zarr.create_array(
        path, name="s0", shape=pixels.shape, chunks=chunks, dtype=pixels.dtype, zarr_format=zarr_format
    )
    array[...] = pixels


def expected(model: Path, plane: Array, channel: str, defect: str = "noise") -> Array:
    """The plane restored by itself, in the type that it had."""
    restored = Restorer.load(model, CPU).plane(plane, channel, defect)
    if plane.dtype.kind == "f":
        return restored
    limits = np.iinfo(plane.dtype)
    return np.rint(restored).clip(limits.min, limits.max).astype(plane.dtype)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("axes", ["cyx", "czyx", "tcyx", "tczyx", "cxy"])
def test_every_plane_is_restored_as_it_would_be_by_itself(
    tmp_path: Path, model: Path, axes: str, zarr_format: int
) -> None:
    pixels = draw(axes)
    write_ome(tmp_path / "in.zarr", pixels, axes, zarr_format=zarr_format)
    apply_restorer(model=model, source=tmp_path / "in.zarr", out=tmp_path / "out", defect="noise", device="cpu")
    array = zarr.open_array(tmp_path / "out" / "0", mode="r")
    stored = "".join(axis for axis in "tczyx" if axis in axes)
    assert array.metadata.dimension_names == tuple(stored)
    assert array.dtype == np.uint16
    planes = np.moveaxis(pixels.transpose([axes.index(axis) for axis in stored]), stored.index("c"), 0)
    found = np.moveaxis(np.asarray(array[...]), stored.index("c"), 0)
    assert found.shape == planes.shape
    for channel, before, after in zip(["gfp", "rfp"], planes, found, strict=True):
        pairs = zip(before.reshape(-1, *planes.shape[-2:]), after.reshape(-1, *planes.shape[-2:]), strict=True)
        for plane, restored in pairs:
            np.testing.assert_array_equal(restored, expected(model, plane, channel))
            assert (restored != plane).mean() > 0.5


@pytest.mark.filterwarnings("ignore")
def test_the_result_is_valid_and_says_where_it_came_from(tmp_path: Path, model: Path) -> None:
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    write_ome(tmp_path / "in.zarr", draw("tczyx"), "tczyx")
    out = tmp_path / "out.zarr"
    apply_restorer(model=model, source=tmp_path / "in.zarr", out=out, defect="noise", device="cpu")
    valid = Image.from_zarr(zarr.open_group(out, mode="r"))
    axes = valid.ome_attributes.multiscales[0].axes
    assert [(axis.name, axis.type) for axis in axes][:2] == [("t", "time"), ("c", "channel")]
    assert [getattr(axis, "unit", None) for axis in axes] == ["second", None, *["micrometer"] * 3]
    location = parse_url(out)
    assert location is not None
    node = next(iter(Reader(location)()))
    levels = [np.asarray(level) for level in node.data]
    assert [level.shape for level in levels] == [(3, 2, 4, 150, 131), (3, 2, 4, 75, 65)]
    np.testing.assert_array_equal(levels[0], zarr.open_array(out / "0", mode="r")[...])
    np.testing.assert_allclose(
        levels[1], levels[0][..., :130].reshape(3, 2, 4, 75, 2, 65, 2).astype(float).mean((-3, -1)), atol=0.5
    )
    transforms = node.metadata["coordinateTransformations"]
    assert [level[0]["scale"] for level in transforms] == [[2.5, 1, 0.5, 0.2, 0.1], [2.5, 1, 0.5, 0.4, 0.2]]
    assert transforms[1][1]["translation"] == [0, 0, 0, 0.1, 0.05]
    (image,) = list(_images(out))
    assert image.channels == ("gfp", "rfp") and image.pixel_size == PixelSize(0.5, 0.2, 0.1)
    origin = json.loads((out / "zarr.json").read_text())["attributes"]["multiscope"]
    assert origin["version"] == __version__ and origin["input"] == "in.zarr" and origin["defect"] == "noise"
    assert origin["tile"] == 32 and origin["self_ensemble"] is False
    assert origin["channels"] == {"gfp": "gfp", "rfp": "rfp"}
    assert origin["model"]["weights_sha256"] == sha256(model / "model.safetensors")
    assert origin["model"]["card_sha256"] == sha256(model / "model.json")
    assert str(tmp_path) not in json.dumps(origin)
    manifest = verify(out, made_by=["restore_apply"], full=True)
    assert manifest["counts"]["restored planes"] == {"kept": 24, "dropped": {}}


def _images(path: Path) -> list[Any]:
    with open_images(path) as images:
        return [image.info for image in images]


def test_labels_are_copied(tmp_path: Path, model: Path) -> None:
    image, labels = draw("czyx"), np.random.default_rng(1).integers(0, 2**32, (4, 150, 131), dtype=np.uint32)
    write_field(tmp_path / "in", image, channels=["gfp", "rfp"], labels=labels, pixel_size=PixelSize(1, 0.2, 0.2))
    apply_restorer(model=model, source=tmp_path / "in", out=tmp_path / "out", defect="blur", device="cpu")
    np.testing.assert_array_equal(read_labels(tmp_path / "out"), labels)
    assert zarr.open_group(tmp_path / "out" / "labels").attrs["ome"]["labels"] == ["cells"]  # type: ignore[index, call-overload]
    ImageLabel.from_zarr(zarr.open_group(tmp_path / "out" / "labels" / "cells", mode="r"))
    halved = zarr.open_array(tmp_path / "out" / "labels" / "cells" / "1", mode="r")[...]
    np.testing.assert_array_equal(halved, labels[:, :150:2, :130:2])
    np.testing.assert_array_equal(read_field(tmp_path / "out")[1, 2], expected(model, image[1, 2], "rfp", "blur"))


def test_channels_that_are_not_chosen_are_copied_and_others_may_have_another_name(tmp_path: Path, model: Path) -> None:
    pixels = draw("cyx")
    write_ome(tmp_path / "in", pixels, "cyx", names=["DAPI", "TxRed"])
    apply_restorer(
        model=model,
        source=tmp_path / "in",
        out=tmp_path / "out",
        defect="noise",
        channels=["TxRed"],
        channel_map={"TxRed": "rfp"},
        device="cpu",
    )
    found = read_field(tmp_path / "out")
    np.testing.assert_array_equal(found[0], pixels[0])
    np.testing.assert_array_equal(found[1], expected(model, pixels[1], "rfp"))
    assert _images(tmp_path / "out")[0].channels == ("DAPI", "TxRed")
    counts = verify(tmp_path / "out")["counts"]["restored planes"]
    assert counts == {"kept": 1, "dropped": {"of channels that were copied": 1}}


def test_an_image_without_names_has_the_channels_of_the_model_if_there_are_as_many(tmp_path: Path, model: Path) -> None:
    pixels = draw("cyx")
    write_ome(tmp_path / "in", pixels, "cyx", names=())
    run = {"model": model, "source": tmp_path / "in", "out": tmp_path / "out", "defect": "noise", "device": "cpu"}
    apply_restorer(**run)  # type: ignore[arg-type]
    np.testing.assert_array_equal(read_field(tmp_path / "out")[1], expected(model, pixels[1], "rfp"))
    apply_restorer(**run, channels=["0"], channel_map={"0": "rfp"})  # type: ignore[arg-type]
    found = read_field(tmp_path / "out")
    np.testing.assert_array_equal(found, [expected(model, pixels[0], "rfp"), pixels[1]])
    write_ome(tmp_path / "in", draw("cyx")[:1], "cyx", names=())
    with pytest.raises(InputError, match="not trained on the channel '0' but on gfp, rfp"):
        apply_restorer(**run)  # type: ignore[arg-type]


@pytest.mark.parametrize("axes", ["yx", "zyx", "tyx"])
def test_an_image_without_a_channel_axis_keeps_its_axes(tmp_path: Path, model: Path, axes: str) -> None:
    pixels = draw(axes)
    write_ome(tmp_path / "in", pixels, axes, names=["gfp"])
    apply_restorer(model=model, source=tmp_path / "in", out=tmp_path / "out", defect="noise", device="cpu")
    Image.from_zarr(zarr.open_group(tmp_path / "out", mode="r"))
    found = zarr.open_array(tmp_path / "out" / "0", mode="r")[...]
    last = (-1,) * (len(axes) - 2)
    np.testing.assert_array_equal(np.asarray(found)[last], expected(model, pixels[last], "gfp"))


def test_sizes_without_a_unit_stay_numbers_without_one(tmp_path: Path, model: Path) -> None:
    write_ome(tmp_path / "in", draw("tcyx"), "tcyx")

    def forget(ome: Any) -> None:
        for axis in ome["multiscales"][0]["axes"]:
            axis.pop("unit", None)

    edit(tmp_path / "in", forget)
    apply_restorer(model=model, source=tmp_path / "in", out=tmp_path / "out", defect="noise", device="cpu")
    multiscale = json.loads((tmp_path / "out" / "zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]
    assert not any("unit" in axis for axis in multiscale["axes"])
    scales = [level["coordinateTransformations"][0]["scale"] for level in multiscale["datasets"]]
    assert scales == [[2.5, 1, 0.2, 0.1], [2.5, 1, 0.4, 0.2]]
    assert multiscale["datasets"][1]["coordinateTransformations"][1]["translation"] == [0, 0, 0.1, 0.05]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.float32])
def test_numbers_keep_their_type_unless_floats_are_asked_for(tmp_path: Path, model: Path, dtype: Any) -> None:
    pixels = draw("cyx", dtype)
    write_ome(tmp_path / "in", pixels, "cyx")
    run = {"model": model, "source": tmp_path / "in", "out": tmp_path / "out", "defect": "noise", "device": "cpu"}
    apply_restorer(**run)  # type: ignore[arg-type]
    np.testing.assert_array_equal(read_field(tmp_path / "out")[0], expected(model, pixels[0], "gfp"))
    apply_restorer(**run, dtype="float32", channels=["gfp"])  # type: ignore[arg-type]
    found = read_field(tmp_path / "out")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], expected(model, pixels[0].astype(np.float32), "gfp"))
    np.testing.assert_array_equal(found[1], pixels[1].astype(np.float32))


def test_integers_are_cut_to_their_range() -> None:
    band = np.array([[-3, 0.4, 0.6, 254.5, 300, 1e20]], np.float32)
    np.testing.assert_array_equal(applying._as_kind(band, np.dtype(np.uint8)), [[0, 0, 1, 254, 255, 255]])
    assert applying._as_kind(band, np.dtype(np.uint32))[0, -1] == 2**32 - 1


def test_a_tiff_is_read_too(tmp_path: Path, model: Path) -> None:
    pixels = draw("zcyx")
    options = {"axes": "ZCYX", "Channel": {"Name": ["gfp", "rfp"]}, "PhysicalSizeX": 0.3, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(tmp_path / "in.ome.tif", pixels, metadata=options, photometric="minisblack")
    apply_restorer(model=model, source=tmp_path / "in.ome.tif", out=tmp_path / "out", defect="noise", device="cpu")
    np.testing.assert_array_equal(read_field(tmp_path / "out")[1, 2], expected(model, pixels[2, 1], "rfp"))
    assert _images(tmp_path / "out")[0].pixel_size.x == pytest.approx(0.3)


@pytest.mark.parametrize("paths", [["B/3/0", "B/3/1", "C/10/0"], ["a", "b"]])
def test_a_plate_and_a_collection_stay_one(tmp_path: Path, model: Path, paths: list[str]) -> None:
    pixels = {path: draw("cyx") + number for number, path in enumerate(paths)}
    for path, image in pixels.items():
        write_field(tmp_path / "in" / path, image, channels=["gfp", "rfp"])
    describe_store(tmp_path / "in", paths, plate="P1")
    apply_restorer(model=model, source=tmp_path / "in", out=tmp_path / "out", defect="noise", device="cpu")
    found, before = _images(tmp_path / "out"), _images(tmp_path / "in")
    assert [(i.name, i.well, i.site, i.channels) for i in found] == [
        (i.name, i.well, i.site, i.channels) for i in before
    ]
    for path, image in pixels.items():
        np.testing.assert_array_equal(read_field(tmp_path / "out" / path)[0], expected(model, image[0], "gfp"))
    assert verify(tmp_path / "out")["counts"]["images"]["kept"] == len(paths)


def content(out: Path) -> dict[str, str]:
    return {row["path"]: row["sha256"] for row in verify(out, full=True)["files"]}


class TestParts:
    """Several jobs make one result."""

    def apply(self, tmp_path: Path, model: Path, out: str, **more: Any) -> Path:
        given = {"model": model, "source": tmp_path / "in", "defect": "noise", "device": "cpu", **more}
        apply_restorer(**given, out=tmp_path / out)
        return tmp_path / out

    def test_the_last_one_completes_what_one_job_makes(
        self, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pixels = draw("tczyx")
        pixels[1, 1] += 9000
        write_ome(tmp_path / "in", pixels, "tczyx")
        whole = self.apply(tmp_path, model, "whole/out")
        warned = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
        for number in (2, 4, 1):
            assert not self.apply(tmp_path, model, "out", part=Part(number, 4)).exists()
        assert "warning" not in capsys.readouterr().err
        out = self.apply(tmp_path, model, "out", part=Part(3, 4))
        assert content(out) == content(whole)
        assert [line for line in capsys.readouterr().err.splitlines() if "warning" in line] == warned
        assert len(warned) == 1 and "channel rfp" in warned[0]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out", "whole"]

    def test_a_part_that_was_killed_is_run_again_alone(
        self, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        places = ["B/3/0", "B/3/1", "C/10/0"]
        for number, place in enumerate(places):
            labels = np.full((150, 131), number, np.uint32)
            write_field(tmp_path / "in" / place, draw("cyx") + number, channels=["gfp", "rfp"], labels=labels)
        describe_store(tmp_path / "in", places, plate="P1")
        whole = self.apply(tmp_path, model, "whole/out")
        self.apply(tmp_path, model, "out", part=Part(2, 2))
        seen, look = 0, applying.as_intensities

        def killed(plane: Array, *, where: str) -> Array:
            nonlocal seen
            seen += 1
            if seen == 3:
                raise KeyboardInterrupt
            return look(plane, where=where)

        monkeypatch.setattr(applying, "as_intensities", killed)
        with pytest.raises(KeyboardInterrupt):
            self.apply(tmp_path, model, "out", part=Part(1, 2))
        out = self.apply(tmp_path, model, "out", part=Part(1, 2))
        assert content(out) == content(whole)
        assert seen == 3 + 1  # two planes are kept, and those of the other part


def test_no_more_than_some_planes_of_a_stack_are_read_at_once(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ome(tmp_path / "in", draw("tczyx"), "tczyx")
    largest = 0
    read = sources.ZarrPlanes.planes

    def watched(self: Any, **place: int) -> Any:
        nonlocal largest
        whole = self._multiscale.array.read

        def sized(picks: Sequence[range]) -> Array:
            nonlocal largest
            largest = max(largest, math.prod(map(len, picks)))
            values: Array = whole(picks)
            return values

        self._multiscale.array.read = sized
        yield from read(self, **place)

    monkeypatch.setattr(sources.ZarrPlanes, "planes", watched)
    monkeypatch.setattr(sources, "_READ_BYTES", 2 * 2 * 150 * 131)
    apply_restorer(model=model, source=tmp_path / "in", out=tmp_path / "out", defect="noise", device="cpu")
    assert largest == 2 * 150 * 131


@pytest.mark.parametrize(
    ("bright", "said"),
    [(5000, "% of its pixels are above 1600"), (90, "its brightest pixel is 90"), (500, None)],
)
def test_intensities_that_the_model_has_not_seen_are_told(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], bright: int, said: str | None
) -> None:
    pixels = np.full((2, 64, 64), 80, np.uint16)
    pixels[0, :20] = bright
    pixels[1, :] = 500
    write_ome(tmp_path / "in", pixels, "cyx")
    apply_restorer(model=model, source=tmp_path / "in", out=tmp_path / "out", defect="noise", device="cpu")
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert len(warnings) == (said is not None)
    if said:
        assert said in warnings[0] and "channel gfp" in warnings[0] and "within 100 to 1100" in warnings[0]


@pytest.mark.parametrize(("size", "warned"), [(0.1, False), (0.105, False), (0.2, True), (None, False)])
def test_pixels_of_another_size_are_told(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], size: float | None, warned: bool
) -> None:
    other = tmp_path / "model"
    arguments = {"width": 2, "blocks": 1, "n_conditions": 2}
    network = build_network("resnet_generator", arguments)
    save_network(_made(other), network, "resnet_generator", arguments, FACTS | {"pixel_size_um": 0.1})
    write_field(tmp_path / "in", draw("cyx"), channels=["gfp", "rfp"], pixel_size=PixelSize(y=size, x=size))
    apply_restorer(model=other, source=tmp_path / "in", out=tmp_path / "out", defect="noise", device="cpu")
    lines = [line for line in capsys.readouterr().err.splitlines() if "pixels of" in line]
    assert len(lines) == warned
    assert not warned or "in: has pixels of 0.2 um, but the training images of 0.1 um" in lines[0]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def command(*arguments: object) -> int:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr("sys.argv", ["multiscope", *map(str, arguments)])
        main()
    return int(ended.value.code or 0)


def test_the_command(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = draw("cyx")
    write_ome(tmp_path / "in", pixels, "cyx", names=["gfp", "TxRed"])
    place = ["restore", "apply", model, tmp_path / "in", tmp_path / "out", "--device", "cpu"]
    assert command(*place, "--defect", "noise", "--channel-map", "TxRed=rfp", "--tile", 64) == 0
    found = Restorer.load(model, CPU, tile=64).plane(pixels[1], "rfp", "noise")
    np.testing.assert_array_equal(read_field(tmp_path / "out")[1], np.rint(found))
    capsys.readouterr()
    for more, said in [
        ([], "--defect: is missing"),
        (["--defect", "dust"], "--defect 'dust': the model was not trained on it; it knows blur, noise"),
        (["--defect", "blur"], "not trained on the channel 'TxRed' but on gfp, rfp"),
        (["--defect", "blur", "--channels", "bfp"], "has no channel 'bfp', as --channels says; it has gfp, TxRed"),
        (["--defect", "blur", "--channel-map", "b=rfp"], "has no channel 'b', as --channel-map says"),
        (["--defect", "blur", "--channel-map", "gfp"], "--channel-map 'gfp': is not IMAGE=MODEL"),
        (["--defect", "blur", "--channels", "gfp", "--tile", "30"], "--tile 30: the model takes multiples of 4"),
        (["--defect", "blur", "--channels", "gfp", "--dtype", "int8"], "--dtype"),
    ]:
        assert command(*place, *more) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and said in lines[0], lines
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_restore_without_its_options_says_which_one_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("restore", "--pairs", "p", "--out", "o") == 2
    assert "Missing option '--data'" in capsys.readouterr().err
    assert command("restore", "--data", "d", "--pairs", "p") == 2
    assert "Missing option '--out'" in capsys.readouterr().err


def test_what_cannot_be_restored_is_one_line_and_leaves_nothing(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ome(tmp_path / "in", draw("cyx"), "cyx")
    spoiled = draw("cyx", np.float32)
    spoiled[1, 5, 5] = np.nan
    write_ome(tmp_path / "nan", spoiled, "cyx")
    write_ome(tmp_path / "strange", draw("cyx"), "cyx")
    (tmp_path / "files").mkdir()
    edit(tmp_path / "strange", lambda ome: ome["multiscales"][0]["axes"][0].update(name="lambda", type="wave"))
    write_ome(tmp_path / "empty", draw("cyx"), "cyx")
    for chunk in (tmp_path / "empty" / "s0" / "c").rglob("*"):
        if chunk.is_file():
            chunk.unlink()
    before = sorted(tmp_path.iterdir())

    def refused(source: str, said: str, out: str = "out", folder: Path = model) -> None:
        with pytest.raises(InputError, match=said) as caught:
            apply_restorer(model=folder, source=tmp_path / source, out=tmp_path / out, defect="noise", device="cpu")
        assert "\n" not in str(caught.value)
        assert sorted(tmp_path.iterdir()) == before

    refused("strange", "has the axes lambda, y, x for 3 dimensions; expected y, x and any of t, c, z")
    refused("nan", "has 1 pixels that are NaN")
    refused("empty", "no chunk of its pixels is there")
    refused("none", "none: ")
    refused("files", "is a folder of files")
    refused("in", "is, holds or lies in the image to restore", out="in")
    refused("in", "is, holds or lies in the image to restore", out="in/out")
    refused("in", "is, holds or lies in the image to restore", out="")
    refused("in", "is, holds or lies in the model", out=str(model))
    refused("in", r"holds no model\.json", folder=tmp_path / "in")
    refused("in", "holds files that no stage made", out="nan")
    monkeypatch.setattr(sources, "MAX_PLANES", 1)
    refused("in", "has 2 planes; expected up to 1")


def edit(path: Path, change: Any) -> None:
    content = json.loads((path / "zarr.json").read_text())
    change(content["attributes"]["ome"])
    (path / "zarr.json").write_text(json.dumps(content))


def test_a_killed_job_leaves_the_former_result(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_ome(tmp_path / "in", draw("cyx"), "cyx")
    run = {"model": model, "source": tmp_path / "in", "out": tmp_path / "out", "device": "cpu"}
    apply_restorer(**run, defect="noise")  # type: ignore[arg-type]
    former = read_field(tmp_path / "out")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(applying, "as_intensities", killed)
    with pytest.raises(KeyboardInterrupt):
        apply_restorer(**run, defect="blur")  # type: ignore[arg-type]
    np.testing.assert_array_equal(read_field(tmp_path / "out"), former)


def test_detail_that_the_model_has_not_seen_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    smooth = [np.rint(600 + gaussian_filter(rng.normal(size=(96, 96)), 4) * 500) for _ in range(4)]
    ranges = Range.of(np.concatenate([patch_features(plane, 32) for plane in smooth]))
    facts = FACTS | {"familiar": {"noise": {"gfp": ranges.facts()}}}
    arguments = {"width": 2, "blocks": 1, "n_conditions": 2}
    network = build_network("resnet_generator", arguments)
    (tmp_path / "model").mkdir()
    save_network(tmp_path / "model", network, "resnet_generator", arguments, facts)
    for name, plane in (("alike", smooth[0]), ("noisy", smooth[0] + rng.normal(0, 60, (96, 96)))):
        write_ome(tmp_path / name, plane.astype(np.uint16), "yx", names=("gfp",))
        apply_restorer(
            model=tmp_path / "model",
            source=tmp_path / name,
            out=tmp_path / f"{name}_out",
            defect="noise",
            channels=["gfp"],
            device="cpu",
        )
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert len(warnings) == 1
    assert (
        "noisy: channel gfp: most patches of 1 of 1 planes differ from all training patches in power_3" in warnings[0]
    )
